"""A payload against the schemas of its resource type (RFC 7643 §2, RFC 7644 §3.3, §3.5.1).

Names are canonical already (resource.py) and the client's dialect is taken out (dialects.py). What the client may not
write is dropped, as the standard has it; null is the same as absent; an empty list stays, because it says that the
attribute is to be cleared. ``schemas`` is made from the content. Canonical values are suggestions, so any is taken.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from proxeny.documents import Document
from proxeny.scim.errors import InvalidSyntaxError, InvalidValueError
from proxeny.scim.schema import Attribute, NameTable, ResourceType, Schema
from proxeny.scim.values import TEXTS, is_present, mistake

Unknown = Literal["warn", "reject", "keep"]


@dataclass(frozen=True, slots=True)
class Validated:
    """The document as it may go on, and what was left out of it and why, as sentences."""

    document: Document
    warnings: tuple[str, ...] = ()


def validate(
    document: Document,
    resource_type: ResourceType,
    operation: Literal["create", "replace"],
    *,
    unknown: Unknown = "warn",
    strict: bool = False,
) -> Validated:
    """The payload of a POST or PUT, checked; the argument is not changed.

    ``unknown`` attributes are dropped with a warning, refused, or kept. ``strict``: ``schemas`` must be there, name
    the core schema and every extension used, and nothing that the resource type does not have. Raises
    InvalidValueError (a value does not fit, or a required one is missing) and InvalidSyntaxError. Whether an immutable
    attribute changes is for the caller to compare.
    """
    check = ValueCheck(unknown)
    listed = _listed_schemas(document, resource_type, strict, check.warnings)
    made = check.members(document, resource_type.names, "")
    made.pop("schemas", None)
    for attribute in resource_type.schema.attributes:
        check.require(attribute, made, attribute.name, operation)
    for extension in resource_type.extensions:
        _check_extension(extension.schema, made, check, operation, required=extension.required)
    present = [extension.schema.id for extension in resource_type.extensions if extension.schema.id in made]
    if strict and not set(present) <= set(listed):
        raise InvalidSyntaxError("'schemas' does not list every extension that the resource uses.")
    kept = listed if unknown == "keep" else []
    schemas = dict.fromkeys((resource_type.schema.id, *present, *kept))
    return Validated({"schemas": list(schemas), **made}, tuple(check.warnings))


def _check_extension(schema: Schema, made: Document, check: "ValueCheck", operation: str, *, required: bool) -> None:
    extension = made.get(schema.id)
    if extension is None:
        if required:
            raise InvalidValueError(f"The extension {schema.id} is required; send it.")
        return
    for attribute in schema.attributes:
        check.require(attribute, extension, f"{schema.id}:{attribute.name}", operation)


def _listed_schemas(document: Document, resource_type: ResourceType, strict: bool, warnings: list[str]) -> list[str]:
    listed: Any = document.get("schemas")
    if listed is None and not strict:
        return []
    if not isinstance(listed, list) or not all(isinstance(urn, str) for urn in listed):
        raise InvalidSyntaxError(f"'schemas' must be a list of URNs that holds {resource_type.schema.id}.")
    known = {schema.id.lower(): schema.id for schema in resource_type.schemas}
    strange = [urn for urn in listed if urn.lower() not in known]
    if strict and (strange or resource_type.schema.id not in listed):
        raise InvalidSyntaxError(
            f"'schemas' must hold {resource_type.schema.id} and only extensions of {resource_type.name}"
            + (f", not {strange[0][:100]}." if strange else ".")
        )
    warnings.extend(f"The schema {urn[:100]} is not one of {resource_type.name} and was dropped." for urn in strange)
    return [known.get(urn.lower()) or urn for urn in listed]


@dataclass(slots=True)
class ValueCheck:
    """Checks values and drops what may not be written; collects ``warnings``. One per payload."""

    unknown: Unknown = "warn"
    warnings: list[str] = field(default_factory=list)

    def require(self, attribute: Attribute, container: Document, where: str, operation: str) -> None:
        """InvalidValueError if a required attribute has no value. A PUT need not repeat what only can be written."""
        if not attribute.required or attribute.mutability == "readOnly":
            return
        if attribute.mutability == "writeOnly" and operation == "replace":
            return
        if not is_present(container.get(attribute.name)):
            raise InvalidValueError(f"'{where}' is required; send it with a value.")

    def members(self, container: Document, names: NameTable, prefix: str, *, nulls: bool = False) -> Document:
        """The object without what may not be written; with ``nulls``, null members stay (they unassign in a PATCH)."""
        made: Document = {}
        for name, value in container.items():
            known = names.exact.get(name)
            if known is None:
                self._strange(name, value, prefix, made)
            elif value is None:
                if nulls:
                    made[name] = None
            elif isinstance(known, Schema):
                if extension := self._extension(known, value):
                    made[name] = extension
            elif known.mutability != "readOnly":
                checked = self.value(known, value, prefix + name)
                if checked is not None:
                    made[name] = checked
        return made

    def _strange(self, name: str, value: Any, prefix: str, made: Document) -> None:
        if self.unknown == "reject":
            raise InvalidSyntaxError(f"'{(prefix + name)[:200]}' is not an attribute of these resources; see /Schemas.")
        if self.unknown == "keep":
            made[name] = value
        else:
            self.warnings.append(f"'{(prefix + name)[:200]}' is not an attribute of these resources and was dropped.")

    def _extension(self, schema: Schema, value: Any) -> Document:
        if not isinstance(value, dict):
            raise InvalidValueError(f"'{schema.id}' must be an object.")
        return self.members(value, schema.names, schema.id + ":")

    def value(self, attribute: Attribute, value: Any, where: str) -> Any:
        """The checked value of an attribute, single or a list; None when nothing is left of it."""
        if not attribute.multi_valued:
            return self.single(attribute, value, where)
        if not isinstance(value, list):
            raise InvalidValueError(f"'{where}' has several values, so it must be a list.")
        made = [one for each in value if each is not None and (one := self.single(attribute, each, where)) is not None]
        if attribute.names.exact.get("primary") is not None:
            only_one_primary(made, where)
        return made

    def single(self, attribute: Attribute, value: Any, where: str) -> Any:
        """One checked value; InvalidValueError says what it must be."""
        if value.__class__ is str and attribute.type in TEXTS:
            if "\0" in value:
                raise InvalidValueError(f"'{where}' must not hold the character U+0000.")
            return value
        expected = mistake(attribute, value)
        if expected is not None:
            raise InvalidValueError(f"'{where}' must be {expected}, not {_kind(value)}.")
        if isinstance(value, dict):
            if not attribute.sub_attributes:
                return value
            made = self.members(value, attribute.names, where + ".")
            for sub in attribute.sub_attributes:
                if sub.required:
                    self.require(sub, made, f"{where}.{sub.name}", "create")
            return made or None
        return value


def only_one_primary(values: list[Any], where: str) -> None:
    """InvalidValueError when more than one element says that it is the primary one (RFC 7643 §2.4)."""
    if sum(1 for value in values if isinstance(value, dict) and value.get("primary") is True) > 1:
        raise InvalidValueError(f"'{where}' has more than one primary value; mark one at most.")


_KINDS = {dict: "an object", list: "a list", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value)) or "other text"
