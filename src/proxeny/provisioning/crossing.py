"""One document across: native → common by the read program, common → native by the write program, whoever asks.

A proxy request, a job and a real-time event all cross here, so that a transformation means the same for each of them.
An endpoint without transformations (the directory at /scim) crosses as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.spi import Entity
from proxeny.documents import Document
from proxeny.transform import EntityProgram, Operation, Result

BASE_LOCATION = "entityBaseLocation"
SOURCE_ID = "entityIdSourceSystem"
TARGET_ID = "entityIdTargetSystem"


@dataclass(frozen=True, slots=True)
class Crossing:
    """The two programs of one entity type; None stands for "as it is"."""

    read: EntityProgram | None
    write: EntityProgram | None

    def to_common(self, entity: Entity, base_location: str) -> Result:
        """The common form of a native entity. ``base_location`` is the collection's URL, ending in ``/``."""
        if self.read is None:
            return Result("ok", entity.document)
        return self.read.run("read", entity.document, {BASE_LOCATION: base_location})

    def to_native(
        self,
        operation: Operation,
        document: Document,
        *,
        target_id: str | None = None,
        after_patch: Document | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Result:
        """The native form of a common document, or of a PatchOp (operation ``patch``).

        ``target_id`` is the id in the URL, or the linked one; ``after_patch`` the common form after the patch, on which
        the entity condition is decided (decision 2).
        """
        if self.write is None:
            return Result("ok", document)
        bound = dict(variables or {})
        if target_id is not None:
            bound[TARGET_ID] = target_id
        return self.write.run(operation, document, bound, after_patch=after_patch)
