"""Any SCIM 2.0 server as a system: the whole port over HTTP."""

from proxeny.connectors.errors import ConflictError, ConnectorError, UnsupportedError
from proxeny.connectors.outbound.answers import HttpAnswer
from proxeny.connectors.outbound.throttle import purpose
from proxeny.connectors.scim2.bulk import bulk_limit
from proxeny.connectors.scim2.reading import ScimReader
from proxeny.connectors.scim2.wire import to_entity
from proxeny.connectors.spec import Connection
from proxeny.connectors.spi import Accept, Entity
from proxeny.connectors.unique import explained, keys_of
from proxeny.connectors.updates import member_changes, member_portions, patch_op, replacements
from proxeny.documents import Document


class ScimConnector(ScimReader):
    """A ScimReader that is also Creator, Replacer, Patcher and Deleter."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        values, quirks = connection.properties, connection.type.quirks_for(connection.properties)
        self._keys = {name: keys_of(values.family(f"{name}.unique.attribute"), name, quirks) for name in self._types}
        self._patches = values.family_flag("support.patch.operation")
        self._portion = values.family_integer("patch.group.members.above.threshold") or None
        self._removals = int(quirks.get("removals_per_patch", 50))
        self._users_only = values.family_flag("patch.group.members.of.nested.groups")
        if values.family_flag("support.bulk.operation"):
            limit = bulk_limit(values, quirks.get("bulk_operations"))
            self._wire.gather(self._discovery.abilities, limit, str(quirks.get("bulk_for", "user,group")))

    @property
    def keeps_members(self) -> bool:
        """A PATCH names what changes; a PUT without members takes them away."""
        return self._patches

    @property
    def writes_at_once(self) -> int:
        """How many writes of a job go out together; 1 without bulk requests."""
        return self._wire.bulk.limit if self._wire.bulk is not None else 1

    async def create(self, entity_type: str, document: Document, *, accept: Accept | None = None) -> Entity:
        try:
            answer = await self._wire.write("POST", self._wire.path(entity_type), document)
        except ConflictError as conflict:
            raise await explained(self, entity_type, document, conflict, self._keys.get(entity_type, ())) from conflict
        location = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        body = answer.json() if answer.body.strip() else {}
        entity = to_entity(body, answer.headers.get("ETag"), location or None)
        if entity is None:
            raise ConnectorError(f"The backend created a {entity_type} and named no id.")
        return entity

    async def replace(
        self,
        entity_type: str,
        entity_id: str,
        document: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        members = document.get("members") if entity_type == "group" else None
        many = isinstance(members, list) and self._portion is not None and len(members) > self._portion
        if self._patches or many or (self._users_only and isinstance(members, list)):
            return await self._replace_by_patch(entity_type, entity_id, document, version)
        return await self._put(entity_type, entity_id, document, version)

    async def _put(self, entity_type: str, entity_id: str, document: Document, version: str | None) -> Entity | None:
        if purpose.get() == "job":  # which leaves out what is to go (decision 22)
            document = {name: value for name, value in document.items() if value is not None}
        path = self._wire.path(entity_type, entity_id)
        return _held(await self._wire.write("PUT", path, document, version), entity_id)

    async def _replace_by_patch(
        self, entity_type: str, entity_id: str, document: Document, version: str | None
    ) -> Entity | None:
        path = self._wire.path(entity_type, entity_id)
        operations = replacements(document)
        if operations:
            await self._wire.write("PATCH", path, patch_op(operations), version)
        if entity_type == "group" and "members" in document:
            held = (await self.read(entity_type, entity_id)).document.get("members") or ()
            portion = self._portion or 1000
            wanted, keeps = document["members"] or (), self._users_only
            for part in member_changes(held, wanted, portion, self._removals, keep_groups=keeps):
                await self._wire.write("PATCH", path, patch_op(part))
        return None

    async def patch(
        self,
        entity_type: str,
        entity_id: str,
        patch: Document,
        *,
        version: str | None = None,
        accept: Accept | None = None,
    ) -> Entity | None:
        if (await self._discovery.abilities()).patch is False:
            raise UnsupportedError("The backend says in its ServiceProviderConfig that it has no PATCH.")
        path, operations = self._wire.path(entity_type, entity_id), patch.get("Operations")
        if self._portion is None or not isinstance(operations, list):
            return _held(await self._wire.write("PATCH", path, patch, version), entity_id)
        answer: HttpAnswer | None = None
        for part in member_portions(operations, self._portion, self._removals):
            whole = {**patch, "Operations": part}
            answer = await self._wire.write("PATCH", path, whole, version if answer is None else None)
        return _held(answer, entity_id) if answer is not None else None

    async def delete(self, entity_type: str, entity_id: str, *, version: str | None = None) -> None:
        await self._wire.write("DELETE", self._wire.path(entity_type, entity_id), None, version)


def _held(answer: HttpAnswer, entity_id: str) -> Entity | None:
    """The entity in a write's answer, or None if the backend did not give it."""
    if answer.status == 204 or not answer.body.strip():
        return None
    return to_entity(answer.json(), answer.headers.get("ETag"), entity_id)
