"""Schemas, attributes and resource types (RFC 7643 §2, §6, §7) as frozen values; the RFC's own are data in schemas/."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import orjson

from proxeny.documents import Document
from proxeny.scim.filter.ast import AttributePath

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SAP_USER = "urn:ietf:params:scim:schemas:extension:sap:2.0:User"
SAP_GROUP = "urn:ietf:params:scim:schemas:extension:sap:2.0:Group"
CUSTOM_USER = "urn:sap:cloud:scim:schemas:extension:custom:2.0:User"
CUSTOM_GROUP = "urn:sap:cloud:scim:schemas:extension:custom:2.0:Group"


@dataclass(frozen=True, slots=True)
class NameTable:
    """The names that one JSON object may have: as the schema spells them (``exact``) and by lower case (``folded``).

    An entry is an attribute, or the schema of an extension whose object is the value.
    """

    exact: dict[str, "Attribute | Schema"]
    folded: dict[str, str]

    @classmethod
    def of(cls, attributes: Iterable["Attribute"], extensions: Iterable["Schema"] = ()) -> "NameTable":
        """The table of these attributes and extensions."""
        exact: dict[str, Attribute | Schema] = {attribute.name: attribute for attribute in attributes}
        exact.update((schema.id, schema) for schema in extensions)
        return cls(exact, {name.lower(): name for name in exact})

    def spelled(self, name: str) -> str | None:
        """The name in the schema's case, or None if there is no such name."""
        return name if name in self.exact else self.folded.get(name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute with its characteristics; the defaults are those of RFC 7643 §2.2."""

    name: str
    type: str = "string"
    multi_valued: bool = False
    description: str = ""
    required: bool = False
    canonical_values: tuple[str, ...] = ()
    case_exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple["Attribute", ...] = ()
    names: NameTable = field(init=False, repr=False, compare=False)
    _by_name: dict[str, "Attribute"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {sub.name.lower(): sub for sub in self.sub_attributes})
        object.__setattr__(self, "names", NameTable.of(self.sub_attributes))

    def sub(self, name: str) -> "Attribute | None":
        """The sub-attribute of that name, in whatever case."""
        return self._by_name.get(name.lower())

    @classmethod
    def from_document(cls, document: Document) -> "Attribute":
        """From the JSON of a schema's ``attributes`` (RFC 7643 §7)."""
        return cls(
            name=document["name"],
            type=document.get("type", "string"),
            multi_valued=document.get("multiValued", False),
            description=document.get("description", ""),
            required=document.get("required", False),
            canonical_values=tuple(document.get("canonicalValues", ())),
            case_exact=document.get("caseExact", False),
            mutability=document.get("mutability", "readWrite"),
            returned=document.get("returned", "default"),
            uniqueness=document.get("uniqueness", "none"),
            reference_types=tuple(document.get("referenceTypes", ())),
            sub_attributes=tuple(cls.from_document(sub) for sub in document.get("subAttributes", ())),
        )


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema URN with its attributes."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    names: NameTable = field(init=False, repr=False, compare=False)
    _by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {attribute.name.lower(): attribute for attribute in self.attributes})
        object.__setattr__(self, "names", NameTable.of(self.attributes))

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, in whatever case."""
        return self._by_name.get(name.lower())

    @classmethod
    def from_document(cls, document: Document) -> "Schema":
        return cls(
            id=document["id"],
            name=document.get("name", document["id"].rsplit(":", 1)[-1]),
            description=document.get("description", ""),
            attributes=tuple(Attribute.from_document(attribute) for attribute in document["attributes"]),
        )


COMMON = Schema(
    id="",
    name="Common attributes",
    description="RFC 7643 §3.1: id, externalId and meta belong to every resource and to no schema.",
    attributes=(
        Attribute(name="schemas", type="reference", multi_valued=True, case_exact=True, returned="always"),
        Attribute(name="id", case_exact=True, mutability="readOnly", returned="always", uniqueness="server"),
        Attribute(name="externalId", case_exact=True),
        Attribute(
            name="meta",
            type="complex",
            mutability="readOnly",
            sub_attributes=(
                Attribute(name="resourceType", case_exact=True, mutability="readOnly"),
                Attribute(name="created", type="dateTime", mutability="readOnly"),
                Attribute(name="lastModified", type="dateTime", mutability="readOnly"),
                Attribute(name="location", type="reference", case_exact=True, mutability="readOnly"),
                Attribute(name="version", case_exact=True, mutability="readOnly"),
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Extension:
    schema: Schema
    required: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """An attribute found in a resource type: ``urn`` is the extension whose object holds it, or None at top level."""

    urn: str | None
    attribute: Attribute
    sub: Attribute | None = None

    @property
    def leaf(self) -> Attribute:
        """What a comparison compares: the sub-attribute if one was named, else the attribute."""
        return self.sub or self.attribute


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """What one endpoint serves: core schema, extensions, and where (``endpoint`` has no slash: ``Users``).

    ``common``: the attributes that belong to no schema; a system that cannot hold ``externalId`` leaves it out.
    Compared by identity, so that it can be a key of caches.
    """

    name: str
    endpoint: str
    schema: Schema
    extensions: tuple[Extension, ...] = ()
    description: str = ""
    common: Schema = COMMON
    names: NameTable = field(init=False, repr=False, compare=False)
    _extensions: dict[str, Schema] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_extensions", {ext.schema.id.lower(): ext.schema for ext in self.extensions})
        top = (*self.common.attributes, *self.schema.attributes)
        object.__setattr__(self, "names", NameTable.of(top, (extension.schema for extension in self.extensions)))

    def extension(self, urn: str) -> Schema | None:
        """The extension schema of that URN, in whatever case."""
        return self._extensions.get(urn.lower())

    @property
    def schemas(self) -> Iterable[Schema]:
        """The core schema, then the extensions."""
        yield self.schema
        for extension in self.extensions:
            yield extension.schema

    def find(self, path: AttributePath) -> Located | None:
        """Where ``path`` points, names in any case; None if no schema of this type has it.

        A bare name is a common attribute, else one of the core schema; an extension's attribute needs its URN.
        A path that is the extension's URN itself has no attribute and is None here.
        """
        if path.urn is None or path.urn.lower() == self.schema.id.lower():
            attribute = self.common.attribute(path.name) or self.schema.attribute(path.name)
            urn = None
        else:
            extension = self.extension(path.urn)
            attribute = extension.attribute(path.name) if extension else None
            urn = extension.id if extension else None
        if attribute is None:
            return None
        if path.sub is None:
            return Located(urn, attribute)
        sub = attribute.sub(path.sub)
        return Located(urn, attribute, sub) if sub else None


@cache
def builtin_schema(name: str) -> Schema:
    """A schema shipped as data, by its file name without ``.json`` (``user``, ``enterprise-user``, ``sap-user`` …)."""
    data = resources.files("proxeny.scim").joinpath("schemas", f"{name}.json").read_bytes()
    return Schema.from_document(orjson.loads(data))


def _builtin(name: str, endpoint: str, core: str, *extensions: str) -> ResourceType:
    schema = builtin_schema(core)
    added = tuple(Extension(builtin_schema(extension)) for extension in extensions)
    return ResourceType(name, endpoint, schema, added, schema.description)


USER_TYPE = _builtin("User", "Users", "user", "enterprise-user", "sap-user", "custom-user")
"""Users with every extension that the gateway knows."""

GROUP_TYPE = _builtin("Group", "Groups", "group", "sap-group", "custom-group")
"""Groups with every extension that the gateway knows."""
