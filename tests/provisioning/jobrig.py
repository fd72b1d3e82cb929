"""A gateway's jobs over a fake source and fake targets, each in its own process, or over the real directory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.database import Database
from proxeny.provisioning.catalog import Catalog
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.job import Jobs
from proxeny.provisioning.jobs.ledger import Memory
from proxeny.provisioning.systems.definition import AccessMode, SystemDefinition, TransformationText
from proxeny.store.migrations import migrate
from proxeny.store.outcomes import Outcome
from proxeny.store.runs import LEASE_SECONDS, Run

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_MANAGER = f"$['{ENTERPRISE}']['manager']['value']"

READ: dict[str, Any] = {
    "user": {
        "mappings": [
            {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
            {"sourcePath": "$.userName", "targetPath": "$.userName"},
            {"sourcePath": "$.active", "targetPath": "$.active", "optional": True},
            {"sourcePath": "$.name", "targetPath": "$.name", "optional": True},
            {
                "sourcePath": "$.emails",
                "targetPath": "$.emails",
                "preserveArrayWithSingleElement": True,
                "optional": True,
            },
            {"sourcePath": _MANAGER, "targetPath": _MANAGER, "optional": True},
        ]
    },
    "group": {
        "mappings": [
            {"sourcePath": "$.id", "targetVariable": "entityIdSourceSystem"},
            {"sourcePath": "$.displayName", "targetPath": "$.displayName"},
            {
                "sourcePath": "$.members",
                "targetPath": "$.members",
                "preserveArrayWithSingleElement": True,
                "optional": True,
            },
        ]
    },
}


def _members(entity_type: str) -> dict[str, Any]:
    return {
        "sourcePath": "$.members[*].value",
        "targetPath": "$.members[?(@.value)]",
        "preserveArrayWithSingleElement": True,
        "optional": True,
        "functions": [{"type": "resolveEntityIds", "entityType": entity_type}],
    }


WRITE: dict[str, Any] = {
    "user": {
        "mappings": [
            {"sourceVariable": "entityIdTargetSystem", "targetPath": "$.id"},
            {"sourcePath": "$.userName", "targetPath": "$.userName"},
            {"sourcePath": "$.name", "targetPath": "$.name", "optional": True},
            {
                "sourcePath": "$.emails",
                "targetPath": "$.emails",
                "preserveArrayWithSingleElement": True,
                "optional": True,
            },
            {
                "sourcePath": _MANAGER,
                "targetPath": _MANAGER,
                "optional": True,
                "functions": [{"type": "resolveEntityIds"}],
            },
        ]
    },
    "group": {
        "mappings": [
            {"sourceVariable": "entityIdTargetSystem", "targetPath": "$.id"},
            {"sourcePath": "$.displayName", "targetPath": "$.displayName"},
            _members("user"),
            _members("group"),
        ]
    },
}
QUICK = {"ips.failed.request.retry.attempts.interval": "0", "timeout.total": "1", "Authentication": "NoAuthentication"}


def scim(
    name: str,
    mode: AccessMode,
    url: str,
    transformation: Mapping[str, Any] | None = None,
    *,
    sources: Iterable[str] = ("src",),
    kind: str = "SCIM_SYSTEM",
    **properties: str,
) -> SystemDefinition:
    """A system over HTTP; properties with ``__`` for dots."""
    given = {key.replace("__", "."): value for key, value in properties.items()}
    text = TransformationText(name, orjson.dumps(transformation or (READ if mode == "READ" else WRITE)).decode())
    return SystemDefinition(
        id=name,
        name=name.upper(),
        type=kind,
        access_mode=mode,
        properties={**QUICK, "URL": url, **given},
        read=text if mode == "READ" else None,
        write=text if mode == "WRITE" else None,
        sources=tuple(sources) if mode == "WRITE" else (),
    )


@dataclass(slots=True)
class JobRig:
    """One gateway's jobs."""

    database: Database
    catalog: Catalog
    memory: Memory
    jobs: Jobs
    definitions: dict[str, SystemDefinition] = field(default_factory=dict)

    @classmethod
    async def open(cls, database: Database, *, lease: float = LEASE_SECONDS) -> "JobRig":
        await migrate(database)
        catalog = Catalog(database, Outbound(OutboundSettings()), Cursors(b"k" * 32))
        await catalog.open(())
        memory = Memory.over(database)
        return cls(database, catalog, memory, Jobs(memory, catalog, lease=lease))

    async def close(self) -> None:
        await self.catalog.close()

    async def systems(self, *definitions: SystemDefinition) -> None:
        """These systems, in addition to or in place of those that are there."""
        self.definitions.update((definition.id, definition) for definition in definitions)
        await self.catalog.replace(self.definitions.values())

    async def run(self, kind: Any = "READ", source: str = "src", trigger: Any = "IMMEDIATE") -> Run:
        """One run from start to end."""
        run = await self.jobs.start(source, kind, trigger)
        await self.jobs.work_off()
        return await self.memory.runs.get(run)

    async def outcomes(self, run: Run, system: str = "crm") -> dict[str, Outcome]:
        """The outcomes at a system, by the source's id."""
        return {row.entity_id: row async for row in self.memory.outcomes.of_run(run.id, system=system)}

    async def counts(self, run: Run, system: str = "crm", entity_type: str = "user") -> dict[str, int]:
        """``{"create done": 3, …}``."""
        found = await self.memory.outcomes.statistics(run.id)
        return {
            f"{one.action} {one.outcome}": one.count
            for one in found
            if (one.system, one.entity_type) == (system, entity_type)
        }

    async def reasons(self, run: Run, system: str = "crm") -> dict[str, int]:
        found: dict[str, int] = {}
        for one, _, _, reason, count in await self.memory.outcomes.reasons(run.id):
            if one == system:
                found[reason] = found.get(reason, 0) + count
        return found
