"""PATCH through one endpoint: passed to the backend where system and transformation allow, else read, apply, replace
(decision 4).
"""

from proxeny.connectors.errors import ConnectorError, UnsupportedError
from proxeny.connectors.spi import Patcher
from proxeny.documents import Document
from proxeny.provisioning.endpoints.endpoint import Resource
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.writes.removals import vanished
from proxeny.provisioning.writes.writing_steps import Acceptance, WritingSteps
from proxeny.scim.patch import PatchOperation, apply_patch, patch_document, settled, touched_paths


class Patching(WritingSteps):
    """The PATCHes of one endpoint."""

    async def patch(self, url_id: str, document: Document, call: Call) -> Resource | None:
        """Passed to the backend where system and transformation allow, else read, apply, replace (decision 4)."""
        self._permit("update", "patch")
        operations, body, compared = self._preparing.patch(document, call, url_id=url_id)
        if compared or not operations:
            held = await self._without(self._unneeded(operations, compared), url_id, call)
            apply_patch(held.document, compared, self._endpoint.resource_type)
            if not operations:
                self._required_version(held, call)
                return held
        patcher, write = self._endpoint.able.patcher, self._endpoint.crossing.write
        if patcher is None or not (write is None or write.has_patch):
            return await self._emulated(url_id, operations, call)
        try:
            if any(each.create_missing and each.target.filter is not None for each in operations):
                return await self._settled(patcher, url_id, operations, call)
            current, version = await self._target(url_id, call, whole=write is not None and write.condition is not None)
            return await self._passed(patcher, url_id, operations, body, call, current, version)
        except UnsupportedError:  # nothing to send, or a server of this protocol that has no PATCH itself
            return await self._emulated(url_id, operations, call)
        except ConnectorError as error:
            raise self._endpoint.failure(error) from error

    def _unneeded(self, operations: tuple[PatchOperation, ...], compared: tuple[PatchOperation, ...]) -> frozenset[str]:
        """Large native fields that a comparison need not read; what is then also the answer needs all of them."""
        named = {path.name for path in touched_paths(compared)}
        spared = (fields for name, fields in self._endpoint.droppable.items() if operations and name not in named)
        return frozenset[str]().union(*spared)

    async def _settled(
        self, patcher: Patcher, url_id: str, operations: tuple[PatchOperation, ...], call: Call
    ) -> Resource | None:
        """Passed on as the standard has it, which depends on what is there (dialect ``filtered-write-creates``)."""

        async def attempt(current: Resource, version: str | None) -> Resource | None:
            plain = settled(current.document, operations, self._endpoint.resource_type)
            return await self._passed(patcher, url_id, plain, patch_document(plain), call, current, version)

        return await self._on_current(url_id, call, attempt)

    async def _passed(
        self,
        patcher: Patcher,
        url_id: str,
        operations: tuple[PatchOperation, ...],
        body: Document,
        call: Call,
        current: Resource | None,
        version: str | None,
    ) -> Resource | None:
        """Raises connector errors as they are; UnsupportedError also where there is nothing to send."""
        endpoint = self._endpoint
        after = self._after_patch(current, operations)
        native = self._crossed(endpoint.crossing.to_native("patch", body, target_id=url_id, after_patch=after), "patch")
        if not native.document:
            raise UnsupportedError("The write transformation makes nothing of a PATCH.")
        native_id = self._native_id("patch", native, current.entity.id if current else self._require_native_id(url_id))
        accept = Acceptance(endpoint, call.base)
        written = await patcher.patch(endpoint.entity_type, native_id, native.document, version=version, accept=accept)
        return await self._read_back(accept, written, native_id, call)

    def _after_patch(self, current: Resource | None, operations: tuple[PatchOperation, ...]) -> Document | None:
        """The common form after the patch, which only an entity condition of the write transformation needs."""
        write = self._endpoint.crossing.write
        if current is None or write is None or write.condition is None:
            return None
        return apply_patch(current.document, operations, self._endpoint.resource_type)

    async def _emulated(self, url_id: str, operations: tuple[PatchOperation, ...], call: Call) -> Resource | None:
        endpoint, replacer = self._endpoint, self._endpoint.able.replacer
        if replacer is None:
            raise self._unsupported("patch")

        async def attempt(current: Resource, version: str | None) -> Resource | None:
            patched = apply_patch(current.document, operations, endpoint.resource_type)
            if patched == current.document:
                return await self._reading.one(url_id, call.base) if omit else current
            common = self._preparing.patched(patched, call)
            takes_away = bool(vanished(current.document, patched))
            before = self._preparing.patched(current.document, call) if takes_away else None
            version = version or current.entity.version
            return await self._replaced(replacer, url_id, current, common, version, call, before=before)

        about_members = any(path.name == "members" for path in touched_paths(operations))
        omit = frozenset[str]() if about_members else endpoint.unsaid
        return await self._on_current(url_id, call, attempt, omit=omit)
