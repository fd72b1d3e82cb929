"""What create, full update, PATCH and delete have in common: what is permitted, which entity is meant, whose turn it
is, and what the backend holds afterwards.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from proxeny.connectors.errors import ConnectorError, VersionConflictError
from proxeny.connectors.spi import Entity, Replacer
from proxeny.documents import Document
from proxeny.provisioning.endpoints.endpoint import Endpoint, Hidden, Resource, Seen, Unreadable
from proxeny.provisioning.endpoints.exchange import Call
from proxeny.provisioning.endpoints.reading import Reading
from proxeny.provisioning.writes.one_by_one import OneByOne
from proxeny.provisioning.writes.preparing import Preparing
from proxeny.provisioning.writes.removals import Removals, vanished
from proxeny.scim.errors import (
    BackendUnavailableError,
    ForbiddenToAllError,
    InvalidValueError,
    NotImplementedByBackendError,
    ScimError,
)
from proxeny.scim.etag import Preconditions
from proxeny.transform import Operation, Result

_ATTEMPTS = 8  # a read–apply–replace is repeated when somebody else was faster
T = TypeVar("T")


@dataclass(slots=True)
class Acceptance:
    """Runs the read transformation on what a transactional backend is about to commit; a refusal takes it back."""

    endpoint: Endpoint
    base: str
    creating: bool = False
    removals: Removals = field(default_factory=Removals)
    seen: Seen | None = field(default=None)

    def __call__(self, entity: Entity) -> None:
        self.removals.require(entity.document, "Nothing was changed.")
        self.seen = self.endpoint.see(entity, self.base)
        if isinstance(self.seen, Unreadable):
            raise InvalidValueError(
                f"The result could not be read back: {self.seen.message} (read transformation). Nothing was changed."
            )
        if self.creating and isinstance(self.seen, Hidden):
            raise InvalidValueError(
                f"The resource would be hidden from this system: {self.seen.reason}. Nothing was created."
            )


class WritingSteps:
    """The steps of one endpoint's writes. Each write returns the resource as it is now, or None if it is hidden now."""

    def __init__(
        self, endpoint: Endpoint, reading: Reading, preparing: Preparing, one_by_one: OneByOne | None = None
    ) -> None:
        self._endpoint = endpoint
        self._reading = reading
        self._preparing = preparing
        self._one_by_one = one_by_one or OneByOne()

    async def _replaced(
        self,
        replacer: Replacer,
        url_id: str,
        current: Resource,
        common: Document,
        version: str | None,
        call: Call,
        *,
        before: Document | None = None,
    ) -> Resource | None:
        """Writes ``common`` over what is there. ``before`` is what a PATCH made it of, if it took something away."""
        endpoint = self._endpoint
        native = self._crossed(endpoint.crossing.to_native("update", common, target_id=url_id), "update")
        native_id = self._native_id("update", native, current.entity.id)
        removals = Removals() if before is None else self._removals(url_id, current, before, native.document)
        accept = Acceptance(endpoint, call.base, removals=removals)
        try:
            written = await replacer.replace(
                endpoint.entity_type, native_id, removals.said(native.document), version=version, accept=accept
            )
        except VersionConflictError:
            raise
        except ConnectorError as error:
            raise endpoint.failure(error) from error
        return await self._read_back(accept, written, native_id, call)

    def _removals(self, url_id: str, current: Resource, before: Document, native: Document) -> Removals:
        """What the backend would have been told before, and is not told now."""
        earlier = self._endpoint.crossing.to_native("update", before, target_id=url_id)
        gone = vanished(earlier.document, native) if earlier.status == "ok" else ()
        return Removals(gone, current.entity.document)

    def _permit(self, *operations: Operation) -> None:
        endpoint = self._endpoint
        if endpoint.switches.read_only:
            raise ForbiddenToAllError(
                f"System {endpoint.system} is read-only (property read.only); nothing was changed."
            )
        write = endpoint.crossing.write
        skipped = [operation for operation in operations if write is not None and operation in write.skip_operations]
        if skipped:
            raise ForbiddenToAllError(
                f"The write transformation of {endpoint.system} skips the operation {skipped[0]!r} for "
                f"{endpoint.resource_type.name} (skipOperations); nothing was changed."
            )

    def _unsupported(self, operation: str) -> ScimError:
        return NotImplementedByBackendError(
            f"The backend of {self._endpoint.system} cannot {operation} a {self._endpoint.resource_type.name}."
        )

    def _crossed(self, result: Result, operation: Operation) -> Result:
        """The write program's result, or why there is none: a 400 that names condition or mapping."""
        if result.status == "ok":
            return result
        lead = (
            "The write transformation does not let this through" if result.status == "skipped" else "The resource fails"
        )
        raise InvalidValueError(f"{lead}: {result.message}. Nothing was changed.")

    async def _target(self, url_id: str, call: Call, *, whole: bool = True) -> tuple[Resource | None, str | None]:
        """The visible resource if anything depends on it, and the version that the backend must still have. Unless it
        is needed ``whole``, its large attributes are not read."""
        endpoint, write = self._endpoint, self._endpoint.crossing.write
        conditioned = endpoint.conditioned or (write is not None and write.condition is not None)
        if not (conditioned or endpoint.property_filter is not None or call.conditional) and endpoint.identity.direct:
            return None, None
        large = frozenset[str]() if whole else frozenset[str]().union(*endpoint.droppable.values())
        current = await self._without(large, url_id, call)
        return current, self._required_version(current, call)

    async def _without(self, large: frozenset[str], url_id: str, call: Call) -> Resource:
        current = await self._reading.one(url_id, call.base, omit=large)
        if large and current.entity.version is None:  # then its version is made of all that it has
            current = await self._reading.one(url_id, call.base)
        return current

    def _required_version(self, current: Resource, call: Call) -> str | None:
        """The version to write on, which the backend must still have; PreconditionFailedError if the client named
        another, or excluded this one (RFC 7644 §3.14)."""
        if not call.conditional:
            return None
        Preconditions.of(call.if_match, call.if_none_match).decide(current.version, reading=False)
        return current.entity.version

    async def _on_current(
        self,
        url_id: str,
        call: Call,
        attempt: Callable[[Resource, str | None], Awaitable[Resource | None]],
        *,
        omit: frozenset[str] = frozenset(),
    ) -> Resource | None:
        """Reads all but ``omit``, lets ``attempt`` write on what was read, and starts again when somebody else wrote in
        between."""
        async with self._one_by_one.of(url_id):
            for _ in range(_ATTEMPTS):
                current = await self._without(omit, url_id, call)
                required = self._required_version(current, call)
                try:
                    return await attempt(current, required if required is not None else current.entity.version)
                except VersionConflictError as error:
                    if call.if_match is not None:
                        raise self._endpoint.failure(error) from error
        raise BackendUnavailableError(
            "The resource is being changed by many others at once; nothing was changed. Try again.",
            headers=(("Retry-After", "1"),),
        )

    def _native_id(self, operation: Operation, result: Result, otherwise: str) -> str:
        """What the write program made of ``entityIdTargetSystem``, else the id that is known (decision 4)."""
        named = self._endpoint.target_ids.of(operation, result.document)
        return named if named is not None else otherwise

    def _require_native_id(self, url_id: str) -> str:
        native_id = self._endpoint.identity.native(url_id)
        assert native_id is not None  # noqa: S101  # an id that needs a search is read first (identity.direct)
        return native_id

    async def _asked(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except ConnectorError as error:
            raise self._endpoint.failure(error) from error

    async def _read_back(
        self, accept: Acceptance, written: Entity | None, native_id: str, call: Call
    ) -> Resource | None:
        """What the backend holds now, through the read transformation (decision 6)."""
        seen = accept.seen
        if seen is None:
            entity = await self._held(written, native_id)
            accept.removals.require(entity.document, "Everything else that was asked for has been done.")
            seen = self._endpoint.see(entity, call.base)
        if isinstance(seen, Unreadable):
            raise self._endpoint.unreadable(native_id, f"{seen.message}; the backend has made the change")
        return seen if isinstance(seen, Resource) else None

    async def _held(self, written: Entity | None, native_id: str) -> Entity:
        if written is not None and written.document:
            return written
        return await self._reading.by_native_id(native_id)
