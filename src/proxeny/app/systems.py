"""Systems as a command needs them: of files and of the database, without a gateway that runs."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxeny.app.conversions import outbound_settings
from proxeny.app.definitions import file_definitions
from proxeny.app.remembering import Store, stored_definition
from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.spi import TestStep
from proxeny.documents import Document
from proxeny.errors import Error
from proxeny.provisioning.catalog import check_definitions
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem, UnknownSystemError
from proxeny.provisioning.system import blueprint
from proxeny.provisioning.systems.central import senders_among
from proxeny.provisioning.systems.definition import SystemDefinition, read_definition
from proxeny.provisioning.systems.whereabouts import misplaced, moved
from proxeny.settings import Settings
from proxeny.store.errors import VaultError
from proxeny.store.kept import KeptSecrets


@dataclass(frozen=True, slots=True)
class KnownSystem:
    """``stored``: it was made by API or command line, and may be changed there. ``problem``: why it cannot be used as
    it is stored; empty if nothing speaks against it."""

    definition: SystemDefinition
    stored: bool
    problem: str = ""

    @property
    def origin(self) -> str:
        return "database" if self.stored else self.definition.origin


async def known_systems(settings: Settings, store: Store) -> tuple[KnownSystem, ...]:
    """Every system, by name."""
    found = await asyncio.to_thread(file_definitions, settings.systems.directory)
    files = [KnownSystem(definition, stored=False) for definition in found]
    kept = await store.systems.all()
    stored = [KnownSystem(stored_definition(one), stored=True, problem=one.problem) for one in kept]
    return tuple(sorted((*files, *stored), key=lambda known: known.definition.name.casefold()))


async def sends_changes(settings: Settings, store: Store) -> bool | None:
    """Whether some source sends what changes in the directory in real time, by what is configured; None if that cannot
    be read as it is."""
    try:
        known = await known_systems(settings, store)
        return bool(senders_among([blueprint(one.definition) for one in known]))
    except Error:
        return None


async def known_system(settings: Settings, store: Store, system: str) -> KnownSystem:
    """The system of that id or name; UnknownSystemError names those that there are."""
    every = await known_systems(settings, store)
    for known in every:
        if system in (known.definition.id, known.definition.name):
            return known
    names = ", ".join(known.definition.id for known in every) or "none"
    raise UnknownSystemError(f"There is no system {system!r}. There are: {names}.")


async def keep_system(
    settings: Settings, store: Store, document: Document, credentials: Mapping[str, str], *, origin: str, by: str
) -> SystemDefinition:
    """Checks a system and keeps it in the database, under an id of its own if the document has none that is free.

    ``document`` is SAP's layout; references in it are plain text. DefinitionError, AlreadyExistsError.
    """
    document = _parted(document)
    secrets = _given(document, credentials)
    taken = {
        label: known.definition.name
        for known in await known_systems(settings, store)
        for label in (known.definition.id, known.definition.name)
    }
    system_id = document.get("id") or ""
    if isinstance(system_id, str) and (not system_id or system_id in taken):
        system_id = str(uuid.uuid4())
    definition = _checked({**document, "id": system_id}, secrets, origin)
    if definition.name in taken:
        message = f"{definition.name!r} is the id or name of another system. Choose another name; nothing was kept"
        raise DefinitionError((DefinitionProblem(origin, "name", message),))
    kept = {**_without_secrets(document), "id": system_id}
    await store.administration(by).add_system(definition.id, definition.name, kept, definition.credentials)
    return definition


@dataclass(frozen=True, slots=True)
class Changed:
    """``dropped``: stored credentials that were not taken over, because of the properties ``moved``."""

    definition: SystemDefinition
    dropped: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


async def change_system(
    settings: Settings,
    store: Store,
    system_id: str,
    document: Document,
    credentials: Mapping[str, str],
    *,
    origin: str,
    by: str,
) -> Changed:
    """Checks the changed system and keeps it in the place of the stored one, under its id.

    Stored credentials stay, unless the change leads them elsewhere (whereabouts.py); those given now are for the new
    place. An empty one removes. A system that lacks credentials afterwards waits for them. DefinitionError,
    UnknownSystemError, AlreadyExistsError.
    """
    before = await store.systems.find(system_id)
    if before is None or before.id != system_id:
        raise UnknownSystemError(f"There is no system {system_id!r} in the database. Nothing was changed.")
    document = _parted(document)
    given = _given(document, credentials)
    if lost := sorted(before.unopened.keys() - given.keys()):
        message = f"{before.unopened[lost[0]]} Nothing was changed, or what is sealed would be gone"
        raise DefinitionError((DefinitionProblem(origin, f"encryptedProperties.{lost[0]}", message),))
    held = _given(_parted(before.definition), before.credentials)
    changed = {**document, "id": system_id}
    definition = _checked(changed, {**held, **given}, origin)
    away = moved(stored_definition(before), definition)
    dropped = tuple(sorted(held.keys() - given.keys())) if away else ()
    taken_over = {} if away else held
    secrets = {name: definition.credentials[name] for name, value in {**taken_over, **given}.items() if value}
    if any(definition.name in (other.id, other.name) for other in file_definitions(settings.systems.directory)):
        message = "is the name of a system file. Choose another; nothing was changed"
        raise DefinitionError((DefinitionProblem(origin, "name", message),))
    kept = _without_secrets(changed)
    await store.administration(by).change_system(system_id, definition.name, kept, secrets, dropped=dropped)
    return Changed(definition, dropped, away)


def _parted(document: Document) -> Document:
    """The document with the secrets among its properties where they belong: sealed, and never shown again."""
    properties = document.get("properties")
    if not isinstance(properties, dict) or not _sealed(document):
        return document
    found = misplaced(str(document.get("connectorTypeString")), properties)
    inside = {name: value for name, value in (document.get("encryptedProperties") or {}).items() if value is not None}
    return {
        **document,
        "properties": {name: value for name, value in properties.items() if name not in found},
        "encryptedProperties": {**{name: properties[name] for name in found}, **inside},
    }


def _given(document: Document, credentials: Mapping[str, str]) -> dict[str, str]:
    """The credentials that came with a document, and those that were typed."""
    written = (document.get("encryptedProperties") or {}) if _sealed(document) else {}
    return {**{name: value for name, value in written.items() if value is not None}, **credentials}


def _sealed(document: Document) -> bool:
    """Whether its credentials are an object, as they should be; what else they are is complained of when it is read."""
    return isinstance(document.get("encryptedProperties") or {}, dict)


def _without_secrets(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "encryptedProperties"}


def _checked(document: Document, secrets: Mapping[str, str], origin: str) -> SystemDefinition:
    """The definition, with nothing looked up for a ``${…}`` in it; DefinitionError."""
    whole = {**document, "encryptedProperties": dict(secrets)} if _sealed(document) else document
    definition = read_definition(whole, file=origin)
    check_definitions((definition,))
    return definition


async def test_system(settings: Settings, store: Store, known: KnownSystem) -> Sequence[TestStep]:
    """Connects to the system step by step, and changes nothing; VaultError if its secrets cannot be opened."""
    if known.problem:
        raise VaultError(known.problem)
    connector = blueprint(known.definition).connector(
        store.database, Outbound(outbound_settings(settings), KeptSecrets(store.database, store.vault))
    )
    try:
        await connector.open()
        return await connector.test()
    finally:
        await connector.close()
