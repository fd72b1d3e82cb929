"""What known clients send differently from the standard, as named rewrites that can be switched one by one.

``REWRITES`` is the table: what each is called, which clients need it, and what it does. A system or a technical user
has a dialect, made by ``dialect_of`` of client names or of single rewrites; ``strict`` is none. The rewrites make a
standard message of what came, say which of them acted (for the log), and leave everything else to the checks that
follow. They never change their argument, and never guess: what they do not understand stays as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from proxeny.documents import Document
from proxeny.scim.errors import BadRequestError, UnknownDialectError
from proxeny.scim.filter.parser import parse_path
from proxeny.scim.patch_operations import PATCH_SCHEMA
from proxeny.scim.patch_parsing import EMPTY_OPERATIONS, FILTERED_WRITE_CREATES, NULL_REMOVES
from proxeny.scim.resource import spelled_key
from proxeny.scim.schema import Attribute, ResourceType, Schema
from proxeny.scim.values import TEXTS, mistake, number, truth

Dialect = frozenset[str]
GROUP_PATCH_WITHOUT_BODY = "group-patch-without-body"
ValueRewrite = Callable[[Attribute, Any], Any]


def _boolean(attribute: Attribute, value: Any) -> Any:
    made = truth(value) if attribute.type == "boolean" else None
    return value if made is None else made


def _parsed(attribute: Attribute, value: Any) -> Any:
    if attribute.type != "complex" or not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return orjson.loads(value)
    except ValueError:
        return value


def _object(attribute: Attribute, value: Any) -> Any:
    if attribute.type != "complex" or not isinstance(value, str) or attribute.sub("value") is None:
        return value
    return {"value": value} if value else None


def _only_one(attribute: Attribute, value: Any) -> Any:
    if not isinstance(value, list) or len(value) != 1:
        return value
    element = value[0]
    if attribute.type != "complex" and isinstance(element, dict):
        return element.get("value", value)
    return element


def _as_text(attribute: Attribute, value: Any) -> Any:
    textual = attribute.type in TEXTS and isinstance(value, int | float)
    return str(value) if textual and not isinstance(value, bool) else value


def _as_number(attribute: Attribute, value: Any) -> Any:
    made = number(value) if attribute.type in ("integer", "decimal") and isinstance(value, str) else None
    return value if made is None else made


def _without_null_reference(attribute: Attribute, value: Any) -> Any:
    if not isinstance(value, dict) or "$ref" not in value or value["$ref"] is not None:
        return value
    return {name: part for name, part in value.items() if name != "$ref"}


def _unpacked_role(attribute: Attribute, value: Any) -> Any:
    packed = value.get("value") if isinstance(value, dict) and attribute.name in ("roles", "entitlements") else None
    if not isinstance(packed, str) or not packed.lstrip().startswith("{"):
        return value
    inner = _parsed(attribute, packed)
    if not isinstance(inner, dict) or not isinstance(inner.get("value"), str):
        return value
    display = inner.get("displayName") or inner.get("display")
    return {**value, "value": inner["value"], **({"display": display} if isinstance(display, str) else {})}


def _is_text(attribute: Attribute) -> bool:
    return attribute.type in TEXTS and not attribute.multi_valued


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One difference. ``value`` is tried on a value that does not fit its attribute; with ``always``, on all objects.

    A rewrite without ``value`` concerns the message as a whole and is carried out where the message is read.
    """

    name: str
    clients: tuple[str, ...]
    description: str
    value: ValueRewrite | None = None
    always: bool = False


REWRITES: tuple[Rewrite, ...] = (
    Rewrite("capitalised-op", ("entra", "okta"), "'op' in any case: Add, Replace, Remove."),
    Rewrite("operations-in-any-case", ("entra", "okta"), "'operations' for 'Operations'."),
    Rewrite("missing-schemas", ("entra", "okta"), "A PatchOp without 'schemas'."),
    Rewrite(EMPTY_OPERATIONS, ("entra",), "A PatchOp without operations changes nothing."),
    Rewrite(FILTERED_WRITE_CREATES, ("entra",), "A write to attribute[filter] that chooses nothing makes the value."),
    Rewrite(NULL_REMOVES, ("entra",), "'add' of null, or of an empty text where an object belongs, removes."),
    Rewrite("unknown-schemas", ("entra", "okta"), "Schema URIs that the resource type does not have are dropped."),
    Rewrite("dotted-names", ("entra",), "name.givenName and urn:…:attribute as names in a resource are nested."),
    Rewrite("roles-full-set", (), "'add' of roles is their full set, for clients that never remove one."),
    Rewrite("null-reference", ("entra",), "'$ref': null is dropped.", _without_null_reference, always=True),
    Rewrite("json-role", ("entra",), "A role whose value is JSON text is unpacked.", _unpacked_role, always=True),
    Rewrite("string-boolean", ("entra", "okta"), 'Booleans as text: "True", "false".', _boolean),
    Rewrite("json-in-string", ("entra",), "JSON text where an object or a list belongs is read.", _parsed),
    Rewrite("single-in-list", ("entra",), "A list of one where a single value belongs.", _only_one),
    Rewrite("text-for-object", ("entra", "okta"), "Text where an object with 'value' belongs (manager).", _object),
    Rewrite("single-for-list", ("entra", "okta"), "A single value where a list belongs."),
    Rewrite("number-for-text", ("entra", "okta"), "A number where text belongs.", _as_text),
    Rewrite(GROUP_PATCH_WITHOUT_BODY, ("entra",), "PATCH of a group is answered 204, without the group."),
    Rewrite("text-for-number", ("entra", "okta"), "Text where a number belongs.", _as_number),
)  # fmt: skip
_NAMES = frozenset(rewrite.name for rewrite in REWRITES)
_CLIENTS = {
    client: frozenset(rewrite.name for rewrite in REWRITES if client in rewrite.clients) for client in ("entra", "okta")
} | {"strict": frozenset[str]()}


def dialect_of(*names: str) -> Dialect:
    """The dialect of clients (``entra``, ``okta``, ``strict``) and single rewrites together.

    UnknownDialectError names those that exist.
    """
    made: set[str] = set()
    for name in names:
        if name not in _CLIENTS and name not in _NAMES:
            known = ", ".join(sorted((*_CLIENTS, *_NAMES)))
            raise UnknownDialectError(f"There is no client dialect {name!r}; those that there are: {known}.")
        made |= _CLIENTS.get(name, {name})
    return frozenset(made)


DEFAULT_DIALECT = dialect_of("entra", "okta")


def rewrite_patch(
    document: Document, dialect: Dialect, resource_type: ResourceType
) -> tuple[Document, tuple[str, ...]]:
    """A PatchOp body as the standard has it, and the names of the rewrites that acted. Never raises."""
    rewriting = _Rewriting(dialect, resource_type)
    made = dict(document)
    key = spelled_key(made, "Operations")
    if key not in (None, "Operations") and rewriting.acts("operations-in-any-case"):
        made["Operations"] = made.pop(str(key))
    if "schemas" not in made and rewriting.acts("missing-schemas"):
        made["schemas"] = [PATCH_SCHEMA]
    operations = made.get("Operations")
    if isinstance(operations, list):
        made["Operations"] = [rewriting.operation(each) if isinstance(each, dict) else each for each in operations]
    return made, tuple(rewriting.acted)


def rewrite_resource(
    document: Document, dialect: Dialect, resource_type: ResourceType
) -> tuple[Document, tuple[str, ...]]:
    """The body of a POST or PUT (names canonical) as the standard has it, and what acted. Never raises."""
    rewriting = _Rewriting(dialect, resource_type)
    if not dialect:
        return document, ()
    made = rewriting.nested(document)
    return rewriting.container(rewriting.known_schemas(made), resource_type), tuple(rewriting.acted)


class _Rewriting:
    """One message on its way to the standard; remembers what acted."""

    def __init__(self, dialect: Dialect, resource_type: ResourceType) -> None:
        self.dialect, self.resource_type = dialect, resource_type
        self.acted: dict[str, None] = {}
        enabled = [rewrite for rewrite in REWRITES if rewrite.value and rewrite.name in dialect]
        self.misfits = [(rewrite.name, rewrite.value) for rewrite in enabled if rewrite.value and not rewrite.always]
        self.always = [(rewrite.name, rewrite.value) for rewrite in enabled if rewrite.value and rewrite.always]

    def acts(self, name: str) -> bool:
        """Whether the rewrite is switched on; then it is noted as having acted."""
        if name in self.dialect:
            self.acted[name] = None
        return name in self.dialect

    def operation(self, raw: Document) -> Document:
        """One operation of a PatchOp."""
        made = {name.lower() if name.lower() in ("op", "path", "value") else name: part for name, part in raw.items()}
        op, path = made.get("op"), made.get("path")
        if isinstance(op, str) and op != op.lower() and self.acts("capitalised-op"):
            made["op"] = op = op.lower()
        if "value" not in made:
            return made
        if isinstance(path, str) and path.strip():
            made["value"] = self.at_path(path.strip(), made["value"])
            return self.settled(made)
        if isinstance(made["value"], dict):
            made["value"] = {name: self.at_path(name, part) for name, part in made["value"].items()}
        return made

    def settled(self, made: Document) -> Document:
        """What is left to say of an operation with a path once its value is rewritten."""
        if made.get("op") == "add" and made["value"] is None and self.acts(NULL_REMOVES):
            return {"op": "remove", "path": made["path"]}
        if made.get("op") == "replace" and made["value"] is None:
            return made
        roles = made.get("op") == "add" and made["path"].lower() == "roles"
        return {**made, "op": "replace"} if roles and self.acts("roles-full-set") else made

    def at_path(self, path: str, value: Any) -> Any:
        """The value for a path; a path that cannot be understood is left to the checks."""
        schema = self.resource_type.extension(path)
        if schema is not None:
            return self.container(value, schema) if isinstance(value, dict) else value
        try:
            parsed, tree = parse_path(path)
        except BadRequestError:
            return value
        located = self.resource_type.find(parsed)
        if located is None:
            return value
        if located.sub is None and tree is None:
            return self.value(located.attribute, value, wrap=False)
        return self.single(located.leaf, value)

    def container(self, container: Document, owner: "ResourceType | Schema | Attribute") -> Document:
        """The members of an object, each by its attribute."""
        made: Document | None = None
        names = owner.names
        for name, value in container.items():
            known = names.exact.get(name) or names.exact.get(names.spelled(name) or "")
            if known is None or value is None:
                continue
            if value.__class__ is str and not isinstance(known, Schema) and _is_text(known):
                continue
            if isinstance(known, Schema):
                part = self.container(value, known) if isinstance(value, dict) else value
            else:
                part = self.value(known, value)
            if part is not value:
                made = dict(container) if made is None else made
                made[name] = part
        return container if made is None else made

    def value(self, attribute: Attribute, value: Any, *, wrap: bool = True) -> Any:
        """The value of an attribute, a list where it has several; ``wrap`` makes one of a single value."""
        if not attribute.multi_valued:
            return self.single(attribute, value)
        if isinstance(value, str):
            value = self.try_misfits(attribute, value)
        if isinstance(value, list):
            made = [self.single(attribute, each) for each in value]
            return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
        if value is None:
            return None
        single = self.single(attribute, value)
        return [single] if wrap and self.acts("single-for-list") else single

    def single(self, attribute: Attribute, value: Any) -> Any:
        """One value."""
        if value is not None and mistake(attribute, value) is not None:
            value = self.try_misfits(attribute, value)
        if not isinstance(value, dict) or attribute.type != "complex":
            return value
        for name, rewrite in self.always:
            made = rewrite(attribute, value)
            if made is not value:
                self.acted[name] = None
                value = made
        return self.container(value, attribute)

    def try_misfits(self, attribute: Attribute, value: Any) -> Any:
        """The value after the rewrites that understand it, until it fits."""
        for name, rewrite in self.misfits:
            made = rewrite(attribute, value)
            if made is not value:
                self.acted[name] = None
                value = made
                if value is None or mistake(attribute, value) is None:
                    break
        return value

    def known_schemas(self, document: Document) -> Document:
        listed = document.get("schemas")
        if not isinstance(listed, list) or "unknown-schemas" not in self.dialect:
            return document
        known = {schema.id.lower() for schema in self.resource_type.schemas}
        kept = [urn for urn in listed if not isinstance(urn, str) or urn.lower() in known]
        if len(kept) == len(listed):
            return document
        self.acted["unknown-schemas"] = None
        return {**document, "schemas": kept or [self.resource_type.schema.id]}

    def nested(self, document: Document) -> Document:
        """Names that are paths, put where they belong."""
        names = self.resource_type.names
        paths = [name for name in document if names.spelled(name) is None and ("." in name or ":" in name)]
        if not paths or "dotted-names" not in self.dialect:
            return document
        made = dict(document)
        for name in paths:
            self.nest(made, name)
        return made

    def nest(self, made: Document, name: str) -> None:
        try:
            path, tree = parse_path(name)
        except BadRequestError:
            return
        located = self.resource_type.find(path)
        if located is None or tree is not None or (located.sub is not None and located.attribute.multi_valued):
            return
        self.acted["dotted-names"] = None
        value, container = made.pop(name), made
        for step in (located.urn, located.attribute.name if located.sub else None):
            if step is not None:
                existing = container.get(step)
                container[step] = container = dict(existing) if isinstance(existing, dict) else {}
        container.setdefault(located.leaf.name, value)
