"""Writing through one endpoint: create, full update, PATCH and delete (decisions 2–7).

Each write goes canonical names → dialect → schema validation → write program → backend → read program → answer, and
what the backend refuses leaves everything as it was.
"""

from proxeny.documents import Document
from proxeny.provisioning.endpoints.endpoint import Endpoint, Resource
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.endpoints.reading import Reading
from proxeny.provisioning.writes.patching import Patching
from proxeny.provisioning.writes.preparing import Preparing
from proxeny.provisioning.writes.writing_steps import Acceptance, WritingSteps


class Writing(WritingSteps):
    """The writing side of one endpoint. Each method returns the resource as it is now, or None if it is hidden now."""

    def __init__(self, endpoint: Endpoint, reading: Reading, preparing: Preparing) -> None:
        super().__init__(endpoint, reading, preparing)
        self.patch = Patching(endpoint, reading, preparing, self._one_by_one).patch

    # -- create ---------------------------------------------------------------------------------------------------

    async def create(self, document: Document, call: Call) -> Resource | None:
        endpoint = self._endpoint
        self._permit("create")
        creator = endpoint.able.creator
        if creator is None:
            raise self._unsupported("create")
        common = self._preparing.resource(document, "create", call)
        await self._preparing.unique_display_name(common, self._reading, call)
        native = self._crossed(endpoint.crossing.to_native("create", common), "create")
        accept = Acceptance(endpoint, call.base, creating=True)
        entity = await self._asked(creator.create(endpoint.entity_type, native.document, accept=accept))
        return await self._read_back(accept, entity, entity.id, call)

    # -- full update ----------------------------------------------------------------------------------------------

    async def replace(self, url_id: str, document: Document, call: Call) -> Resource | None:
        self._permit("update")
        replacer = self._endpoint.able.replacer
        if replacer is None:
            raise self._unsupported("update")
        common = self._preparing.resource(document, "replace", call, url_id=url_id)

        async def attempt(current: Resource, version: str | None) -> Resource | None:
            merged = self._preparing.kept(common, current.document, document)
            self._preparing.immutable(current.document, merged)
            return await self._replaced(replacer, url_id, current, merged, version, call)

        stays = self._preparing.keeps_members(common)
        return await self._on_current(url_id, call, attempt, omit=self._endpoint.unsaid if stays else frozenset())

    # -- delete ---------------------------------------------------------------------------------------------------

    async def delete(self, url_id: str, call: Call) -> None:
        endpoint, deleter = self._endpoint, self._endpoint.able.deleter
        self._permit("delete")
        if deleter is None:
            raise self._unsupported("delete")
        current, version = await self._target(url_id, call)
        common = current.document if current is not None else {"id": url_id}
        native = self._crossed(endpoint.crossing.to_native("delete", common, target_id=url_id), "delete")
        native_id = self._native_id("delete", native, current.entity.id if current else self._require_native_id(url_id))
        await self._asked(deleter.delete(endpoint.entity_type, native_id, version=version))
