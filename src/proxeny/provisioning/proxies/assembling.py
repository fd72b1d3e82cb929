"""Puts a provider together: endpoints, resource types and translations from a checked system and its open connector."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxeny.connectors import registry
from proxeny.connectors.filtering import Field
from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Connector, EntityType, Focuser, MemberKeeper, SchemaKeeper
from proxeny.provisioning.crossing import Crossing
from proxeny.provisioning.endpoints.abilities import Abilities
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.derived import derive
from proxeny.provisioning.endpoints.endpoint import Endpoint
from proxeny.provisioning.endpoints.identity import Identity, TargetIds
from proxeny.provisioning.endpoints.reading import Reading
from proxeny.provisioning.endpoints.rendering import Renderings
from proxeny.provisioning.errors import DefinitionProblem
from proxeny.provisioning.presenting import References
from proxeny.provisioning.proxies.custom_schemas import PREDEFINED, Changed, CustomSchemas
from proxeny.provisioning.proxies.describing import Description
from proxeny.provisioning.proxies.service import Service
from proxeny.provisioning.proxy import Provider
from proxeny.provisioning.pushdown import NameOf, NativeName, Pushdown
from proxeny.provisioning.system import Blueprint
from proxeny.provisioning.systems.switches import Switches
from proxeny.provisioning.systems.use import Use
from proxeny.provisioning.writes.preparing import Preparing
from proxeny.provisioning.writes.writing import Writing
from proxeny.scim.schema import Located
from proxeny.transform import EntityProgram, Transformation
from proxeny.transform.usage import fields_of, input_fields, leaves_alone

if TYPE_CHECKING:
    from proxeny.connectors.outbound.client import Outbound
    from proxeny.database import Database

DIRECTORY_TYPE = "LOCAL_IDENTITY_DIRECTORY"
_DIRECTORY_ENDPOINTS = {"user": "Users", "group": "Groups"}
_DIRECTORY_PROPERTIES = {"page.default": "100", "page.max": "1000"}  # decision 12
_LARGE = ("members", "groups")  # attributes that are worth not reading when nobody asks for them


def proxy_provider(
    plan: Blueprint, connector: Connector, cursors: Cursors, renderings: Renderings, use: Use | None = None
) -> Provider:
    """The provider of a proxy system; entity types that the transformation lacks or the backend does not have are not
    served. ``use``: who is at work on it, with it or not.
    """
    switches = Switches.of(plan.values)
    endpoints = []
    references = _references(plan.read, connector)
    for entity_type, native in connector.entity_types.items():
        read = plan.read.entity(entity_type) if plan.read is not None else None
        write = plan.write.entity(entity_type) if plan.write is not None else None
        if read is None or read.endpoint is None:
            continue
        endpoints.append(
            _endpoint(
                plan.definition.id,
                read.endpoint,
                native,
                connector,
                Crossing(read, write),
                switches,
                plan.values,
                renderings,
                references,
            )
        )
    return _provider(plan.definition.name, endpoints, switches, cursors, use=use)


def _references(read: Transformation | None, connector: Connector) -> References:
    """Which endpoint serves which entity type of a system."""
    programs = {name: read.entity(name) if read is not None else None for name in connector.entity_types}
    return {name.lower(): program.endpoint for name, program in programs.items() if program and program.endpoint}


def directory_problems(properties: Mapping[str, str]) -> tuple[DefinitionProblem, ...]:
    """What is wrong with the switches of the directory at /scim."""
    known = registry.system_type(DIRECTORY_TYPE)
    found = registry.spec(known.protocol or "").check(properties, known)
    return tuple(DefinitionProblem("[directory]", f"properties.{each.name}", each.message) for each in found)


@dataclass(frozen=True, slots=True)
class OpenDirectory:
    """The Identity Directory of /scim, open, and its switches."""

    connector: Connector
    values: PropertyValues


async def open_directory(
    database: "Database", outbound: "Outbound", properties: Mapping[str, str], prepare: Callable[[Connector], None]
) -> OpenDirectory:
    """Opens the connector of the directory; ``prepare`` gets it before."""
    known = registry.system_type(DIRECTORY_TYPE)
    values = known.values({**_DIRECTORY_PROPERTIES, **properties})
    connection = Connection("scim", "Identity Directory", known, values, database, outbound)
    connector = registry.spec(known.protocol or "").build(connection)
    prepare(connector)
    await connector.open()
    return OpenDirectory(connector, values)


def directory_provider(
    directory: OpenDirectory, cursors: Cursors, renderings: Renderings, changed: Changed
) -> Provider:
    """The Identity Directory without transformations; ``changed`` is told when its custom schemas are others."""
    connector, values = directory.connector, directory.values
    switches = Switches.of(values)
    as_it_is = Crossing(None, None)
    endpoints = [
        _endpoint(
            "scim",
            endpoint,
            connector.entity_types[name],
            connector,
            as_it_is,
            switches,
            values,
            renderings,
            _DIRECTORY_ENDPOINTS,
        )
        for name, endpoint in _DIRECTORY_ENDPOINTS.items()
    ]
    keeper = CustomSchemas(connector, PREDEFINED, changed) if isinstance(connector, SchemaKeeper) else None
    return _provider("The Identity Directory", endpoints, switches, cursors, keeper, _DIRECTORY_ENDPOINTS["user"])


def _provider(
    name: str,
    endpoints: list[Endpoint],
    switches: Switches,
    cursors: Cursors,
    custom_schemas: CustomSchemas | None = None,
    callers: str | None = None,
    use: Use | None = None,
) -> Provider:
    services = {}
    for endpoint in endpoints:
        reading = Reading(endpoint, cursors)
        services[endpoint.name] = Service(endpoint, reading, Writing(endpoint, reading, Preparing(endpoint)))
    return Provider(name, services, switches, Description(endpoints, switches), custom_schemas, callers, use)


def _endpoint(
    system: str,
    name: str,
    native: EntityType,
    connector: Connector,
    crossing: Crossing,
    switches: Switches,
    values: PropertyValues,
    renderings: Renderings,
    references: References,
) -> Endpoint:
    _focus(connector, native.name, crossing.read)
    types = derive(native.name, name, native, crossing.read, crossing.write)
    name_of = _name_of(crossing.read)
    return Endpoint(
        system=system,
        name=name,
        entity_type=native.name,
        connector=connector,
        able=Abilities.of(connector),
        native=native,
        resource_type=types.full,
        described=types.described,
        readable=types.readable,
        writes=types.writes,
        crossing=crossing,
        pushdown=Pushdown(types.readable, native, name_of),
        identity=_identity(crossing.read, native),
        target_ids=TargetIds.of_program(crossing.write),
        switches=switches,
        property_filter=values.family(f"{native.name}.filter"),
        droppable=dict(_droppable(crossing.read)),
        unsaid=_unsaid(native.name, crossing, connector),
        renderings=renderings,
        references=references,
    )


def _name_of(read: EntityProgram | None) -> NameOf:
    """Where a common attribute comes from: the read program's reverse, or itself where there is none."""

    def itself(located: Located) -> NativeName:
        whole = located.attribute.multi_valued and located.attribute.type == "complex" and located.sub is None
        return NativeName(_keys(located), list_of_objects=whole)

    def reversed_(located: Located) -> NativeName | None:
        assert read is not None  # noqa: S101  # chosen below
        found = read.reverse.field_of(_keys(located))
        if found is None:
            return None
        whole = found.element == "whole" and located.attribute.multi_valued
        return NativeName(found.keys, found.encode, found.exact, list_of_objects=whole)

    return itself if read is None else reversed_


def _keys(located: Located) -> Field:
    parts = (located.urn, located.attribute.name, located.sub.name if located.sub else None)
    return tuple(part for part in parts if part is not None)


def _identity(read: EntityProgram | None, native: EntityType) -> Identity:
    found = read.reverse.field_of("id") if read is not None else None
    if found is None:
        return Identity(native.id, native.id)
    return Identity(native.id, found.keys, found.encode)


def _unsaid(entity_type: str, crossing: Crossing, connector: Connector) -> frozenset[str]:
    """What a full update that says nothing of the members of a group need not read; it stays."""
    keeps = entity_type == "group" and isinstance(connector, MemberKeeper) and connector.keeps_members
    write = crossing.write
    if not keeps or (write is not None and not leaves_alone(write, "members")):
        return frozenset()
    return dict(_droppable(crossing.read)).get("members", frozenset())


def _droppable(read: EntityProgram | None) -> Iterator[tuple[str, frozenset[str]]]:
    """Large attributes, and what need not be read from the backend when they are left out of the answer."""
    for name in _LARGE:
        fields = frozenset((name,)) if read is None else fields_of(read, name)
        if fields:
            yield name, fields


def _focus(connector: Connector, entity_type: str, read: EntityProgram | None) -> None:
    fields = input_fields(read) if read is not None else None
    if fields is not None and isinstance(connector, Focuser):
        connector.focus(entity_type, fields)
