"""Bulk import and export: the whole directory from a file or into one, in bounded memory.

Users come first, then groups, then memberships, whatever the order of the file, so that references resolve. Every
batch is one transaction: what was reported as done survives a crash, and the same import run again changes nothing
that is already there. A line that cannot be imported is reported with its number, and the others go on.
"""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Literal, TypeVar

import orjson

from proxeny.connectors.directory import announcing, formats, members, passwords, resources, tables, times, writing
from proxeny.connectors.directory.connector import ENTITY_TYPES, DirectoryConnector
from proxeny.connectors.directory.custom import CustomSchemas
from proxeny.connectors.directory.failures import translated
from proxeny.connectors.directory.fields import GROUP_NAME, RESOURCE_TYPES, USER_NAME, Keys, keys_of, storable, value_of
from proxeny.connectors.directory.formats import Line, ResourceTypes
from proxeny.connectors.directory.resources import Incoming
from proxeny.connectors.directory.writing import Write
from proxeny.connectors.errors import ConnectorError
from proxeny.database import Database, Request, Row
from proxeny.database.errors import DatabaseError
from proxeny.documents import Document
from proxeny.scim.errors import ScimError
from proxeny.scim.resource import canonical_names
from proxeny.scim.validate import validate

Format = Literal["json", "csv"]
Existing = Literal["update", "report"]
Outcome = Literal["created", "updated", "unchanged"]
T = TypeVar("T")
Progress = Callable[[int], None]
BATCH = 1000
SPOOL = 4 * 1024 * 1024
NAMING = {"user": USER_NAME, "group": GROUP_NAME}


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Why a line was not imported, or not wholly; ``line`` counts from 1."""

    line: int
    message: str


@dataclass(slots=True)
class ImportReport:
    """What an import did. ``problems`` in the order of the lines."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[LineProblem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def count(self, outcome: Outcome, more: int = 1) -> None:
        setattr(self, outcome, getattr(self, outcome) + more)


@dataclass(frozen=True, slots=True)
class _Item:
    """One entity on its way in. ``id`` is the one that the file gives, if any."""

    line: int
    kind: str
    id: str | None
    want: Incoming

    @property
    def name(self) -> str:
        """The value by which an entity that is already there is known."""
        return value_of(NAMING[self.kind], self.want.content) or str(self.want.content.get("displayName", ""))

    @property
    def key(self) -> str:
        return NAMING[self.kind].key(self.name)


async def import_lines(
    database: Database,
    lines: Iterable[bytes],
    progress: Progress = lambda done: None,
    *,
    format: Format = "json",  # noqa: A002  # what the command line calls it
    existing: Existing = "update",
    tell: bool | None = None,
) -> ImportReport:
    """Import users and groups. ``existing``: what to do with those who are there: bring them to what the file says,
    or report them. ``tell``: whether some source sends what changes in real time; None: as the last gateway said.
    ``progress`` gets the number of lines done. The directory's tables exist (DirectoryConnector.open).
    """
    wanted = await announcing.listening(database) if tell is None else tell
    custom = CustomSchemas(database, ENTITY_TYPES)
    await custom.load()
    types = custom.resource_types
    importing = _Import(database, progress, existing, types, tell=wanted)
    read = formats.table if format == "csv" else formats.json_lines
    with tempfile.SpooledTemporaryFile(max_size=SPOOL) as groups:
        batch: list[_Item] = []
        for line in read(lines, types):
            item = importing.item(line)
            if item is None:
                importing.done(1)
            elif item.kind == "group" and line.document is not None:
                groups.write(orjson.dumps([line.number, line.document]) + b"\n")
            else:
                batch.append(item)
            if len(batch) == BATCH:
                await importing.batch(batch)
                batch = []
        await importing.batch(batch)
        await importing.groups(groups)
    importing.report.problems.sort(key=lambda problem: problem.line)
    return importing.report


class _Import:
    """One import: its report, and the ids under which entities of the file are known here."""

    def __init__(
        self, database: Database, progress: Progress, existing: Existing, types: ResourceTypes, *, tell: bool
    ) -> None:
        self.database = database
        self.types = types
        self.tell = tell
        self.progress = progress
        self.existing = existing
        self.report = ImportReport()
        self.known_as: dict[str, str] = {}
        self.lines = 0

    def item(self, line: Line) -> _Item | None:
        """What a line holds, or None after a problem was noted."""
        if line.document is None:
            self.problem(line.number, line.problem)
            return None
        kind = formats.kind_of(line.document)
        try:
            document, _unknown = canonical_names(line.document, self.types[kind])
            checked = validate(document, self.types[kind], "create", unknown="keep").document
            given = document.get("id")
            entity_id = given if isinstance(given, str) and given == storable(given) else None
            return _Item(line.number, kind, entity_id, resources.incoming(kind, checked))
        except (ScimError, ConnectorError) as error:
            self.problem(line.number, str(error))
            return None

    def problem(self, line: int, message: str) -> None:
        self.report.problems.append(LineProblem(line, message))

    def done(self, count: int) -> None:
        self.lines += count
        self.progress(self.lines)

    async def batch(self, items: Sequence[_Item]) -> None:
        """Create those who are new together; the others, and a batch that cannot go together, one by one."""
        if not items:
            return
        rest = await self._commit(lambda: _create_new(items, tell=self.tell))
        self.report.count("created", len(items) - len(rest))
        if not await self._together(rest):
            for item in rest:
                await self._one(item)
        self.done(len(items))

    async def _together(self, items: Sequence[_Item]) -> bool:
        """Update in one transaction; False, and nothing done, if one of them is refused."""
        if any(item.want.password for item in items):
            return False
        try:
            done = await self._commit(lambda: _write_each(items, self.existing, tell=self.tell))
        except ConnectorError:
            return False
        for item, (outcome, entity_id) in zip(items, done, strict=True):
            self._note(item, outcome, entity_id)
        return True

    async def groups(self, spool: IO[bytes]) -> None:
        """The groups of the spool: first all without members, then the members, for groups are members of groups."""
        spool.seek(0)
        batch: list[_Item] = []
        for item in self._spooled(spool):
            batch.append(_Item(item.line, "group", item.id, Incoming(item.want.content, None, None)))
            if len(batch) == BATCH:
                await self.batch(batch)
                batch = []
        await self.batch(batch)
        failed = {problem.line for problem in self.report.problems}
        spool.seek(0)
        for item in self._spooled(spool):
            if item.want.members is not None and item.line not in failed:
                await self._members(item)

    def _spooled(self, spool: IO[bytes]) -> Iterator[_Item]:
        for raw in spool:
            number, document = orjson.loads(raw)
            item = self.item(Line(number, document))
            if item is not None:
                yield item

    async def _one(self, item: _Item) -> None:
        try:
            password = await passwords.hashed(item.want.password) if item.want.password else None
            outcome, entity_id = await self._commit(lambda: _write_one(item, password, self.existing, tell=self.tell))
        except ConnectorError as error:
            if error.next != "skip":
                raise
            self.problem(item.line, str(error))
            return
        self._note(item, outcome, entity_id)

    def _note(self, item: _Item, outcome: Outcome, entity_id: str) -> None:
        self.report.count(outcome)
        if item.id is not None and item.id != entity_id:
            self.known_as[item.id] = entity_id

    async def _members(self, item: _Item) -> None:
        wanted = [self.known_as.get(value, value) for value in item.want.members or ()]
        unknown = await self._commit(lambda: _set_members(item, wanted, tell=self.tell))
        if unknown:
            more = f" and {len(unknown) - members.NAMED} more" if len(unknown) > members.NAMED else ""
            self.problem(item.line, f"unknown members were left out: {', '.join(unknown[: members.NAMED])}{more}")

    async def _commit(self, steps: Callable[[], Generator[Request, list[Row], T]]) -> T:
        try:
            return await self.database.transaction(steps)
        except DatabaseError as error:
            raise translated(error) from error


@dataclass(frozen=True, slots=True)
class _New:
    """An item with all that a row needs."""

    seq: int
    id: str
    item: _Item
    content: Document
    keys: Keys

    def row(self, now: str, change: int) -> dict[str, object]:
        data = resources.stored(self.item.kind, self.id, self.content)
        shown = (self.seq, self.id, 1, now, now, 0, data)
        return writing.inserted(self.item.kind, shown, change, resources.display_of(self.content), None)


def _new(seq: int, item: _Item) -> _New:
    content = resources.complete(item.kind, item.want.content, seq)
    return _New(seq, item.id or resources.new_id(), item, content, keys_of(item.kind, content))


def _create_new(items: Sequence[_Item], *, tell: bool) -> Generator[Request, list[Row], list[_Item]]:
    """Create all who are new and whose keys nobody has; those who are left over."""
    numbers = yield from writing.allocate(len(items))
    every = [_new(seq, item) for seq, item in zip(numbers, items, strict=True)]
    taken = yield from _taken(every)
    rows: list[_New] = []
    rest: list[_Item] = []
    for new in every:
        if new.item.want.password or new.id in taken or not taken.isdisjoint(new.keys.unique):
            rest.append(new.item)
            continue
        taken.update(new.keys.unique, (new.id,))
        rows.append(new)
    yield tables.CLAIM_ALL, [entry for new in rows for entry in writing.entries(new.seq, new.keys.unique)]
    yield tables.ADD_KEY, [entry for new in rows for entry in writing.entries(new.seq, new.keys.plain)]
    before = (yield from writing.next_changes(len(rows))) - len(rows)
    now = times.now()
    yield tables.INSERT, [new.row(now, change) for change, new in enumerate(rows, before + 1)]
    yield tables.COUNT, _buckets(items[0].kind, [new.seq for new in rows])
    if tell:
        yield announcing.announced(items[0].kind, (new.id for new in rows))
    return rest


def _buckets(kind: str, seqs: Sequence[int]) -> list[dict[str, object]]:
    counts: dict[int, int] = {}
    for seq in seqs:
        counts[seq // tables.BUCKET] = counts.get(seq // tables.BUCKET, 0) + 1
    return [{"type": kind, "bucket": bucket, "more": more} for bucket, more in counts.items()]


def _taken(every: Sequence[_New]) -> Generator[Request, list[Row], set[object]]:
    """Of all keys and ids that the items bring, those that somebody has."""
    keys = [key for new in every for key in new.keys.unique]
    rows = yield tables.TAKEN, {"fields": sorted({code for code, _ in keys}), "keys": [key for _, key in keys]}
    ids = yield tables.FIND, {"ids": [new.id for new in every if new.item.id]}
    return {*((row[0], row[1]) for row in rows), *(row[0] for row in ids)}


def _write_each(
    items: Sequence[_Item], existing: Existing, *, tell: bool
) -> Generator[Request, list[Row], list[tuple[Outcome, str]]]:
    done = []
    for item in items:
        done.append((yield from _write_one(item, None, existing, tell=tell)))
    return done


def _write_one(
    item: _Item, password: str | None, existing: Existing, *, tell: bool
) -> Generator[Request, list[Row], tuple[Outcome, str]]:
    """Update who is there by id or by name, else create; what was done, and the id."""
    outcome, entity_id = yield from _written(item, password, existing)
    if tell and outcome != "unchanged":
        yield announcing.announced(item.kind, (entity_id,))
    return outcome, entity_id


def _written(
    item: _Item, password: str | None, existing: Existing
) -> Generator[Request, list[Row], tuple[Outcome, str]]:
    here = yield tables.READ, {"type": item.kind, "id": item.id or ""}
    entity_id = here[0][1] if here else None
    if entity_id is None:
        holder = yield tables.HOLDER, {"field": NAMING[item.kind].code, "key": item.key}
        entity_id = holder[0][0] if holder else None
    write = Write(item.kind, "skip")
    if entity_id is None:
        entity = yield from writing.create(write, item.want, password, item.id or resources.new_id())
        return "created", entity.id
    if existing == "report":
        raise writing.conflict(NAMING[item.kind].code, {"displayName": item.name, **item.want.content}, entity_id)
    before = yield tables.READ, {"type": item.kind, "id": entity_id}
    want = _keeping_state(item.want, before[0])
    entity = yield from writing.replace_with(write, entity_id, None, want, password)
    return "unchanged" if entity.version == str(before[0][2]) else "updated", entity_id


def _keeping_state(want: Incoming, row: Row) -> Incoming:
    """A line that does not say whether a person is active changes nothing about it."""
    state = orjson.loads(row[6]).get("active")
    return (
        want if state is None or "active" in want.content else replace(want, content={**want.content, "active": state})
    )


def _set_members(item: _Item, wanted: Sequence[str], *, tell: bool) -> Generator[Request, list[Row], list[str]]:
    """Make the members of an imported group what the file says; those of them whom nobody knows."""
    known, unknown = yield from _resolved(wanted)
    holder = yield tables.HOLDER, {"field": GROUP_NAME.code, "key": item.key}
    rows = yield tables.LOCK, {"type": "group", "id": item.id or ""}
    if not rows:
        rows = yield tables.LOCK, {"type": "group", "id": holder[0][0]}
    seq, modified = rows[0][0], rows[0][4]
    came, left = yield from members.set_to(seq, known)
    if came or left:
        change = yield from writing.next_changes(1)
        touched = {"which": seq, "modified": times.after(modified), "change": change, "more": came - left}
        yield tables.TOUCH, touched
        if tell:
            yield announcing.announced("group", (rows[0][1],))
    return unknown


def _resolved(wanted: Sequence[str]) -> Generator[Request, list[Row], tuple[list[Row], list[str]]]:
    """Members by their ids, else by userName or group name, as people write them; and whom nobody knows."""
    found = yield from members.find(wanted, "skip")
    missing = sorted(set(wanted) - {row[0] for row in found})
    unknown = []
    for value in missing:
        for naming in NAMING.values():
            holder = yield tables.HOLDER, {"field": naming.code, "key": naming.key(value)}
            if holder:
                found = [*found, *(yield from members.find([holder[0][0]], "skip"))]
                break
        else:
            unknown.append(value)
    return list({row[1]: row for row in found}.values()), unknown


async def export_lines(database: Database) -> AsyncIterator[bytes]:
    """Everything as JSON lines, users first; what ``import_lines`` reads. Passwords are not part of it."""
    directory = DirectoryConnector(database)
    for kind in RESOURCE_TYPES:
        async for entity in directory.read_all(kind):
            document = {name: value for name, value in entity.document.items() if name not in ("meta", "groups")}
            yield orjson.dumps(document) + b"\n"


async def export_table(database: Database) -> AsyncIterator[bytes]:
    """Everything as CSV, users first. Everything is read twice: once to learn which columns there are."""
    columns: dict[str, None] = {formats.KIND: None, "id": None}
    async for _, cells in _cells(database):
        columns.update(dict.fromkeys(cells))
    yield _row(columns)
    async for kind, cells in _cells(database):
        cells[formats.KIND] = kind
        yield _row(formats.harmless(cells.get(column, "")) for column in columns)


async def _cells(database: Database) -> AsyncIterator[tuple[str, dict[str, str]]]:
    directory = DirectoryConnector(database)
    for kind, resource_type in RESOURCE_TYPES.items():
        async for entity in directory.read_all(kind):
            entity.document.pop("groups", None)
            yield resource_type.name, formats.flat(entity.document)


def _row(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
