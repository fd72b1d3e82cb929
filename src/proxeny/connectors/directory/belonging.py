"""Who belongs to whom: the groups of users, their own and those of their groups, and the members of groups."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from proxeny.connectors.directory import members, resources, tables
from proxeny.database import Row, Statement
from proxeny.documents import Document

DENSE = 2
"""Users whose numbers lie in a span of up to so many times their count are asked for as that span, in one walk."""
TOGETHER = 5000
"""Members of several groups that are read at once."""
Fetch = Callable[[Statement, dict[str, Any]], Awaitable[list[Row]]]


async def groups_of(seqs: Sequence[int], fetch: Fetch) -> Mapping[int, Sequence[Row]]:
    """Rows (user, id, display, direct) of the groups of each user, by the user's number and in the groups' order.

    For many users the way up is asked once for each group that they are in, not for each user: they share few groups.
    """
    if not seqs:
        return {}
    if len(seqs) == 1:
        return {seqs[0]: [row[:4] for row in await fetch(tables.GROUPS, {"seq": seqs[0]})]}
    direct = await _holders(seqs, fetch)
    if not direct:
        return {}
    holders = sorted({row[1] for row in direct})
    shown = {row[0]: row for row in await fetch(tables.NAMES, {"seqs": holders})}
    above: dict[int, list[Row]] = {}
    for row in await fetch(tables.GROUPS_OF_MANY, {"seqs": holders}):
        above.setdefault(row[0], []).append(row)
    found: dict[int, dict[int, Row]] = {}
    for member, holder in direct:
        groups = found.setdefault(member, {})
        if holder in shown:
            groups[holder] = (member, *shown[holder][1:], 1)
        for _, group_id, display, _, seq in above.get(holder, ()):
            groups.setdefault(seq, (member, group_id, display, 0))
    return {member: [groups[seq] for seq in sorted(groups)] for member, groups in found.items()}


async def _holders(seqs: Sequence[int], fetch: Fetch) -> list[Row]:
    """Rows (user, group) of the groups that hold the users themselves."""
    first, last = min(seqs), max(seqs)
    if last - first >= DENSE * len(seqs):
        return await fetch(tables.HOLDERS_OF_MANY, {"members": list(seqs)})
    wanted = set(seqs)
    return [row for row in await fetch(tables.HOLDERS_BETWEEN, {"first": first, "last": last}) if row[0] in wanted]


async def members_of(groups: Sequence[Row], fetch: Fetch) -> dict[int, list[Document]]:
    """The members of groups (rows that begin with ``tables.SHOWN``) by their numbers: of small ones together, of large
    ones one by one, in chunks."""
    small = [row for row in groups if row[5] <= members.CHUNK] if len(groups) > 1 else []
    held: dict[int, list[Document]] = {row[0]: [] for row in groups}
    while small:
        batch: list[Row] = []
        size = 0
        while small and (not batch or size + small[-1][5] <= TOGETHER):
            batch.append(small.pop())
            size += batch[-1][5]
        found = await fetch(tables.MEMBERS_OF_MANY, {"holders": [row[0] for row in batch]})
        for holder, rows in groupby(found, itemgetter(0)):
            held[holder] = resources.members_value(list(rows))
    for row in groups:
        if row[5] > members.CHUNK or len(groups) == 1:
            held[row[0]] = await _members(row[0], fetch)
    return held


async def _members(holder: int, fetch: Fetch) -> list[Document]:
    rows: list[Document] = []
    after, chunk = -1, members.CHUNK
    while True:
        more = await fetch(tables.MEMBERS, {"holder": holder, "after": after, "limit": chunk})
        rows += resources.members_value(more)
        if len(more) < chunk:
            return rows
        after = more[-1][0]
