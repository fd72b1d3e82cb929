"""Changes that administrators make, each with its record in the audit trail: who changed what, and no secret.

Whoever changes technical users, systems, secrets or keys does it here, so that no way of changing them goes unrecorded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from proxeny.documents import Document
from proxeny.store.audit import Audit
from proxeny.store.clients import Clients, StoredClient
from proxeny.store.systems import StoredSystem, Systems

Rules = tuple[Mapping[str, str], ...]
_TOLD = tuple(
    item.name
    for item in fields(StoredClient)
    if item.name not in ("id", "secrets", "created", "version", "last_used", "last_address", "failed_tries", "keys")
)

_DEFAULTS = {"state": "ENABLED", "systemManagementType": "CUSTOMER_MANAGED"}
"""What a definition that leaves a key out means; of the other keys, something empty."""


@dataclass(frozen=True, slots=True)
class Administration:
    """``by`` says who: ``cli:<account>``, or the id of the technical user or person that calls the admin API."""

    clients: Clients
    systems: Systems
    audit: Audit
    by: str

    async def record(self, event: str, **told: Any) -> None:
        """Records a change that was made elsewhere."""
        await self.audit.record(event, {"by": self.by, **told})

    async def add_client(
        self, client: StoredClient, *, secret: bool = True, expires: datetime | None = None
    ) -> tuple[StoredClient, str | None]:
        """As Clients.add."""
        kept, made = await self.clients.add(client, secret=secret, expires=expires)
        await self.record("client.added", client=kept.id, **_told(kept), secret_made=made is not None)
        return kept, made

    async def change_client(self, client_id: str, **changes: Any) -> StoredClient:
        """As Clients.change; the record tells the fields that changed, as they are now."""
        kept = await self.clients.change(client_id, **changes)
        told = {name: _plain(getattr(kept, name)) for name in _TOLD if name in changes}
        await self.record("client.changed", client=client_id, changed=sorted(changes), **told)
        return kept

    async def change_certificates(self, client_id: str, change: Callable[[Rules], Rules]) -> StoredClient:
        """Makes other certificates of those that it has at that moment; UnknownError."""
        kept = await self.clients.edit(
            client_id, lambda client: replace(client, certificates=change(client.certificates))
        )
        told = {"changed": ["certificates"], "certificates": kept.certificates}
        await self.record("client.changed", client=client_id, **told)
        return kept

    async def rotate_client(
        self, client_id: str, *, keep_old_for: timedelta = timedelta(days=1), expires: datetime | None = None
    ) -> str:
        """As Clients.rotate."""
        made = await self.clients.rotate(client_id, keep_old_for=keep_old_for, expires=expires)
        hours = round(keep_old_for.total_seconds() / 3600, 2)
        await self.record("client.secret-rotated", client=client_id, old_holds_hours=hours, expires=expires)
        return made

    async def remove_client(self, client_id: str) -> None:
        """As Clients.remove."""
        await self.clients.remove(client_id)
        await self.record("client.removed", client=client_id)

    async def add_system(
        self, system_id: str, name: str, definition: Document, credentials: Mapping[str, str]
    ) -> StoredSystem:
        """As Systems.add."""
        kept = await self.systems.add(system_id, name, definition, credentials)
        kind = definition.get("connectorTypeString")
        await self.record("system.added", system=system_id, name=name, type=kind, **_names(credentials))
        return kept

    async def change_system(
        self,
        system_id: str,
        name: str,
        definition: Document,
        credentials: Mapping[str, str],
        *,
        dropped: Sequence[str] = (),
    ) -> StoredSystem:
        """As Systems.replace. ``dropped`` names the credentials that were not taken over."""
        before = await self.systems.find(system_id)
        kept = await self.systems.replace(system_id, name, definition, credentials)
        changed = sorted(_differences(before.definition if before else {}, definition))
        told = {**_names(credentials), **({"dropped": sorted(dropped)} if dropped else {})}
        await self.record("system.changed", system=system_id, name=name, changed=changed, **told)
        return kept

    async def remove_system(self, system_id: str) -> None:
        """As Systems.remove."""
        await self.systems.remove(system_id)
        await self.record("system.removed", system=system_id)


def _told(client: StoredClient) -> dict[str, Any]:
    """What the trail keeps of a technical user; sets as lists, and nothing that is empty."""
    values = {name: _plain(getattr(client, name)) for name in _TOLD}
    return {name: value for name, value in values.items() if value not in (None, (), "", False)}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _names(credentials: Mapping[str, str]) -> dict[str, list[str]]:
    return {"secret_names": sorted(credentials)} if credentials else {}


def _differences(before: Document, after: Document) -> set[str]:
    """The keys, and the names of the properties, that differ; what is left out is as if its default was written."""
    flat = [
        {**{key: value for key, value in document.items() if key != "properties"}}
        | {f"properties.{name}": value for name, value in (document.get("properties") or {}).items()}
        for document in (before, after)
    ]
    one, other = ({key: value for key, value in values.items() if not _is_default(key, value)} for values in flat)
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _is_default(key: str, value: Any) -> bool:
    return value in (None, False, "", [], {}, _DEFAULTS.get(key))
