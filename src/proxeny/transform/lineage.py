"""Which mappings may write an output attribute, and which native attributes are read.

Decided from the declarations alone: *may write*, if the conditions hold and the input has the values. Mappings that
run only
for patch or delete pass requests on and say nothing about attributes, so they are left out unless asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from proxeny.transform.instructions import FromConstant, FromPath, FromTable, FromVariable, Instruction, Operation
from proxeny.transform.names import attribute_names, folded, overlap, within
from proxeny.transform.paths.ast import Filter, Index, Key, Path, Wildcard
from proxeny.transform.shapes import Names, names_of, wrap_key
from proxeny.transform.values import MISSING

_WHOLE: frozenset[Operation] = frozenset({"read", "create", "update"})


@dataclass(frozen=True, slots=True)
class Effect:
    """What an instruction does to the names at and (if ``deep``) below its target."""

    instruction: Instruction
    names: Names
    deep: bool

    @property
    def erases(self) -> bool:
        """Removed or renamed away for certain, in every element."""
        one = self.instruction
        changes = one.label.kind in ("remove", "rename") and one.guard is None
        return changes and one.target is not None and _everywhere(one.target.path)


@dataclass(frozen=True, slots=True)
class Lineage:
    """The reads and writes of one entity type. Paths are given as SCIM writes them, or as tuples of names."""

    effects: tuple[Effect, ...] = field(repr=False)
    reads: frozenset[Names]
    """What is read, as names: ``("emails", "value")``; ``()`` is the whole document."""
    mandatory_sources: frozenset[Names]
    """What must have a value in the input, whatever the conditions of other mappings."""
    mandatory_targets: frozenset[Names]
    """What every output has."""

    def writers(self, path: str | Names, operation: Operation | None = None) -> tuple[int, ...]:
        """Numbers of the mappings that may write at, above or below the path; later unconditional removals counted."""
        names = folded(attribute_names(path, self._extensions()))
        found: list[Instruction] = []
        for effect in self.effects:
            one = effect.instruction
            if not (one.operations & ({operation} if operation else _WHOLE)):
                continue
            if effect.erases:
                if within(names, effect.names):
                    found = [writer for writer in found if not (writer.operations & _WHOLE) <= one.operations]
            elif one.label.kind != "remove" and _touches(effect, names):
                found.append(one)
        return tuple(one.number for one in found)

    def writes(self, path: str | Names, operation: Operation | None = None) -> bool:
        """Whether some mapping may write at, above or below the path."""
        return bool(self.writers(path, operation))

    def over(self, objects: frozenset[str]) -> "Lineage":
        """The same where the input has objects in these of its fields alone: what is wrapped elsewhere is a text, and
        has no more beside it than the name that it is wrapped in."""
        return replace(self, effects=tuple(_over(effect, objects) for effect in self.effects))

    def may_read(self, path: str | Names) -> bool:
        """Whether a mapping takes its value at, above or below the path of the input."""
        extensions = {names[0] for names in self.reads if names and ":" in names[0]}
        wanted = folded(attribute_names(path, extensions))
        return any(overlap(folded(names), wanted) for names in self.reads)

    def has_default(self, path: str | Names) -> bool:
        """Whether a mapping that takes its value at or below the path puts another one where there is none."""
        return any(effect.instruction.default is not MISSING and self._takes(effect, path) for effect in self.effects)

    def _takes(self, effect: Effect, path: str | Names) -> bool:
        wanted = folded(attribute_names(path, self._extensions()))
        sources = (names for source in source_paths(effect.instruction) for names in names_of(source))
        return any(within(folded(names), wanted) or within(wanted, folded(names)) for names in sources if names)

    def _extensions(self) -> set[str]:
        return {effect.names[0] for effect in self.effects if effect.names and ":" in effect.names[0]}


def trace_lineage(instructions: tuple[Instruction, ...]) -> Lineage:
    """The lineage of an entity type's active mappings, in their order."""
    whole = [one for one in instructions if one.operations & _WHOLE]
    sure = [one for one in whole if _is_sure(one)]
    return Lineage(
        effects=tuple(effect for one in instructions for effect in _effects(one)),
        reads=frozenset(names for one in whole for path in source_paths(one) for names in names_of(path)),
        mandatory_sources=frozenset(names for one in sure for path in source_paths(one) for names in names_of(path)),
        mandatory_targets=frozenset(names for one in sure if one.target for names in target_names(one.target.path)),
    )


def source_paths(one: Instruction) -> tuple[Path, ...]:
    """The paths of the input that an instruction takes its value from."""
    if isinstance(one.origin, FromPath):
        return (one.origin.path,)
    return one.origin.paths if isinstance(one.origin, FromTable) else ()


def target_names(path: Path) -> tuple[Names, ...]:
    """The names that a target writes: a final ``[?(@.key)]`` makes ``key``."""
    key = wrap_key(path.segments[-1]) if path.segments else None
    return tuple(names if key is None else (*names, key) for names in names_of(path))


def _is_sure(one: Instruction) -> bool:
    every = one.operations >= _WHOLE and one.guard is None and one.label.kind == "set"
    return every and isinstance(one.origin, FromPath) and not one.may_lack and one.default is MISSING


def _effects(one: Instruction) -> Iterator[Effect]:
    if one.target is None:
        return
    key = wrap_key(one.target.path.segments[-1]) if one.target.path.segments else None
    deep = _is_deep(one, wraps=key is not None)
    for names in target_names(one.target.path):
        yield Effect(one, folded(names if key is None or not deep else names[:-1]), deep)
        if one.new_name is not None:
            yield Effect(_as_writer(one), folded((*names[:-1], one.new_name)), True)


def _over(effect: Effect, objects: frozenset[str]) -> Effect:
    one = effect.instruction
    key = wrap_key(one.target.path.segments[-1]) if one.target is not None and one.target.path.segments else None
    if key is None or not effect.deep or one.functions or not isinstance(one.origin, FromPath):
        return effect
    sources = names_of(one.origin.path)
    texts = all(names and names[0] not in objects for names in sources)
    return Effect(one, folded((*effect.names, key)), False) if texts else effect


def _as_writer(one: Instruction) -> Instruction:
    """A rename seen as the writer of the new name."""
    return replace(one, label=replace(one.label, kind="set"))


def _is_deep(one: Instruction, *, wraps: bool) -> bool:
    """Whether objects may be written, so that attributes below the target exist."""
    if isinstance(one.origin, FromConstant):
        items = one.origin.value if isinstance(one.origin.value, list) else [one.origin.value]
        return any(isinstance(item, dict) for item in items) or one.origin.fill is not None
    return not (wraps and _gives_scalars(one))


def _gives_scalars(one: Instruction) -> bool:
    """``$.emails[*].value`` is taken to give scalars, ``$.members`` and ``$.members[*]`` objects."""
    if isinstance(one.origin, FromVariable | FromPath) and one.origin.path is not None:
        segments = one.origin.path.segments
        inside = any(isinstance(segment, Wildcard | Filter | Index) for segment in segments[:-1])
        return inside and isinstance(segments[-1], Key)
    return True


def _touches(effect: Effect, names: Names) -> bool:
    return within(effect.names, names) or (within(names, effect.names) and (effect.deep or names == effect.names))


def _everywhere(path: Path) -> bool:
    return all(isinstance(segment, Key | Wildcard) for segment in path.segments)
