"""One entity of the source, several in the target: one for each value of a constant ``"%key%[]"`` (quirk 46).

Each has a link of its own, under the source's id with the value behind it: ``4711 [idp2]``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from proxeny.provisioning.crossing import Crossing
from proxeny.provisioning.deliveries.origin import Item
from proxeny.transform import EntityProgram


@dataclass(frozen=True, slots=True)
class Variant:
    """The program of one value."""

    value: str
    crossing: Crossing

    @property
    def suffix(self) -> str:
        return f" [{self.value}]"


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants of a target by entity type; types that are written once are not in it."""

    by_type: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)

    def each(self, entity_type: str, items: Iterable[Item]) -> Iterator[Item]:
        """Every item once for each value; as it is where there are none, or where that was done."""
        variants = self.by_type.get(entity_type, ())
        for item in items:
            if not variants or item.value:
                yield item
            else:
                yield from (replace(item, source_id=item.source_id + one.suffix, value=one.value) for one in variants)

    def keys(self, entity_type: str, source_id: str) -> list[str]:
        """The ids under which the links of an entity of the source are kept."""
        variants = self.by_type.get(entity_type, ())
        return [source_id + one.suffix for one in variants] or [source_id]

    def of_key(self, entity_type: str, key: str) -> Variant | None:
        """Whose link that is; None if of no value that there is."""
        return next((one for one in self.by_type.get(entity_type, ()) if key.endswith(one.suffix)), None)

    def base(self, entity_type: str, key: str) -> str:
        """The source's own id in the key of a link."""
        found = self.of_key(entity_type, key)
        return key.removesuffix(found.suffix) if found is not None else key


def variants_of(programs: Mapping[str, EntityProgram]) -> Variants:
    """What the write programs of a target want to be written several times."""
    found = {name: tuple(_each(program)) for name, program in programs.items() if program.per_value}
    return Variants(found)


def _each(program: EntityProgram) -> Iterator[Variant]:
    for variant in program.variants:
        pairs = zip(program.section.instructions, variant.section.instructions, strict=True)
        values = [str(getattr(now.origin, "value", "")) for base, now in pairs if now.origin is not base.origin]
        yield Variant(" ".join(values), Crossing(None, variant))
