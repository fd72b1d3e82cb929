"""Systems and transformations as the admin API changes them: in the database, checked, recorded, in use at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from proxeny.app.remembering import Store
from proxeny.app.systems import KnownSystem, change_system, keep_system, known_system, known_systems, test_system
from proxeny.documents import Document
from proxeny.provisioning.catalog import Catalog
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.provisioning.jobs.running import targets_of
from proxeny.provisioning.system import ROLES, blueprint
from proxeny.provisioning.systems.exporting import sap_export
from proxeny.settings import Settings
from proxeny.store.errors import AlreadyExistsError, UnknownError
from proxeny.store.links import Links
from proxeny.store.transformations import Transformations, TransformationVersion
from proxeny.transform.text import read_text

_KEYS = {"read": "readTransformation", "write": "writeTransformation"}


@dataclass(frozen=True, slots=True)
class SystemAdministration:
    """What ``web.admin.ports.SystemsPort`` asks for."""

    settings: Settings
    store: Store
    catalog: Catalog
    transformations: Transformations
    reload: Callable[[], Awaitable[None]]

    async def all(self) -> Sequence[Document]:
        return [self._shown(known) for known in await known_systems(self.settings, self.store)]

    async def one(self, system: str) -> Document:
        return self._shown(await self._known(system))

    async def add(self, document: Document, by: str) -> Document:
        made = await keep_system(self.settings, self.store, document, {}, origin="the request", by=by)
        await self.reload()
        return await self.one(made.id)

    async def change(self, system: str, document: Document, by: str) -> Document:
        known = await self._stored(system)
        changed = await change_system(
            self.settings, self.store, known.definition.id, document, {}, origin="the request", by=by
        )
        await self.reload()
        shown = await self.one(known.definition.id)
        return {**shown, "droppedCredentials": list(changed.dropped)} if changed.dropped else shown

    async def remove(self, system: str, by: str) -> None:
        known = await self._stored(system)
        await self.store.administration(by).remove_system(known.definition.id)
        await self.transformations.forget(known.definition.id)
        await self.reload()

    async def test(self, system: str, *, targets: bool) -> Sequence[Document]:
        known = await self._known(system)
        tested = [known]
        if targets:
            opened = self.catalog.system(known.definition.id)
            names = [each.blueprint.definition.id for each in targets_of(self.catalog, opened)]
            tested += [await self._known(name) for name in names]
        return [
            {
                "system": each.definition.name,
                "step": step.name,
                "ok": step.ok,
                "milliseconds": round(step.milliseconds, 1),
                "message": step.message,
            }
            for each in tested
            for step in await test_system(self.settings, self.store, each)
        ]

    async def reset(self, system: str, by: str) -> None:
        known = await self._known(system)
        await Links(self.store.database).reset(known.definition.id)
        await self.store.administration(by).record("system.reset", system=known.definition.id)

    async def transformation(self, system: str, direction: str) -> Document:
        known = await self._known(system)
        given = known.definition.read if direction == "read" else known.definition.write
        history = await self.transformations.all(known.definition.id, direction)
        return {
            "system": known.definition.id,
            "direction": direction,
            "default": given is None,
            "version": history[0].version if history else 1,
            "text": self._text(known, direction),
        }

    async def versions(self, system: str, direction: str) -> Sequence[Document]:
        known = await self._known(system)
        return [_version(one) for one in await self.transformations.all(known.definition.id, direction)]

    async def version(self, system: str, direction: str, number: int) -> Document:
        known = await self._known(system)
        found = await self.transformations.get(known.definition.id, direction, number)
        return {**_version(found), "text": found.text}

    async def save(self, system: str, direction: str, text: str, description: str, by: str) -> Document:
        known = await self._stored(system)
        before = self._text(known, direction)
        stored = await self.store.systems.find(known.definition.id)
        if stored is None:
            raise UnknownError(f"There is no system '{system}' in the database. Nothing was changed.")
        document = {**stored.definition, _KEYS[direction]: _read(text) if text.strip() else {}}
        await change_system(self.settings, self.store, known.definition.id, document, {}, origin="the request", by=by)
        made = await self.transformations.add(known.definition.id, direction, text, description, by, initial=before)
        await self.reload()
        return _version(made)

    def _text(self, known: KnownSystem, direction: str) -> str:
        definition = known.definition
        given = definition.read if direction == "read" else definition.write
        if given is not None:
            return given.text
        plan = blueprint(definition)
        role = ROLES[definition.access_mode]
        return plan.type.transformation(role, "read" if direction == "read" else "write", plan.values) or ""

    def _shown(self, known: KnownSystem) -> Document:
        definition = known.definition
        opened = definition.id in self.catalog.systems()
        return {
            **sap_export(definition),
            "encryptedProperties": dict.fromkeys(definition.credentials),
            "origin": known.origin,
            "readOnly": not known.stored,
            "usable": opened,
            "problem": self.catalog.unusable().get(definition.id) or known.problem or None,
        }

    async def _known(self, system: str) -> KnownSystem:
        return await known_system(self.settings, self.store, system)

    async def _stored(self, system: str) -> KnownSystem:
        known = await self._known(system)
        if not known.stored:
            words = (
                f"System {known.definition.name!r} is a file ({known.origin}). Change it there; nothing was changed."
            )
            raise AlreadyExistsError(words)
        return known


def _read(text: str) -> Document:
    """The text of a transformation as an object; DefinitionError."""
    source = read_text(text)
    if isinstance(source.value, dict):
        return dict(source.value)
    words = "; ".join(problem.message for problem in source.problems) or "must be an object: a transformation"
    raise DefinitionError((DefinitionProblem("the request", "transformation", words),))


def _version(one: TransformationVersion) -> Document:
    return {
        "version": one.version,
        "description": one.description,
        "changedBy": one.changed_by or None,
        "changed": datetime.fromtimestamp(one.changed, UTC).isoformat(timespec="seconds"),
    }
