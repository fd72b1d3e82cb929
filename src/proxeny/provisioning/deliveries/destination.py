"""A target ready for jobs: its connector, its write programs, and how its properties want it to be written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proxeny.connectors.properties import PropertyValues
from proxeny.connectors.spi import Connector, Gatherer, Patcher, Replacer
from proxeny.connectors.unique import UniqueKey, keys_of
from proxeny.provisioning.catalog import OpenSystem
from proxeny.provisioning.crossing import Crossing
from proxeny.provisioning.deliveries.claims import Place
from proxeny.provisioning.deliveries.updating import Writable
from proxeny.provisioning.deliveries.variants import Variants, variants_of
from proxeny.provisioning.system import version_of
from proxeny.transform import EntityProgram

NAMED = ("user", "group")
AT_ONCE = 8
"""How many entities are written to a target at the same time, if it does not take more in one request."""
_INSTEAD = frozenset({"IDENTITY_AUTHENTICATION", "LOCAL_IDENTITY_DIRECTORY"})


@dataclass(frozen=True, slots=True)
class Destination:
    """One target. Everything that does not depend on the entity is decided here once.

    ``kin``: the ids of all targets with the same backend, this one among them. ``keeps_groups``: groups among a group's
    members are not touched.
    """

    id: str
    kin: tuple[str, ...]
    name: str
    type: str
    connector: Connector
    values: PropertyValues
    crossings: Mapping[str, Crossing]
    variants: Variants
    writable: Mapping[str, Writable]
    keys: Mapping[str, tuple[UniqueKey, ...]]
    version: str
    patches: bool
    portion: int | None
    removals: int
    keeps_groups: bool
    at_once: int
    existed_before: bool
    attempts: int
    interval: float

    def crossing(self, entity_type: str, value: str = "") -> Crossing:
        """The crossing of a type; of the variant of a value, if it is written once for each."""
        variants = self.variants.by_type.get(entity_type, ()) if value else ()
        return next((one.crossing for one in variants if one.value == value), self.crossings[entity_type])

    def program(self, entity_type: str) -> EntityProgram | None:
        crossing = self.crossings.get(entity_type)
        return crossing.write if crossing is not None else None

    def place(self, source: str, entity_type: str) -> Place:
        """Where claims on entities of the backend are made for a source."""
        return source, min(self.kin), entity_type

    def exceeds(self, members: int) -> bool:
        """Whether a group with so many members is written in portions."""
        return self.portion is not None and members > self.portion

    def takes(self, entity_type: str) -> bool:
        return entity_type in self.crossings

    def threshold(self, entity_type: str) -> int | None:
        """``ips.delete.threshold.*``, if set."""
        return self.values.integer(f"ips.delete.threshold.{entity_type}s", 0) or None

    def sends_instead_of_delete(self, entity_type: str) -> bool:
        """Whether the deleteEntity mappings are sent as an update where others are deleted (operations.md 4)."""
        program = self.program(entity_type)
        if program is None or not any("delete" in one.operations for one in program.section.instructions):
            return False
        return self.type not in _INSTEAD or self.values.family_flag(f"{entity_type}.update.instead.delete")

    def resolves_conflicts(self, entity_type: str) -> bool:
        return self.values.family_flag(f"{entity_type}.automatic.conflict.resolution", default=True)


def place_of(system: OpenSystem) -> tuple[str, str]:
    """Which backend a system is: its protocol and its address."""
    plan = system.blueprint
    return plan.type.protocol or "", plan.values.text("URL").rstrip("/")


def destination(system: OpenSystem, others: Iterable[OpenSystem] = ()) -> Destination:
    """The target behind an open system, among all others; PropertyError if a property cannot be read."""
    plan = system.blueprint
    values, connector = plan.values, system.connector
    programs = dict(plan.write.entities) if plan.write is not None else {}
    quirks = plan.type.quirks_for(values)
    same = (other.blueprint.definition.id for other in others if place_of(other) == place_of(system))
    kin = tuple(dict.fromkeys((plan.definition.id, *same)))
    types = [name for name in connector.entity_types if plan.write is None or name in programs]
    return Destination(
        id=plan.definition.id,
        kin=kin,
        name=plan.definition.name,
        type=plan.type.name,
        connector=connector,
        values=values,
        crossings={name: Crossing(None, programs.get(name)) for name in types},
        variants=variants_of(programs),
        writable={name: Writable.by(programs.get(name)) for name in types},
        keys={
            name: keys_of(values.family(f"{name}.unique.attribute"), name, quirks) for name in types if name in NAMED
        },
        version=version_of(plan, "write"),
        patches=isinstance(connector, Patcher)
        and (values.family_flag("support.patch.operation") or not isinstance(connector, Replacer)),
        portion=values.family_integer("patch.group.members.above.threshold") or None,
        removals=int(quirks.get("removals_per_patch", 50)),
        keeps_groups=values.family_flag("patch.group.members.of.nested.groups"),
        at_once=max(AT_ONCE, connector.writes_at_once if isinstance(connector, Gatherer) else 1),
        existed_before=values.flag("ips.delete.existedbefore.entities"),
        attempts=values.integer("ips.failed.request.retry.attempts", 2),
        interval=float(values.integer("ips.failed.request.retry.attempts.interval", 30)),
    )
