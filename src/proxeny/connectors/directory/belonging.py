"""Which groups users belong to, themselves or through other groups."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from proxeny.connectors.directory import tables
from proxeny.database import Row, Statement

Fetch = Callable[[Statement, dict[str, Any]], Awaitable[list[Row]]]


async def groups_of(seqs: Sequence[int], fetch: Fetch) -> Mapping[int, Sequence[Row]]:
    """Rows (user, id, display, direct) of the groups of each user, by the user's number and in the groups' order.

    For many users the way up is asked once for each group that they are in, not for each user: they share few groups.
    """
    if not seqs:
        return {}
    if len(seqs) == 1:
        return {seqs[0]: [row[:4] for row in await fetch(tables.GROUPS, {"seq": seqs[0]})]}
    direct = await fetch(tables.HOLDERS_OF_MANY, {"members": list(seqs)})
    holders = sorted({row[1] for row in direct})
    shown = {row[0]: row for row in await fetch(tables.NAMES, {"seqs": holders})} if holders else {}
    above: dict[int, list[Row]] = {}
    for row in await fetch(tables.GROUPS_OF_MANY, {"seqs": holders}) if holders else ():
        above.setdefault(row[0], []).append(row)
    found: dict[int, dict[int, Row]] = {}
    for member, holder in direct:
        groups = found.setdefault(member, {})
        if holder in shown:
            groups[holder] = (member, *shown[holder][1:], 1)
        for _, group_id, display, _, seq in above.get(holder, ()):
            groups.setdefault(seq, (member, group_id, display, 0))
    return {member: [groups[seq] for seq in sorted(groups)] for member, groups in found.items()}
