"""Memberships: in rows of their own, so that adding one costs the same in a group of ten and of a hundred thousand."""

from collections.abc import Generator, Iterable, Sequence
from typing import Literal

from proxeny.connectors.directory import tables
from proxeny.connectors.directory.fields import storable
from proxeny.connectors.directory.resources import members_value
from proxeny.connectors.errors import RefusedError
from proxeny.database import Request, Row
from proxeny.documents import Document

UnknownMembers = Literal["reject", "skip"]
CHUNK = 1000
ANSWERED = 1000
"""A write answers with the members of its group up to this many, unless ``members.limit`` says another number; whoever
wants more of them reads the group."""

NAMED = 10
"""A refusal names the unknown members up to this many."""

Answer = Generator[Request, list[Row], "list[Row]"]


def find(ids: Sequence[str], unknown: UnknownMembers) -> Answer:
    """Rows (id, seq, type, display) of those who exist, in the order asked; the others are refused or skipped."""
    found: dict[str, Row] = {}
    for start in range(0, len(ids), CHUNK):
        rows = yield tables.FIND, {"ids": [storable(value) for value in ids[start : start + CHUNK]]}
        found.update((row[0], row) for row in rows)
    missing = [value for value in ids if value not in found]
    if missing and unknown == "reject":
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise RefusedError(
            f"Unknown members: {', '.join(missing[:NAMED])}{more}. A member's value is the id of a user or group of "
            "the directory. Nothing was written; create them first, or leave them out.",
            status=400,
        )
    return [found[value] for value in ids if value in found]


def add(holder: int, members: Sequence[Row]) -> Generator[Request, list[Row], int]:
    """Make the rows of ``find`` members; how many were not before."""
    wanted = [row[1] for row in members]
    present = yield from _present(holder, wanted)
    new = [seq for seq in wanted if seq not in present]
    yield tables.JOIN_ALL, _pairs(holder, new)
    return len(new)


def remove(holder: int, members: Sequence[Row]) -> Generator[Request, list[Row], int]:
    """Take the rows of ``find`` out; how many were in."""
    gone = yield from _present(holder, [row[1] for row in members])
    yield tables.LEAVE_ALL, _pairs(holder, gone)
    return len(gone)


def _present(holder: int, seqs: Sequence[int]) -> Generator[Request, list[Row], set[int]]:
    """Who of these is a member; nothing is asked about nobody."""
    if not seqs:
        return set()
    rows = yield tables.PRESENT, {"holder": holder, "members": list(seqs)}
    return {row[0] for row in rows}


def set_to(holder: int, members: Sequence[Row]) -> Generator[Request, list[Row], tuple[int, int]]:
    """Make the members exactly these, by the difference; how many came and went."""
    rows = yield tables.MEMBER_SEQS, {"holder": holder}
    present = {row[0] for row in rows}
    wanted = {row[1] for row in members}
    yield tables.LEAVE_ALL, _pairs(holder, present - wanted)
    yield tables.JOIN_ALL, _pairs(holder, [seq for row in members if (seq := row[1]) not in present])
    return len(wanted - present), len(present - wanted)


def shown(holder: int, limit: int | None = None) -> Generator[Request, list[Row], list[Document]]:
    """The value of ``members``, whole or its first ``limit``."""
    elements: list[Document] = []
    after = -1
    while limit is None or len(elements) < limit:
        rows = yield tables.MEMBERS, {"holder": holder, "after": after, "limit": CHUNK}
        elements += members_value(rows)
        if len(rows) < CHUNK:
            break
        after = rows[-1][0]
    return elements


def _pairs(holder: int, members: Iterable[int]) -> list[dict[str, int]]:
    return [{"holder": holder, "member": member} for member in members]
