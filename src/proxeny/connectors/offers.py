"""What a system type can be used for today, told without connecting: by its data, and by what its connector implements.

``delta`` is what the type's documentation promises and the connector reads; ``patch`` is whether the PATCH of a proxy's
client goes on to the backend as one (else it is applied here, and the entity written whole).
"""

from dataclasses import dataclass

from proxeny.connectors.registry import spec
from proxeny.connectors.spec import SystemType

BULK = "support.bulk.operation"


@dataclass(frozen=True, slots=True)
class Offer:
    """``reason`` is one sentence on why nothing works, empty if something does."""

    read: bool
    write: bool
    proxy: bool
    delta: bool
    patch: bool
    bulk: bool
    reason: str

    @property
    def usable(self) -> bool:
        return not self.reason

    @property
    def words(self) -> str:
        """What works, for people: ``read, write, proxy, delta``; else the reason."""
        named = [name for name in ("read", "write", "proxy", "delta", "patch", "bulk") if getattr(self, name)]
        return self.reason or ", ".join("PATCH" if name == "patch" else name for name in named)


def offer(known: SystemType) -> Offer:
    """What works of a system type; PropertyError if an installed connector is broken."""
    if known.protocol is None:
        return Offer(False, False, False, False, False, False, known.missing or "No connector speaks its protocol.")
    does = spec(known.protocol).does
    return Offer(
        read="source" in known.roles and does.read,
        write="target" in known.roles and does.create,
        proxy="proxy" in known.roles and does.read,
        delta="source" in known.roles and does.changes and bool(known.capabilities.get("delta")),
        patch="proxy" in known.roles and does.patch and _passes_patch(known),
        bulk=any(declared.name.endswith(BULK) for declared in known.properties),
        reason="",
    )


def _passes_patch(known: SystemType) -> bool:
    """As the PATCH of a client crosses: by patchEntity mappings, or without a write transformation."""
    text = known.transformation("proxy", "write")
    return text is None or "patchEntity" in text
