"""Which native attribute a common attribute is a copy of, so that a SCIM filter on the one can be asked of the backend.

The answer is honest in two steps. A *superset* is sure: whoever has the value in the common form has it in one of the
native
fields given. *Exact* is said only if the converse holds too: one source, no condition, nothing later that may
overwrite or
remove it. Whatever may come from elsewhere (a constant, a default, a function that cannot be undone) has no sources.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from proxeny.transform.functions.registry import Step
from proxeny.transform.instructions import FromPath, FromVariable, Instruction
from proxeny.transform.lineage import target_names
from proxeny.transform.names import attribute_names, folded, within
from proxeny.transform.paths.ast import Filter, Index, Key, Path, Wildcard
from proxeny.transform.shapes import Names, names_of, wrap_key
from proxeny.transform.values import MISSING

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class NativeSource:
    """A native attribute that a common attribute is copied from by ``mapping``.

    ``keys``: names in the native document, lists left out (a list matches if an element does). ``exact``: native and
    common
    form agree for every value; otherwise the native filter finds a superset. ``encode``: a common value → the native
    one; None:
    the same. ``element``: how a list of objects is filled: ``whole`` (``$.emails`` → ``$.emails``, all sub-attributes
    of an element stay
    together), ``wrapped`` (only ``survives`` is there), ``index`` (one element at ``index`` alone is filled), None
    for no list.
    """

    keys: Names
    exact: bool
    encode: Convert | None
    mapping: int
    element: str | None = None
    survives: str | None = None
    index: int | None = None
    native_index: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A read mapping as a copy: from ``source`` to ``target``, or, if ``source`` is None, something that cannot be
    undone."""

    instruction: Instruction
    path: Path
    target: Names
    source: Names | None
    encode: Convert | None


@dataclass(frozen=True, slots=True)
class Reverse:
    """The copies of one entity type's read program, in their order."""

    copies: tuple[Copy, ...] = field(repr=False)

    def field_of(self, path: str | Names) -> NativeSource | None:
        """The one native attribute behind a common one; None if there is none, or several (then see ``sources``)."""
        found = self.sources(path)
        return found[0] if len(found) == 1 else None

    def sources(self, path: str | Names) -> tuple[NativeSource, ...]:
        """All native attributes whose union is a superset for the common one; empty if that cannot be said.

        ``path`` as SCIM writes it (``emails.value``, ``urn:…:User:employeeNumber``) or as names.
        """
        written = attribute_names(
            path, {copy.target[0] for copy in self.copies if copy.target and ":" in copy.target[0]}
        )
        wanted = folded(written)
        found: list[NativeSource] = []
        touched = False
        for copy in self.copies:
            if within(copy.target, wanted) and copy.target != wanted:
                return ()
            if not within(wanted, copy.target):
                continue
            if copy.instruction.label.kind in ("remove", "rename"):
                touched = True
                found = [] if _everywhere(copy) else found
                continue
            source = _native(copy, wanted, written)
            if source is None:
                return ()
            found = _joined([] if _always_writes(copy) else found, source)
        return tuple(replace(source, exact=source.exact and not touched and len(found) == 1) for source in found)


def reverse_of(instructions: tuple[Instruction, ...]) -> Reverse:
    """The reverse of the mappings that run on read."""
    running = tuple(one for one in instructions if "read" in one.operations)
    return Reverse(tuple(copy for place, one in enumerate(running) for copy in _copies(one, running[:place])))


def _copies(one: Instruction, earlier: tuple[Instruction, ...]) -> Iterator[Copy]:
    if one.target is None:
        return
    path, functions = _origin(one, earlier)
    functions = tuple(step for step in functions if not step.unchanging)
    encode = _undo(functions)
    reversible = (
        path is not None
        and one.label.kind == "set"
        and (encode is not None or not functions)
        and one.default is MISSING
    )
    sources = names_of(path) if path is not None and reversible and _is_plain(path) else (None,)
    for target in target_names(one.target.path):
        yield Copy(one, one.target.path, folded(target), sources[0] if len(sources) == 1 else None, encode)
        if one.new_name is not None:
            renamed = replace(one, label=replace(one.label, kind="set"))
            yield Copy(renamed, one.target.path, folded((*target[:-1], one.new_name)), None, None)


def _origin(one: Instruction, earlier: tuple[Instruction, ...]) -> tuple[Path | None, tuple[Step, ...]]:
    """The path that the value comes from in the end, and all functions on the way; through one variable if need be."""
    if isinstance(one.origin, FromPath):
        return one.origin.path, one.functions
    if not isinstance(one.origin, FromVariable) or one.origin.path is not None:
        return None, ()
    name = one.origin.name
    setters = [other for other in earlier if other.variable == name]
    if len(setters) != 1 or setters[0].guard is not None or not isinstance(setters[0].origin, FromPath):
        return None, ()
    return setters[0].origin.path, (*setters[0].functions, *one.functions)


def _undo(functions: tuple[Step, ...]) -> Convert | None:
    """All functions undone, the last first; None if there are none or one cannot be undone."""
    undoing = [step.reversible.forward for step in reversed(functions) if step.reversible is not None]
    if not functions or len(undoing) != len(functions):
        return None

    def encode(value: Any) -> Any:
        for undo in undoing:
            value = undo(value)
        return value

    return encode


def _native(copy: Copy, wanted: Names, written: Names) -> NativeSource | None:
    """Where ``wanted`` comes from by this copy; None if that cannot be said."""
    below = written[len(copy.target) :] if len(copy.target) < len(wanted) else ()
    if copy.source is None or (below and copy.encode is not None):
        return None
    one, target = copy.instruction, copy.path
    path = one.origin.path if isinstance(one.origin, FromPath) else None
    index, native_index = _index(target), _index(path) if path is not None else None
    wrap = wrap_key(target.segments[-1]) if target.segments else None
    whole_list = native_index is None and _filterless(path)
    return NativeSource(
        keys=(*copy.source, *below),
        exact=one.guard is None and whole_list,
        encode=copy.encode,
        mapping=one.number,
        element="wrapped"
        if wrap is not None
        else "index"
        if index is not None
        else "whole"
        if below or not copy.target
        else None,
        survives=wrap if wrap is not None else written[-1] if index is not None else None,
        index=index,
        native_index=native_index,
    )


def _joined(found: list[NativeSource], source: NativeSource) -> list[NativeSource]:
    """One entry for each native attribute; the same element copied again to the same place changes nothing."""
    for place, other in enumerate(found):
        if other.keys == source.keys and (other.encode is None) == (source.encode is None):
            again = source.index is not None and source.index == source.native_index
            found[place] = replace(other, exact=other.exact and (source.exact or again))
            return found
    return [*found, source]


def _always_writes(copy: Copy) -> bool:
    """Whether nothing of an earlier writer can be left: one place, no condition, mandatory."""
    return bool(copy.path.keys) and copy.instruction.guard is None and not copy.instruction.may_lack


def _everywhere(copy: Copy) -> bool:
    """Whether a removal is certain, and of every element."""
    plain = all(isinstance(segment, Key | Wildcard) for segment in copy.path.segments)
    return plain and copy.instruction.guard is None


def _index(path: Path) -> int | None:
    return next((segment.index for segment in path.segments if isinstance(segment, Index)), None)


def _filterless(path: Path | None) -> bool:
    return path is None or not any(isinstance(segment, Filter) for segment in path.segments)


def _is_plain(path: Path) -> bool:
    return all(isinstance(segment, Key | Index | Wildcard | Filter) for segment in path.segments)
