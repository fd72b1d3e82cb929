"""Systems as a command needs them: of files and of the database, without a gateway that runs."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxeny.app.conversions import outbound_settings
from proxeny.app.definitions import file_definitions
from proxeny.app.remembering import Store, stored_definition
from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.spi import TestStep
from proxeny.documents import Document
from proxeny.provisioning.catalog import check_definitions
from proxeny.provisioning.definition import SystemDefinition, read_definition
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem, UnknownSystemError
from proxeny.provisioning.system import blueprint
from proxeny.settings import Settings


@dataclass(frozen=True, slots=True)
class KnownSystem:
    """``stored``: it was made by API or command line, and may be changed there."""

    definition: SystemDefinition
    stored: bool

    @property
    def origin(self) -> str:
        return "database" if self.stored else self.definition.origin


async def known_systems(settings: Settings, store: Store) -> tuple[KnownSystem, ...]:
    """Every system, by name."""
    files = [KnownSystem(definition, stored=False) for definition in file_definitions(settings.systems.directory)]
    stored = [KnownSystem(stored_definition(system), stored=True) for system in await store.systems.all()]
    return tuple(sorted((*files, *stored), key=lambda known: known.definition.name.casefold()))


async def known_system(settings: Settings, store: Store, system: str) -> KnownSystem:
    """The system of that id or name; UnknownSystemError names those that there are."""
    every = await known_systems(settings, store)
    for known in every:
        if system in (known.definition.id, known.definition.name):
            return known
    names = ", ".join(known.definition.id for known in every) or "none"
    raise UnknownSystemError(f"There is no system {system!r}. There are: {names}.")


async def keep_system(
    settings: Settings, store: Store, document: Document, credentials: Mapping[str, str], *, origin: str
) -> SystemDefinition:
    """Checks a system and keeps it in the database, under an id of its own if the document has none that is free.

    ``document`` is SAP's layout; references in it are plain text. DefinitionError, AlreadyExistsError.
    """
    secrets = {name: value for name, value in (document.get("encryptedProperties") or {}).items() if value is not None}
    secrets |= credentials
    taken = {
        label: known.definition.name
        for known in await known_systems(settings, store)
        for label in (known.definition.id, known.definition.name)
    }
    system_id = document.get("id")
    if not system_id or system_id in taken:
        system_id = str(uuid.uuid4())
    whole = {**document, "id": system_id, "encryptedProperties": dict(secrets)}
    definition = read_definition(whole, file=origin)
    check_definitions((definition,))
    if definition.name in taken:
        message = "is the name of another system. Choose one with --name; nothing was kept"
        raise DefinitionError((DefinitionProblem(origin, "name", message),))
    kept = {key: value for key, value in whole.items() if key != "encryptedProperties"}
    await store.systems.add(definition.id, definition.name, kept, secrets)
    return definition


async def test_system(settings: Settings, store: Store, known: KnownSystem) -> Sequence[TestStep]:
    """Connects to the system step by step, and changes nothing."""
    connector = blueprint(known.definition).connector(store.database, Outbound(outbound_settings(settings)))
    try:
        await connector.open()
        return await connector.test()
    finally:
        await connector.close()
