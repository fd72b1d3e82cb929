"""The directory's writes, each one transaction: create, full update, PATCH and delete as steps of a generator.

Version and uniqueness are decided inside the transaction that writes, so that of many who race one wins and the others
are told. ``accept`` runs before the commit: when it raises, nothing of the write remains.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

import orjson

from proxeny.connectors.directory import members, resources, tables, times
from proxeny.connectors.directory.fields import (
    GROUP_NAME,
    USER_ID,
    IndexKey,
    Keys,
    field_of,
    keys_of,
    path_of,
    storable,
    value_of,
)
from proxeny.connectors.directory.members import UnknownMembers
from proxeny.connectors.directory.resources import Incoming
from proxeny.connectors.errors import ConflictError, NotFoundError, VersionConflictError
from proxeny.connectors.spi import Accept, Entity
from proxeny.database import Request, Row
from proxeny.documents import Document, canonical
from proxeny.scim.patch import MembershipChanges, PatchOperation, apply_patch, parse_patch, split_memberships
from proxeny.scim.schema import CUSTOM_GROUP, SAP_USER, ResourceType

EntitySteps = Generator[Request, list[Row], Entity]


@dataclass(frozen=True, slots=True)
class Write:
    """What all writes need to know: the type, what to do with unknown members, who must agree, and whether groups may
    share a displayName, so that their names must differ from it; ``answered``: how many members are shown at most."""

    entity_type: str
    unknown: UnknownMembers = "reject"
    accept: Accept | None = None
    shared_display_names: bool = False
    answered: int = members.ANSWERED

    def agreed(self, entity: Entity) -> Entity:
        """The entity, once ``accept`` has agreed; what it sees is its own."""
        if self.accept is not None:
            self.accept(entity)
        return entity


@dataclass(frozen=True, slots=True)
class Changes:
    """A PATCH, taken apart: operations on attributes, and changes of members that need no look at the others."""

    resource_type: ResourceType
    operations: tuple[PatchOperation, ...]
    members: MembershipChanges | None

    @property
    def passwords(self) -> tuple[str, ...]:
        """Those that the operations set."""
        return tuple(each.value for each in self._about_password() if isinstance(each.value, str))

    @property
    def sets_password(self) -> bool:
        return any(True for _ in self._about_password())

    @property
    def touches_members(self) -> bool:
        """Whether operations on attributes need to know the members."""
        targets = (operation.target for operation in self.operations)
        return any(each.urn is None and each.attribute and each.attribute.name == "members" for each in targets)

    def _about_password(self) -> Iterator[PatchOperation]:
        for operation in self.operations:
            if operation.target.attribute is not None and operation.target.attribute.name == "password":
                yield operation


def changes_of(resource_type: ResourceType, document: Document) -> Changes:
    """Read a PatchOp; raises the ScimError that names the mistake."""
    operations, changes = split_memberships(parse_patch(document, resource_type))
    return Changes(resource_type, operations, changes)


def create(write: Write, want: Incoming, password: str | None, entity_id: str) -> EntitySteps:
    """A new entity; ConflictError with the other's id when something unique is taken."""
    seq, content = yield from _numbered(write.entity_type, want.content)
    if write.shared_display_names and write.entity_type == "group":
        content = yield from _named(seq, want.content, content)
    keys = keys_of(write.entity_type, content)
    yield from claim(seq, keys.unique, content)
    yield tables.ADD_KEY, entries(seq, keys.plain)
    joined = yield from members.find(want.members or (), write.unknown)
    now = times.now()
    change = yield from next_changes(1)
    row = (seq, entity_id, 1, now, now, len(joined), resources.stored(write.entity_type, entity_id, content))
    yield tables.INSERT, inserted(write.entity_type, row, change, resources.display_of(content), password)
    yield from members.add(seq, joined)
    entity = write.agreed((yield from _whole(write, row)))
    yield tables.COUNT, {"type": write.entity_type, "bucket": seq // tables.BUCKET, "more": 1}
    return entity


def replace_with(
    write: Write, entity_id: str, version: str | None, want: Incoming, password: str | None
) -> EntitySteps:
    """A full update; what the directory made stays."""
    row = yield from _locked(write.entity_type, entity_id, version)
    return (yield from rewrite(write, row, want, password))


def patch(
    write: Write, entity_id: str, version: str | None, changes: Changes, hashes: Mapping[str, str]
) -> EntitySteps:
    """A partial update; ``hashes`` has the hash of every password in it."""
    row = yield from _locked(write.entity_type, entity_id, version)
    if not changes.operations:
        return (yield from _change_members(write, row, changes.members))
    document = resources.entity_of(write.entity_type, row).document
    if changes.members is None and changes.touches_members:
        document["members"] = yield from members.shown(row[0])
    asked = write.accept is not None  # a client who is told; a job takes away what has no value, and this stays
    if asked and any(map(_forgets, changes.operations)):
        resources.refuse_to_forget(document)
    patched = apply_patch(document, changes.operations, changes.resource_type)
    want = resources.incoming(write.entity_type, patched)
    if changes.members is not None or not changes.touches_members:
        want = replace(want, members=None)
    password = hashes.get(want.password or "", "") if changes.sets_password else None
    return (yield from rewrite(write, row, want, password, changes.members, partial=asked))


def _forgets(operation: PatchOperation) -> bool:
    """Whether it takes away that an address was verified, which the directory puts back (decision 5)."""
    target = operation.target
    names = [each.name for each in (target.attribute, target.sub) if each is not None]
    return (operation.op, target.urn, names) == ("remove", SAP_USER, ["emails", "verified"])


def _change_members(write: Write, row: Row, changes: MembershipChanges | None) -> EntitySteps:
    """Only memberships change: neither the document nor the other members are looked at."""
    seq, entity_id, version, created, modified, size, data = row[:7]
    came, left = yield from _apply(write, seq, changes)
    if came or left:
        change = yield from next_changes(1)
        modified = times.after(modified)
        yield tables.TOUCH, {"which": seq, "modified": modified, "change": change, "more": came - left}
        version, size = version + 1, size + came - left
    return write.agreed((yield from _whole(write, (seq, entity_id, version, created, modified, size, data))))


def _apply(write: Write, seq: int, changes: MembershipChanges | None) -> Generator[Request, list[Row], tuple[int, int]]:
    """Carry out membership changes; how many came and went."""
    came = left = 0
    if changes is None:
        return came, left
    if changes.replaced is not None:
        wanted = yield from members.find(resources.member_ids(list(changes.replaced)), write.unknown)
        came, left = yield from members.set_to(seq, wanted)
    gone = yield from members.find(changes.removed, "skip")
    left += yield from members.remove(seq, gone)
    new = yield from members.find(resources.member_ids(list(changes.added)), write.unknown)
    came += yield from members.add(seq, new)
    return came, left


def delete(entity_type: str, entity_id: str, version: str | None) -> Generator[Request, list[Row], list[int]]:
    """The end of an entity: its keys, its memberships, and a tombstone for those who read changes. The groups that have
    lost it, by their sequence numbers.

    Groups are locked before their members, here as in all writes, so that writers wait for each other in one order.
    """
    present = yield tables.READ, {"type": entity_type, "id": storable(entity_id)}
    if present:
        holders = yield tables.HOLDERS, {"member": present[0][0]}
        yield tables.LOCK_MANY, {"seqs": [holder[0] for holder in holders]}
    row = yield from _locked(entity_type, entity_id, version)
    seq = row[0]
    keys = keys_of(entity_type, orjson.loads(row[6]))
    yield tables.DISSOLVE, {"holder": seq}
    holders = yield tables.FORGET_MEMBER, {"member": seq}
    yield tables.RELEASE, entries(seq, keys.unique)
    yield tables.DROP_KEYS, _by_field(seq, keys.plain)
    touched = yield tables.LOCK_MANY, {"seqs": [holder[0] for holder in holders if holder[0] != seq]}
    change = yield from next_changes(1 + len(touched))
    yield (
        tables.TOUCH,
        [
            {"which": holder, "modified": times.after(modified), "change": change - 1 - index, "more": -1}
            for index, (holder, modified) in enumerate(touched)
        ],
    )
    yield tables.BURY, {"change": change, "type": entity_type, "id": entity_id, "at": times.now()}
    yield tables.COUNT, {"type": entity_type, "bucket": seq // tables.BUCKET, "more": -1}
    yield tables.DELETE, {"seq": seq}
    return [holder for holder, _ in touched]


def rewrite(
    write: Write,
    row: Row,
    want: Incoming,
    password: str | None,
    changes: MembershipChanges | None = None,
    *,
    partial: bool = False,
) -> EntitySteps:
    """The locked ``row`` as ``want`` has it; a write that changes nothing leaves version and time alone."""
    seq, entity_id, version, created, modified, size, data, held = row
    old = resources.content_of(orjson.loads(data))
    content = resources.retained(write.entity_type, old, want.content, partial=partial)
    new_data = _unless_equal(resources.stored(write.entity_type, entity_id, content), data)
    came, left = yield from _apply(write, seq, changes)
    if want.members is not None:
        wanted = yield from members.find(want.members, write.unknown)
        came, left = yield from members.set_to(seq, wanted)
    if new_data != data or came or left or password is not None:
        yield from _rekey(seq, keys_of(write.entity_type, old), keys_of(write.entity_type, content), content)
        change = yield from next_changes(1)
        version, modified, size = version + 1, times.after(modified), size + came - left
        values = {"version": version, "modified": modified, "change": change, "members": size, "document": new_data}
        held = held if password is None else password or None
        yield tables.UPDATE, {**values, "which": seq, "display": resources.display_of(content), "password": held}
    return write.agreed((yield from _whole(write, (seq, entity_id, version, created, modified, size, new_data))))


def _unless_equal(new: bytes, old: bytes) -> bytes:
    """``new``, or ``old`` if only the order of attributes differs: clients and tables of people each have their own."""
    if new == old or len(new) != len(old) or canonical(orjson.loads(new)) != canonical(orjson.loads(old)):
        return new
    return old


def _whole(write: Write, row: Row) -> EntitySteps:
    """The entity as a write answers with it: with its members, if they are not too many."""
    entity_type = write.entity_type
    entity = resources.entity_of(entity_type, row)
    if entity_type == "group" and 0 < row[5] <= write.answered:
        entity.document["members"] = yield from members.shown(row[0])
    if entity_type == "user":
        groups = yield tables.GROUPS, {"seq": row[0]}
        if groups:
            entity.document["groups"] = resources.groups_value(groups)
    return entity


def _locked(entity_type: str, entity_id: str, version: str | None) -> Generator[Request, list[Row], Row]:
    rows = yield tables.LOCK, {"type": entity_type, "id": storable(entity_id)}
    if not rows:
        raise missing(entity_type, entity_id)
    if version is not None and version != str(rows[0][2]):
        raise VersionConflictError(
            f"The {entity_type} {entity_id} has changed since version {version}: it is at {rows[0][2]} now. "
            "Nothing was written; read it again and repeat the change."
        )
    return rows[0]


def missing(entity_type: str, entity_id: str) -> NotFoundError:
    return NotFoundError(f"There is no {entity_type} with the id '{entity_id}' in the directory.")


def next_changes(count: int) -> Generator[Request, list[Row], int]:
    """The last of ``count`` new change numbers; from here to the commit nobody else gets one."""
    rows = yield tables.NEXT_CHANGE, {"n": count}
    number: int = rows[0][0]
    return number


def allocate(count: int) -> Generator[Request, list[Row], list[int]]:
    """New sequence numbers."""
    rows = yield tables.ALLOCATE, {"n": count}
    numbers = [row[0] for row in rows]
    return numbers if len(numbers) == count else list(range(numbers[-1] - count + 1, numbers[-1] + 1))


def _numbered(entity_type: str, content: Document) -> Generator[Request, list[Row], tuple[int, Document]]:
    """A sequence number, and the content with what the directory makes; a userId that someone chose is passed over."""
    while True:
        (seq,) = yield from allocate(1)
        completed = resources.complete(entity_type, content, seq)
        made = value_of(USER_ID, completed) if entity_type == "user" else None
        if made is None or made == value_of(USER_ID, content):
            return seq, completed
        taken = yield tables.HOLDER, {"field": USER_ID.code, "key": USER_ID.key(made)}
        if not taken:
            return seq, completed


def _named(seq: int, given: Document, content: Document) -> Generator[Request, list[Row], Document]:
    """The content of a new group, whose name was made from its displayName, with a free name."""
    made = value_of(GROUP_NAME, content)
    if made is None or made == value_of(GROUP_NAME, given):
        return content
    taken = yield tables.HOLDER, {"field": GROUP_NAME.code, "key": GROUP_NAME.key(made)}
    return {**content, CUSTOM_GROUP: {**content[CUSTOM_GROUP], "name": f"{made}~{seq}"}} if taken else content


def claim(seq: int, unique: frozenset[IndexKey], content: Document) -> Generator[Request, list[Row], None]:
    """Take the unique keys, in one order for all; ConflictError names the first that another has."""
    for code, key in sorted(unique):
        claimed = yield tables.CLAIM, {"field": code, "key": key, "entity": seq}
        if not claimed:
            others = yield tables.HOLDER, {"field": code, "key": key}
            raise conflict(code, content, others[0][0] if others else None)


def conflict(code: int, content: Document, other_id: str | None) -> ConflictError:
    field = field_of(code)
    path, value = path_of(field), value_of(field, content)
    return ConflictError(
        f"The {field.entity_type} was not written: {path} '{value}' is taken, and it must be unique. "
        "Choose another value, or update the one who has it.",
        attribute=path,
        value=value,
        other_id=other_id,
    )


def _rekey(seq: int, old: Keys, new: Keys, content: Document) -> Generator[Request, list[Row], None]:
    if old == new:
        return
    yield tables.RELEASE, entries(seq, old.unique - new.unique)
    yield from claim(seq, new.unique - old.unique, content)
    yield tables.DROP_KEYS, _by_field(seq, old.plain - new.plain)
    yield tables.ADD_KEY, entries(seq, new.plain - old.plain)


def entries(seq: int, keys: frozenset[IndexKey]) -> list[dict[str, object]]:
    return [{"field": code, "key": key, "entity": seq} for code, key in keys]


def _by_field(seq: int, keys: frozenset[IndexKey]) -> list[dict[str, object]]:
    found: dict[int, list[str]] = {}
    for code, key in keys:
        found.setdefault(code, []).append(key)
    return [{"field": code, "keys": held, "entity": seq} for code, held in found.items()]


def inserted(entity_type: str, row: Row, change: int, display: str, password: str | None) -> dict[str, object]:
    """The parameters of INSERT for a row with the columns ``tables.SHOWN``."""
    shown = dict(zip(tables.SHOWN, row, strict=True))
    return {**shown, "type": entity_type, "change": change, "display": display, "password": password}
