"""What the mappings of an entity type can do where one side is a backend that has certain fields and no others.

A mapping of ``$.title`` makes no title out of a table without such a column, and none that is sent there is held. What
cannot be decided of a mapping is taken to be possible. Fields are names, as ``names_of`` gives them, in the backend's
own spelling; one stands for all that is below it.
"""

from collections.abc import Iterator
from dataclasses import replace

from proxeny.transform.instructions import FromPath, FromTable, FromVariable, Instruction, Operation
from proxeny.transform.lineage import Effect, Lineage, source_paths, target_names
from proxeny.transform.names import folded, overlap, within
from proxeny.transform.paths.ast import Filter, Index, Key, Path, Wildcard
from proxeny.transform.runtime import EntityProgram
from proxeny.transform.shapes import Names, names_of
from proxeny.transform.usage import looked_at
from proxeny.transform.values import MISSING

Fields = frozenset[Names]
_WHOLE: frozenset[Operation] = frozenset({"read", "create", "update"})


def reading_from(program: EntityProgram, fields: Fields) -> Lineage:
    """The lineage of a read program whose input has these fields alone: what it may write."""
    giving = _giving(program.section.instructions, fields)
    effects = (made for effect in program.lineage.effects for made in _made(effect, giving, fields))
    return replace(program.lineage, effects=tuple(effects))


def writing_to(program: EntityProgram, fields: Fields) -> Lineage:
    """The lineage of a write program of whose output these fields alone are held: what it may read.

    What the program cannot do without, what its conditions look at and what it keeps in variables counts as before.
    """
    instructions = program.section.instructions
    moved = tuple(names for one in instructions if one.new_name is not None for names in _targets(one))
    effects: dict[int, list[Effect]] = {}
    for effect in program.lineage.effects:
        effects.setdefault(effect.instruction.number, []).append(effect)
    taken = (
        names
        for one in instructions
        if one.operations & _WHOLE
        for names in _taken(one, effects.get(one.number, []), fields, moved)
    )
    return replace(program.lineage, reads=frozenset(taken) | _looked_at(program))


# -- reading ----------------------------------------------------------------------------------------------------------


def _giving(instructions: tuple[Instruction, ...], fields: Fields) -> frozenset[int]:
    """The numbers of the mappings that may have a value; a variable has one if a mapping may set it."""
    found: set[int] = set()
    variables: dict[str, bool] = {}
    for one in instructions:
        gives = _gives(one, fields, variables)
        if gives:
            found.add(one.number)
        if one.variable is not None:
            variables[one.variable] = variables.get(one.variable, False) or gives
    return frozenset(found)


def _gives(one: Instruction, fields: Fields, variables: dict[str, bool]) -> bool:
    if one.default is not MISSING or any(step.makes_value for step in one.functions):
        return True
    match one.origin:
        case FromPath() | FromTable():
            sources = (names for path in source_paths(one) for names in names_of(path))
            return any(overlap(names, known) for names in sources for known in fields)
        case FromVariable(name):
            return variables.get(name, True)
        case _:
            return True


def _made(effect: Effect, giving: frozenset[int], fields: Fields) -> Iterator[Effect]:
    """The effect where its mapping may have a value; of an object that is copied, as many as there are fields in it."""
    if effect.instruction.number not in giving:
        return
    source = _copied(effect.instruction) if effect.deep else None
    below = _below(source, fields) if source is not None else ()
    if not below:
        yield effect
    for rest in below:
        yield replace(effect, names=(*effect.names, *folded(rest)))


# -- writing ----------------------------------------------------------------------------------------------------------


def _taken(one: Instruction, effects: list[Effect], fields: Fields, moved: tuple[Names, ...]) -> Iterator[Names]:
    """What a mapping reads of the input to any purpose."""
    sources = [names for path in source_paths(one) for names in names_of(path)]
    needed = not one.may_lack and one.default is MISSING
    if needed or one.target is None or one.variable is not None or any(_within_some(one, names) for names in moved):
        yield from sources
        return
    spelled = {folded(known): known for known in fields}
    source = _copied(one)
    for effect in effects:
        if any(within(effect.names, known) for known in spelled):
            yield from sources
            continue
        inner = [spelled[known][len(effect.names) :] for known in spelled if within(known, effect.names)]
        if source is None or not effect.deep:
            yield from sources if inner else ()
        else:
            yield from ((*source, *rest) for rest in inner)


def _within_some(one: Instruction, names: Names) -> bool:
    return any(overlap(target, names) for target in _targets(one))


def _targets(one: Instruction) -> tuple[Names, ...]:
    return target_names(one.target.path) if one.target is not None else ()


def _looked_at(program: EntityProgram) -> frozenset[Names]:
    """What the conditions look at, as far as a mapping reads it."""
    asked = [names for path in looked_at(program) for names in names_of(path)]
    return frozenset(names for names in program.lineage.reads if any(overlap(names, each) for each in asked))


# -- both -------------------------------------------------------------------------------------------------------------


def _copied(one: Instruction) -> Names | None:
    """Where a mapping takes an object, or a list of them, that it hands on as it is; None for any other mapping."""
    if not isinstance(one.origin, FromPath) or one.functions or one.default is not MISSING:
        return None
    found = names_of(one.origin.path)
    return found[0] if len(found) == 1 and _is_place(one.origin.path) else None


def _is_place(path: Path) -> bool:
    """Whether the path leads to one place, or to the elements of the list there."""
    *way, last = path.segments or (Index(0),)
    plain = all(isinstance(segment, Key | Index) for segment in way)
    elements = bool(way) and isinstance(last, Wildcard | Filter)
    return plain and (elements or isinstance(last, Key | Index))


def _below(source: Names, fields: Fields) -> tuple[Names, ...]:
    """What stands below a place; nothing if it is a field itself, or in one, for then anything may."""
    if any(within(source, known) for known in fields):
        return ()
    return tuple(known[len(source) :] for known in sorted(fields) if within(known, source))
