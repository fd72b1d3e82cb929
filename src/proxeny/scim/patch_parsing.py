"""A PatchOp message → checked operations with one target each (RFC 7644 §3.5.2).

An operation without a path, or with an extension's URN as its path, is taken apart into one per key; keys may be
paths. A removal with a list of values, as one client sends it, becomes one removal by filter per value, so that no
list of values can be read as "remove all". Values are checked here, so that applying can only fail on the resource.
What no client may write (mutability readOnly) is not dropped, for a 2xx must be true: it becomes an operation that
compares the value with what is there. Beside others in the value of an object it says nothing, as in a PUT.
"""

from collections.abc import Iterator
from typing import Any, Literal, cast

from proxeny.documents import Document
from proxeny.scim.errors import (
    InvalidFilterError,
    InvalidPathError,
    InvalidSyntaxError,
    InvalidValueError,
    MutabilityError,
    NoTargetError,
    PayloadTooLargeError,
)
from proxeny.scim.filter.ast import And, AttributePath, Comparison, Filter
from proxeny.scim.filter.evaluate import compile_element_filter
from proxeny.scim.filter.parser import DEFAULT_LIMITS, FilterLimits, parse_path
from proxeny.scim.patch_operations import PATCH_SCHEMA, PatchOperation, Target
from proxeny.scim.resource import canonical_element, spelled_key
from proxeny.scim.schema import Attribute, ResourceType, Schema
from proxeny.scim.validate import Unknown, ValueCheck

EMPTY_OPERATIONS = "empty-operations"
FILTERED_WRITE_CREATES = "filtered-write-creates"
NULL_REMOVES = "null-removes"

MOST_OPERATIONS = 5_000
"""In one request: more of them would keep everybody else waiting for half a second. Values are not counted."""

_Op = Literal["add", "replace", "remove"]
_MISSING: Any = object()


def parse_patch(
    document: Document,
    resource_type: ResourceType,
    *,
    dialect: frozenset[str] = frozenset(),
    resource_id: str | None = None,
    unknown: Unknown = "warn",
    warnings: list[str] | None = None,
    limits: FilterLimits = DEFAULT_LIMITS,
) -> tuple[PatchOperation, ...]:
    """The operations of a PatchOp body, in order.

    ``dialect`` names what is tolerated (dialects.py; rewrites are done before). ``resource_id`` is the id in the URL:
    an equal ``id`` in a value is dropped, another one is MutabilityError; without it, and for everything else that is
    read-only, the comparison waits until the operations are applied. Keys of a value that no schema has are treated as
    in ``validate``; what was dropped is added to ``warnings``. Raises InvalidSyntaxError, InvalidPathError,
    InvalidFilterError, InvalidValueError, NoTargetError, MutabilityError.
    """
    parsing = _Parsing(resource_type, dialect, resource_id, ValueCheck(unknown), limits)
    made = tuple(each for raw in _raw_operations(document, dialect) for each in parsing.operations(raw))
    if warnings is not None:
        warnings.extend(parsing.check.warnings)
    return made


def check_operations(document: Document) -> None:
    """Refuses a PatchOp as a client sent it, before anything is done for each of its operations, if they are too many;
    raises PayloadTooLargeError."""
    operations = document.get(spelled_key(document, "Operations") or "")
    if isinstance(operations, list) and len(operations) > MOST_OPERATIONS:
        raise PayloadTooLargeError(
            f"The PATCH has {len(operations)} operations, more than the limit of {MOST_OPERATIONS}; nothing was "
            "changed. Send several, or one operation with a list of values."
        )


def _raw_operations(document: Document, dialect: frozenset[str]) -> list[Any]:
    schemas = document.get("schemas")
    if not isinstance(schemas, list) or PATCH_SCHEMA not in schemas:
        raise InvalidSyntaxError(f"The body is not a PatchOp: 'schemas' must hold {PATCH_SCHEMA}.")
    operations = document.get("Operations")
    if not isinstance(operations, list):
        raise InvalidSyntaxError("The body is not a PatchOp: 'Operations' must be a list.")
    if not operations and EMPTY_OPERATIONS not in dialect:
        raise InvalidSyntaxError("'Operations' is empty; send at least one operation.")
    return operations


class _Parsing:
    def __init__(
        self,
        resource_type: ResourceType,
        dialect: frozenset[str],
        resource_id: str | None,
        check: ValueCheck,
        limits: FilterLimits,
    ) -> None:
        self.resource_type, self.dialect, self.resource_id = resource_type, dialect, resource_id
        self.check, self.limits = check, limits

    def operations(self, raw: Any) -> Iterator[PatchOperation]:
        """The operations that one element of ``Operations`` stands for."""
        if not isinstance(raw, dict):
            raise InvalidSyntaxError("Each operation must be an object with 'op', 'path' and 'value'.")
        op, path, value = (
            raw[key] if (key := spelled_key(raw, name)) else _MISSING for name in ("op", "path", "value")
        )
        if op is _MISSING:
            raise InvalidSyntaxError("Each operation needs an 'op': add, replace or remove.")
        if op not in ("add", "replace", "remove"):
            raise InvalidSyntaxError(f"'op' must be add, replace or remove, not {str(op)[:40]!r}.")
        if path is _MISSING or path is None or path == "":
            yield from self._without_path(op, value)
        elif not isinstance(path, str):
            raise InvalidPathError("'path' must be text.")
        else:
            yield from self._with_path(op, path.strip(), value)

    def _without_path(self, op: _Op, value: Any) -> Iterator[PatchOperation]:
        if op == "remove":
            raise NoTargetError("A remove needs a 'path' that says what to remove.")
        if not isinstance(value, dict):
            raise InvalidValueError(f"The value of {op} without 'path' must be an object of attributes.")
        yield from self._keys(op, value, None)

    def _keys(self, op: _Op, value: Document, schema: Schema | None) -> Iterator[PatchOperation]:
        """One operation per key of an object that holds attributes of the core schema or of one extension."""
        for key, part in value.items():
            text = key if schema is None or key.lower().startswith("urn:") else f"{schema.id}:{key}"
            target = self._target_of_key(text)
            if target is None:
                self._strange(text)
            elif isinstance(target, Schema):
                yield from self._extension(op, target, part)
            elif not _is_schemas(target):
                yield from self._on_attribute(op, target, part)

    def _target_of_key(self, text: str) -> Target | Schema | None:
        """What a key stands for; a key that cannot be a path is one that no schema has."""
        try:
            return self._target(text)
        except (InvalidPathError, InvalidFilterError):
            if "[" in text:
                raise
            return None

    def _strange(self, text: str) -> None:
        if self.check.unknown == "reject":
            raise InvalidPathError(f"'{text[:200]}' is not an attribute of these resources; see /Schemas.")
        self.check.warnings.append(f"'{text[:200]}' is not an attribute of these resources and was dropped.")

    def _on_attribute(self, op: _Op, target: Target, value: Any) -> Iterator[PatchOperation]:
        if target.read_only:
            yield from self._compared(op, target, value)
        elif parts := self._read_only_parts(target, value):
            for sub, part in parts.items():
                yield from self._compared(op, Target(target.urn, target.attribute, sub), part)
        else:
            yield from self._checked(op, target, value)

    def _compared(self, op: _Op, target: Target, value: Any) -> Iterator[PatchOperation]:
        """What no client may write; some clients repeat it, so only another value is a mistake."""
        if op == "remove" or value is _MISSING or target.filter is not None:
            raise MutabilityError(f"'{target}' is read-only; leave it out.")
        attribute = cast(Attribute, target.attribute)
        if attribute.name != "id" or target.urn is not None or self.resource_id is None:
            named = value if target.sub is not None else self._named(attribute, value, str(target.path))
            yield PatchOperation(op, target, named)
        elif value != self.resource_id:
            raise MutabilityError("'id' cannot be changed; leave it out, or send the id of the resource.")

    def _read_only_parts(self, target: Target, value: Any) -> dict[Attribute, Any]:
        """The sub-attributes of a value that has nothing else to write."""
        attribute = cast(Attribute, target.attribute)
        whole = target.sub is None and target.filter is None and not attribute.multi_valued
        if not whole or not isinstance(value, dict):
            return {}
        parts = {attribute.sub(name): part for name, part in value.items()}
        read_only = {sub: part for sub, part in parts.items() if sub is not None and sub.mutability == "readOnly"}
        return read_only if len(read_only) == len(value) else {}

    def _extension(self, op: _Op, schema: Schema, value: Any) -> Iterator[PatchOperation]:
        if op == "remove" or (op == "replace" and value is None):
            yield PatchOperation("remove", Target(schema.id, None))
        elif isinstance(value, dict):
            yield from self._keys(op, value, None if schema is self.resource_type.schema else schema)
        else:
            raise InvalidValueError(f"The value for '{schema.id}' must be an object of its attributes.")

    def _with_path(self, op: _Op, text: str, value: Any) -> Iterator[PatchOperation]:
        target = self._target(text)
        if target is None:
            raise InvalidPathError(f"'{text[:200]}' is not an attribute of these resources; see /Schemas.")
        if isinstance(target, Schema):
            if value is _MISSING and op != "remove":
                raise InvalidValueError(f"{op} of '{text[:200]}' needs a 'value'.")
            if op == "remove" and target is self.resource_type.schema:
                raise MutabilityError("The core schema cannot be removed.")
            yield from self._extension(op, target, value)
            return
        if _is_schemas(target) and op != "remove":
            return
        if _is_schemas(target):
            raise MutabilityError("'schemas' follows from the content and cannot be removed; leave it out.")
        yield from self._on_attribute(op, target, value)

    def _target(self, text: str) -> Target | Schema | None:
        """The target of a path, the schema for a path that is its URN, or None if there is no such attribute."""
        schema = self.resource_type.extension(text)
        if schema is None and text.lower() == self.resource_type.schema.id.lower():
            schema = self.resource_type.schema
        if schema is not None:
            return schema
        path, tree = parse_path(text, limits=self.limits)
        located = self.resource_type.find(path)
        if located is None:
            return None
        if tree is not None:
            self._check_filter(path, tree, located.attribute)
        return Target(located.urn, located.attribute, located.sub, tree)

    @staticmethod
    def _check_filter(path: AttributePath, tree: Filter, attribute: Attribute) -> None:
        if not attribute.multi_valued:
            raise InvalidPathError(f"'{path.name}' has one value, so there is nothing to choose in brackets.")
        compile_element_filter(tree, attribute)

    def _checked(self, op: _Op, target: Target, value: Any) -> Iterator[PatchOperation]:
        """Operations on one attribute, their values checked."""
        if op == "remove":
            yield from self._removals(target, None if value is _MISSING else value)
            return
        if value is _MISSING or (value is None and op == "add" and NULL_REMOVES not in self.dialect):
            raise InvalidValueError(f"{op} of '{target}' needs a 'value'.")
        if value is None:
            yield from self._removals(target, None)
            return
        checked = self._value(target, value)
        if op == "replace" and checked == [] and _whole(target) and cast(Attribute, target.attribute).required:
            raise MutabilityError(f"'{target}' is required and cannot be cleared.")
        yield PatchOperation(op, target, checked, FILTERED_WRITE_CREATES in self.dialect)

    def _value(self, target: Target, value: Any) -> Any:
        attribute, where = cast(Attribute, target.attribute), str(target.path)
        if target.sub is not None:
            return self.check.value(target.sub, value, where)
        value = self._named(attribute, value, where)
        if attribute.multi_valued and target.filter is None:
            return self.check.value(attribute, value if isinstance(value, list) else [value], where)
        if attribute.type != "complex" or not isinstance(value, dict):
            return self.check.single(attribute, value, where)
        return self.check.members(value, attribute.names, where + ".", nulls=True)

    def _named(self, attribute: Attribute, value: Any, where: str) -> Any:
        """Names in the schema's case; unknown ones are left to the check that follows."""
        return canonical_element(value, attribute.names, where + ".", []) if attribute.type == "complex" else value

    def _removals(self, target: Target, value: Any) -> Iterator[PatchOperation]:
        attribute = cast(Attribute, target.attribute)
        required = attribute.required or (target.sub is not None and target.sub.required)
        if required and target.filter is None and value is None:
            raise MutabilityError(f"'{target}' is required and cannot be removed.")
        if value is None or target.filter is not None or target.sub is not None or not attribute.multi_valued:
            yield PatchOperation("remove", target)
            return
        named = self._named(attribute, value if isinstance(value, list) else [value], str(target))
        for element in named:
            yield PatchOperation("remove", Target(target.urn, attribute, None, _selector(attribute, element)))


def _whole(target: Target) -> bool:
    return target.sub is None and target.filter is None


def _is_schemas(target: Target) -> bool:
    """``schemas`` follows from the content, so writing it does nothing."""
    return target.urn is None and cast(Attribute, target.attribute).name == "schemas"


def _selector(attribute: Attribute, element: Any) -> Filter:
    """The filter for what an element of a removal's value describes; by ``value`` alone where that identifies."""
    given = element if isinstance(element, dict) else {"value": element}
    identity = attribute.sub("value")
    if identity is not None and identity.mutability == "immutable" and given.get("value") is not None:
        given = {"value": given["value"]}
    terms = tuple(
        Comparison(AttributePath(name), "eq", part)
        for name, part in given.items()
        if part is not None and not isinstance(part, dict | list)
    )
    if not terms or any(attribute.type == "complex" and attribute.sub(term.path.name) is None for term in terms):
        raise InvalidValueError(f"A value to remove from '{attribute.name}' must be an object that describes it.")
    return terms[0] if len(terms) == 1 else And(terms)
