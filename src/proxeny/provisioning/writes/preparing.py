"""What a client sent, made ready for the write program: canonical names, dialect, schema validation, kept values
(decisions 5, 7).
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from proxeny.documents import Document
from proxeny.provisioning.endpoints.endpoint import Endpoint
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.endpoints.reading import Reading
from proxeny.provisioning.writes.removals import Names, value_at
from proxeny.scim.dialects import Dialect, rewrite_patch, rewrite_resource
from proxeny.scim.errors import InvalidSyntaxError, MutabilityError, UniquenessError
from proxeny.scim.filter.ast import AttributePath, Comparison
from proxeny.scim.patch import PatchOperation, check_operations, parse_patch, patch_document, touched_paths
from proxeny.scim.query import Query
from proxeny.scim.resource import canonical_names, spelled_key
from proxeny.scim.schema import ResourceType
from proxeny.scim.validate import Unknown, validate
from proxeny.scim.values import is_present
from proxeny.transform import Lineage

logger = logging.getLogger("proxeny.proxy")

_MOST_WARNINGS = 20


class Prepared(NamedTuple):
    """A PATCH: what it changes, the same as a PatchOp to be passed on, and what it says of read-only attributes."""

    operations: tuple[PatchOperation, ...]
    body: Document
    compared: tuple[PatchOperation, ...]


class Preparing:
    """Prepares what is written through one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._immutable = tuple(_immutable(endpoint.resource_type))

    def resource(self, document: Document, operation: str, call: Call, *, url_id: str | None = None) -> Document:
        """The body of a POST (``create``) or PUT (``replace``), checked; raises a 400 that names what is wrong."""
        _require_object(document)
        resource_type = self._endpoint.resource_type
        named, _ = canonical_names(document, resource_type)
        rewritten, acted = rewrite_resource(named, self._dialect(call), resource_type)
        self._tell_rewrites(acted, call)
        validated = validate(
            rewritten, resource_type, "create" if operation == "create" else "replace", unknown=self._unknown
        )
        self._tell_warnings(validated.warnings, call)
        common = validated.document
        if url_id is not None:
            common["id"] = url_id
        return common

    def patch(self, document: Document, call: Call, *, url_id: str) -> "Prepared":
        """The operations of a PatchOp, and the canonical PatchOp to be passed on."""
        _require_object(document)
        check_operations(document)
        dialect = self._dialect(call)
        rewritten, acted = rewrite_patch(document, dialect, self._endpoint.resource_type)
        self._tell_rewrites(acted, call)
        warnings: list[str] = []
        operations = parse_patch(
            rewritten,
            self._endpoint.resource_type,
            dialect=dialect,
            resource_id=url_id,
            unknown=self._unknown,
            warnings=warnings,
        )
        self._tell_warnings(warnings, call)
        compared = tuple(each for each in operations if each.only_compares)
        operations = tuple(self._writable((each for each in operations if not each.only_compares), call))
        return Prepared(operations, patch_document(operations), compared)

    def patched(self, document: Document, call: Call) -> Document:
        """A resource after a PATCH, checked as a full update."""
        validated = validate(document, self._endpoint.resource_type, "replace", unknown=self._unknown)
        self._tell_warnings(validated.warnings, call)
        validated.document["id"] = document.get("id")
        return validated.document

    def kept(self, common: Document, current: Document, sent: Document) -> Document:
        """What a PUT did not mean to clear: an absent ``active`` and absent ``members`` stay (decision 5). Null for
        ``active`` in what was ``sent`` is a word (RFC 7643 §2.5); members are cleared by ``[]`` alone. What cannot
        change stays too, or two updates would change it."""
        switches = self._endpoint.switches
        keep_active = switches.keep_active and not _is_null(sent, "active")
        for name, keep in (("active", keep_active), ("members", switches.keep_members)):
            if keep and name not in common and name in current:
                common = {**common, name: current[name]}
        for names in self._immutable:
            if value_at(common, names) is None and is_present(value := value_at(current, names)):
                common = _with(common, names, value)
                if ":" in names[0] and names[0] not in common["schemas"]:
                    common["schemas"] = [*common["schemas"], names[0]]
        return common

    def keeps_members(self, common: Document) -> bool:
        """Whether a PUT says nothing of the members of its group, and they stay."""
        return self._endpoint.switches.keep_members and "members" not in common

    def immutable(self, current: Document, common: Document) -> None:
        """MutabilityError if a value that cannot change once it is there would change (RFC 7644 §3.5.1)."""
        for names in self._immutable:
            before, after = value_at(current, names), value_at(common, names)
            if is_present(before) and after is not None and before != after:
                raise MutabilityError(f"{names[-1]!r} cannot be changed once it has a value; send what it is.")

    async def unique_display_name(self, common: Document, reading: Reading, call: Call) -> None:
        """Switch ``group.displayName.unique=yes``: a group of that name must not exist yet."""
        name = common.get("displayName")
        if self._endpoint.switches.unique_display_name != "yes" or self._endpoint.entity_type != "group" or not name:
            return
        same = Query(filter=Comparison(AttributePath("displayName"), "eq", name), count=1)
        if (await reading.listing(same, call.base)).total:
            raise UniquenessError(f"A group with the displayName {name!r} exists already; use another name.")

    @property
    def _unknown(self) -> Unknown:
        return "reject" if self._endpoint.switches.reject_unknown else "warn"

    def _dialect(self, call: Call) -> Dialect:
        return call.dialect if call.dialect is not None else self._endpoint.switches.dialect

    def _writable(self, operations: Iterable[PatchOperation], call: Call) -> Iterable[PatchOperation]:
        """Operations on attributes that some write mapping may write; others would be lost on the way (decision 4)."""
        writes = self._endpoint.writes
        for operation in operations:
            if writes is None or self._endpoint.switches.patch_any or _reaches(writes, operation):
                yield operation
                continue
            name = str(operation.target)
            if self._endpoint.switches.reject_unknown:
                raise MutabilityError(f"{name!r} is written by no mapping of this system; leave it out.")
            self._tell_warnings([f"{name!r} is written by no mapping and was left out"], call)

    def _tell_rewrites(self, acted: Iterable[str], call: Call) -> None:
        for name in acted:
            logger.info(
                "a tolerant rewrite acted: %s", name, extra={"system": self._endpoint.system, "caller": call.caller}
            )

    def _tell_warnings(self, warnings: Sequence[str], call: Call) -> None:
        """One line for each, up to what one request may fill the log with."""
        told = {"system": self._endpoint.system, "caller": call.caller}
        for warning in warnings[:_MOST_WARNINGS]:
            logger.warning("%s", warning, extra=told)
        if len(warnings) > _MOST_WARNINGS:
            logger.warning("%d warnings more of the same request", len(warnings) - _MOST_WARNINGS, extra=told)


def _reaches(writes: Lineage, operation: PatchOperation) -> bool:
    if operation.target.attribute is None:
        return writes.may_read((str(operation.target.urn),))
    return any(writes.may_read(_names(path)) for path in touched_paths((operation,)))


def _immutable(resource_type: ResourceType) -> Iterator[Names]:
    """Where the attributes stand that cannot change once they have a value; the parts of single values too."""
    for schema in resource_type.schemas:
        head = () if schema is resource_type.schema else (schema.id,)
        for attribute in schema.attributes:
            if attribute.mutability == "immutable":
                yield (*head, attribute.name)
            elif not attribute.multi_valued:
                subs = (sub.name for sub in attribute.sub_attributes if sub.mutability == "immutable")
                yield from ((*head, attribute.name, sub) for sub in subs)


def _with(document: Document, names: Names, value: Any) -> Document:
    """The document with ``value`` where ``names`` lead; neither it nor an object in it is changed."""
    name, *inner = names
    within = document.get(name)
    return {
        **document,
        name: _with(within if isinstance(within, dict) else {}, tuple(inner), value) if inner else value,
    }


def _is_null(document: Document, name: str) -> bool:
    key = spelled_key(document, name)
    return key is not None and document[key] is None


def _names(path: AttributePath) -> tuple[str, ...]:
    return tuple(name for name in (path.urn, path.name, path.sub) if name is not None)


def _require_object(document: object) -> None:
    if not isinstance(document, dict):
        raise InvalidSyntaxError("The body must be a JSON object.")
