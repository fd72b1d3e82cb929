"""The SCIM schemas of a proxy system, derived from its transformations and the backend's schema (decision 7).

An attribute exists if a mapping may read or write it, and the backend has what it is made of or becomes; it is
required where a mapping that nothing else can spare needs it. Types and characteristics come from the backend's
schemas, then from those that the gateway knows; an attribute of no known schema is text.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from proxeny.connectors.spi import EntityType
from proxeny.scim.schema import COMMON, GROUP_TYPE, USER_TYPE, Attribute, Extension, ResourceType, Schema
from proxeny.transform import EntityProgram, Lineage
from proxeny.transform.backing import reading_from, writing_to
from proxeny.transform.usage import output_names

Names = tuple[str, ...]
Has = Callable[[Names], bool]
Needs = Callable[[Names, Attribute], bool]

_KNOWN: dict[str, ResourceType] = {"user": USER_TYPE, "group": GROUP_TYPE}
_OPERATIONS = "Operations"  # of a PatchOp, which is no resource
_CUSTOM_URN = "urn:ietf:params:scim:schemas:extension:proxeny:2.0"


@dataclass(frozen=True, slots=True)
class DerivedTypes:
    """``full``: what clients may send and see. ``described``: what they are told of it, which is less where a backend
    says what its schemas are. ``readable``: what reading can produce of that; filters are decided on it. ``writes``:
    the lineage of the write program, as far as the backend holds what it makes; None: there is no such program.
    """

    full: ResourceType
    described: ResourceType
    readable: ResourceType
    writes: Lineage | None


def derive(
    entity_type: str, endpoint: str, native: EntityType, read: EntityProgram | None, write: EntityProgram | None
) -> DerivedTypes:
    """The resource types of one endpoint. Without transformations they are the backend's own."""
    known = taken = _known(entity_type, endpoint, native)
    if native.told:
        known = _with_named(known, _KNOWN[entity_type], _named(read, write))
        taken = _with_standard(known, _KNOWN[entity_type])
    if read is None and write is None:
        return DerivedTypes(taken, known, known, None)
    reads, writes = _reads(read, native), _writes(write, native)
    made = reads.over(native.objects) if reads is not None and native.objects is not None else reads

    def readable(names: Names) -> bool:
        return made is None or made.writes(names)

    def writable(names: Names) -> bool:
        return writes is None or writes.may_read(names)

    def known_to_mappings(names: Names) -> bool:
        return readable(names) or (writes is not None and writes.may_read(names))

    def full(names: Names) -> bool:
        return known_to_mappings(names) or reads is None or reads.writes(names)

    outputs = output_names(read) if read is not None else ()
    named, needs = _named(read, write), _needs(writes)
    return DerivedTypes(
        _narrowed(taken, full, needs, _unknown_names(taken, filter(full, named))),
        _one_way(
            _narrowed(
                known,
                known_to_mappings,
                needs,
                _unknown_names(known, filter(known_to_mappings, named)),
                sub_needs=needs,
            ),
            readable,
            writable,
        ),
        _narrowed(known, readable, _needs_nothing, _unknown_names(known, filter(readable, outputs))),
        writes,
    )


def _reads(read: EntityProgram | None, native: EntityType) -> Lineage | None:
    """What reading makes of what the backend has."""
    if read is None or native.fields is None:
        return read.lineage if read is not None else None
    declared = (native.id, native.created, native.last_modified)
    return reading_from(read, native.fields.union(one for one in declared if one is not None))


def _writes(write: EntityProgram | None, native: EntityType) -> Lineage | None:
    """What writing takes of what the backend holds then."""
    held = native.written if native.written is not None else native.fields
    if write is None or held is None:
        return write.lineage if write is not None else None
    return writing_to(write, held)


def _known(entity_type: str, endpoint: str, native: EntityType) -> ResourceType:
    """What is known of the type before its mappings are looked at; the backend's word counts first."""
    shipped = _KNOWN.get(entity_type)
    if shipped is None:
        name = entity_type[:1].upper() + entity_type[1:]
        core = native.schemas[0] if native.schemas else Schema(f"{_CUSTOM_URN}:{name}", name, "", ())
        return ResourceType(name, endpoint, core, tuple(map(Extension, native.schemas[1:])))
    if native.told:
        core, *others = native.schemas
        return replace(shipped, endpoint=endpoint, schema=_safe(core), extensions=tuple(map(Extension, others)))
    own = {schema.id.lower(): schema for schema in native.schemas}
    core = own.pop(shipped.schema.id.lower(), shipped.schema)
    extensions = [own.pop(each.schema.id.lower(), each.schema) for each in shipped.extensions]
    return replace(
        shipped, endpoint=endpoint, schema=core, extensions=tuple(map(Extension, [*extensions, *own.values()]))
    )


def _safe(core: Schema) -> Schema:
    """The core schema of a backend; a password is never shown, whatever the backend says of it."""
    shown = (
        replace(each, returned="never", mutability="writeOnly") if each.name.lower() == "password" else each
        for each in core.attributes
    )
    return replace(core, attributes=tuple(shown))


def _named(read: EntityProgram | None, write: EntityProgram | None) -> list[Names]:
    """The attributes that the mappings themselves name: what reading makes, and what writing takes."""
    made = output_names(read) if read is not None else ()
    taken = sorted(write.lineage.reads) if write is not None else ()
    return [names for names in (*made, *taken) if names and names[0] != _OPERATIONS]


def _with_named(known: ResourceType, shipped: ResourceType, named: Iterable[Names]) -> ResourceType:
    """The backend's type with what the mappings name beyond it, as the gateway knows it from elsewhere."""
    schemas = {schema.id.lower(): schema for schema in known.schemas}
    for names in named:
        of_extension = ":" in names[0]
        source = shipped.extension(names[0]) if of_extension else shipped.schema
        name, *rest = names[1:] if of_extension else names
        attribute = source.attribute(name) if source is not None else None
        if source is None or attribute is None:
            continue
        schema = schemas.get(source.id.lower(), replace(source, attributes=()))
        schemas[source.id.lower()] = _with_attribute(schema, attribute, rest[0] if rest else None)
    core = schemas.pop(known.schema.id.lower())
    return replace(known, schema=core, extensions=tuple(map(Extension, schemas.values())))


def _with_standard(known: ResourceType, shipped: ResourceType) -> ResourceType:
    """The backend's type with all else that the gateway knows: a server may take what it does not list, and whoever
    sends it must not be told that it was taken if it was dropped on the way.
    """
    core, *extensions = (_fuller(schema, shipped) for schema in known.schemas)
    unlisted = [_fuller(replace(one, attributes=()), shipped) for one in shipped.schemas if not _has(known, one)]
    return replace(known, schema=core, extensions=tuple(map(Extension, [*extensions, *unlisted])))


def _has(known: ResourceType, schema: Schema) -> bool:
    return any(one.id.lower() == schema.id.lower() for one in known.schemas)


def _fuller(schema: Schema, shipped: ResourceType) -> Schema:
    """The schema with every attribute and sub-attribute that it lacks of its shipped namesake, none of them needed."""
    other = next((one for one in shipped.schemas if one.id.lower() == schema.id.lower()), None)
    if other is None:
        return schema
    listed = tuple(_with_subs(each, other.attribute(each.name)) for each in schema.attributes)
    missing = (replace(each, required=False) for each in other.attributes if schema.attribute(each.name) is None)
    return replace(schema, attributes=(*listed, *missing))


def _with_subs(held: Attribute, other: Attribute | None) -> Attribute:
    if other is None or held.type != "complex" or not held.sub_attributes:
        return held
    missing = (replace(each, required=False) for each in other.sub_attributes if held.sub(each.name) is None)
    return replace(held, sub_attributes=(*held.sub_attributes, *missing))


def _with_attribute(schema: Schema, attribute: Attribute, sub_name: str | None) -> Schema:
    """The schema with the attribute, if it lacks it, or with the one sub-attribute that it lacks."""
    held = schema.attribute(attribute.name)
    if held is None:
        return replace(schema, attributes=(*schema.attributes, attribute))
    sub = attribute.sub(sub_name) if sub_name is not None else None
    if sub is None or held.type != "complex" or not held.sub_attributes or held.sub(sub.name) is not None:
        return schema
    fuller = replace(held, sub_attributes=(*held.sub_attributes, sub))
    return replace(schema, attributes=tuple(fuller if each is held else each for each in schema.attributes))


def _needs(writes: Lineage | None) -> Needs:
    """Whether a create cannot do without an attribute: a mapping needs it, or the backend does and a mapping only hands
    it on.
    """
    if writes is None:
        return _needs_nothing
    mandatory = [tuple(name.lower() for name in names) for names in writes.mandatory_sources if names]

    def needs(names: Names, attribute: Attribute) -> bool:
        if attribute.mutability == "readOnly":
            return False
        wanted = tuple(name.lower() for name in names)
        if any(given[: len(wanted)] == wanted for given in mandatory):
            return True
        return attribute.required and writes.may_read(names) and not writes.has_default(names)

    return needs


def _needs_nothing(names: Names, attribute: Attribute) -> bool:
    return False


def _narrowed(
    known: ResourceType,
    has: Has,
    needs: Needs,
    extra: dict[str | None, tuple[Attribute, ...]],
    *,
    sub_needs: Needs = _needs_nothing,
) -> ResourceType:
    """The known type with only the attributes that ``has`` admits. ``sub_needs`` is asked of sub-attributes: clients
    are told, but a resource is not refused because one of several elements lacks what another one has."""
    both = (needs, sub_needs)
    core = _schema(known.schema, (), has, both, extra.get(None, ()))
    extensions = []
    for extension in known.extensions:
        own = extension.schema
        narrowed = _schema(own, (own.id,), has, both, extra.get(own.id, ()))
        if narrowed.attributes:
            extensions.append(Extension(narrowed))
    for urn, attributes in extra.items():
        if urn is not None and known.extension(urn) is None:
            extensions.append(Extension(Schema(urn, urn.rsplit(":", 1)[-1], "", attributes)))
    common = COMMON if has(("externalId",)) else _COMMON_WITHOUT_EXTERNAL_ID
    return replace(known, schema=core, extensions=tuple(extensions), common=common)


def _one_way(known: ResourceType, readable: Has, writable: Has) -> ResourceType:
    """The type in which what crosses in one direction alone is told as such: what reading never produces can be
    written, and nobody gets it back; what writing never takes can be read, and nobody changes it."""

    def of(attribute: Attribute, head: Names) -> Attribute:
        names = (*head, attribute.name)
        if attribute.mutability == "readOnly" or attribute.name == "$ref":
            return attribute
        if not readable(names):
            subs = tuple(replace(sub, mutability="writeOnly", returned="never") for sub in attribute.sub_attributes)
            return replace(attribute, mutability="writeOnly", returned="never", sub_attributes=subs)
        if not writable(names):
            subs = tuple(replace(sub, mutability="readOnly") for sub in attribute.sub_attributes)
            return replace(attribute, mutability="readOnly", sub_attributes=subs)
        return replace(attribute, sub_attributes=tuple(of(sub, names) for sub in attribute.sub_attributes))

    def schema_of(schema: Schema, head: Names) -> Schema:
        return replace(schema, attributes=tuple(of(each, head) for each in schema.attributes))

    extensions = (replace(each, schema=schema_of(each.schema, (each.schema.id,))) for each in known.extensions)
    return replace(known, schema=schema_of(known.schema, ()), extensions=tuple(extensions))


_COMMON_WITHOUT_EXTERNAL_ID = replace(
    COMMON, attributes=tuple(each for each in COMMON.attributes if each.name != "externalId")
)


def _schema(schema: Schema, head: Names, has: Has, needs: tuple[Needs, Needs], extra: tuple[Attribute, ...]) -> Schema:
    kept = [_attribute(each, head, has, needs) for each in schema.attributes if has((*head, each.name))]
    return replace(schema, attributes=(*kept, *extra))


def _attribute(attribute: Attribute, head: Names, has: Has, needs: tuple[Needs, Needs]) -> Attribute:
    names = (*head, attribute.name)
    subs = tuple(
        replace(sub, required=sub.required or needs[1]((*names, sub.name), sub))
        for sub in attribute.sub_attributes
        if has((*names, sub.name)) or sub.name == "$ref"
    )
    return replace(attribute, sub_attributes=subs, required=needs[0](names, attribute))


def _unknown_names(known: ResourceType, named: Iterable[Names]) -> dict[str | None, tuple[Attribute, ...]]:
    """Attributes that mappings name and no schema has, by the extension that holds them (None: the core)."""
    found: dict[str | None, dict[str, set[str]]] = {}
    for names in named:
        holder: str | None = names[0] if names and ":" in names[0] else None
        rest = names if holder is None else names[1:]
        if rest and not _is_known(known, holder, rest[0]):
            found.setdefault(holder, {}).setdefault(rest[0], set()).update(rest[1:2])
    return {urn: tuple(_invented(name, subs) for name, subs in by_name.items()) for urn, by_name in found.items()}


def _is_known(known: ResourceType, urn: str | None, name: str) -> bool:
    if urn is None:
        return (known.common.attribute(name) or known.schema.attribute(name)) is not None
    extension = known.extension(urn)
    return extension is not None and extension.attribute(name) is not None


def _invented(name: str, subs: Iterable[str]) -> Attribute:
    parts = tuple(Attribute(name=sub) for sub in sorted(subs))
    return Attribute(name=name, type="complex" if parts else "string", sub_attributes=parts)
