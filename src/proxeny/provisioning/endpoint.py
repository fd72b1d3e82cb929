"""One SCIM endpoint of one system (``/proxy/hr/Users``), with everything decided when the system was opened."""

import logging
from dataclasses import dataclass, field

from proxeny.connectors.errors import ConnectorError
from proxeny.connectors.spi import Connector, Entity, EntityType
from proxeny.documents import Document
from proxeny.provisioning.abilities import Abilities
from proxeny.provisioning.crossing import Crossing
from proxeny.provisioning.failures import as_scim_error
from proxeny.provisioning.identity import Identity, TargetIds
from proxeny.provisioning.presenting import present
from proxeny.provisioning.pushdown import Pushdown
from proxeny.provisioning.switches import Switches
from proxeny.scim.errors import InternalError, ScimError
from proxeny.scim.schema import ResourceType

logger = logging.getLogger("proxeny.proxy")


@dataclass(slots=True)
class Resource:
    """A native entity in the form that clients see, where it is, and its version (as in the ETag)."""

    entity: Entity
    document: Document
    location: str
    version: str


@dataclass(slots=True)
class Hidden:
    """An entity that the read condition keeps from clients."""

    reason: str


@dataclass(slots=True)
class Unreadable:
    """An entity that the read transformation cannot bring across; ``message`` names the mapping."""

    message: str


Seen = Resource | Hidden | Unreadable


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``readable`` is the resource type without what reading cannot produce: filters and sorting are decided on it.

    ``droppable`` tells which native fields need not be read when an attribute is not asked for. ``property_filter`` is
    the system's own filter (``<prefix>user.filter``), in the backend's language.
    """

    system: str
    name: str
    entity_type: str
    connector: Connector
    able: Abilities
    native: EntityType
    resource_type: ResourceType
    readable: ResourceType
    crossing: Crossing
    pushdown: Pushdown
    identity: Identity
    target_ids: TargetIds
    switches: Switches
    property_filter: str | None = None
    droppable: dict[str, frozenset[str]] = field(default_factory=dict)

    def see(self, entity: Entity, base: str) -> Seen:
        """The entity as a client sees it: the one way out of every system."""
        result = self.crossing.to_common(entity, f"{base}/{self.name}/")
        if result.status == "ok":
            location, version = present(
                result.document, entity, base=base, endpoint=self.name, resource_type=self.resource_type.name
            )
            return Resource(entity, result.document, location, version)
        if result.status == "skipped":
            return Hidden(result.message or "the read condition is false")
        return Unreadable(result.message or "the read transformation failed")

    @property
    def conditioned(self) -> bool:
        """Whether the read transformation may hide entities."""
        read = self.crossing.read
        return read is not None and read.condition is not None

    def unreadable(self, entity_id: str, message: str) -> ScimError:
        """The answer for an entity that exists and cannot cross, by id (decision 6)."""
        logger.error("an entity fails the read transformation", extra={"system": self.system, "entity": entity_id})
        return InternalError(
            f"The {self.resource_type.name} exists, but the read transformation of this system fails on it: {message}. "
            "An administrator must correct the transformation or the entity."
        )

    def failure(self, error: ConnectorError) -> ScimError:
        """The answer for a backend's failure; the log has the backend's own words."""
        answer = as_scim_error(error)
        level = logging.WARNING if answer.status >= 500 else logging.INFO
        logger.log(
            level,
            "the backend refused or failed: %s",
            error,
            extra={"system": self.system, "status": answer.status, "backend": error.backend_message},
        )
        return answer
