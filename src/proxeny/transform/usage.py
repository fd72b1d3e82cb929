"""What a program makes and what it needs: the names of its output, and what an input field is good for."""

from collections.abc import Iterator

from proxeny.transform.conditions.ast import And, Check, Comparison, Condition, Exists, Not, Or
from proxeny.transform.instructions import FromPath, FromVariable, Instruction, Operation
from proxeny.transform.lineage import source_paths, target_names
from proxeny.transform.paths.ast import Path
from proxeny.transform.runtime import EntityProgram
from proxeny.transform.shapes import Names, place_of
from proxeny.transform.values import MISSING


def output_names(program: EntityProgram, operation: Operation = "read") -> tuple[Names, ...]:
    """Every attribute that the mappings of an operation may write, each once, in their order and as written."""
    found: dict[Names, None] = {}
    for one in program.section.instructions:
        if operation in one.operations and one.target is not None and one.label.kind != "remove":
            for names in target_names(one.target.path):
                found[(*names[:-1], one.new_name) if one.new_name is not None else names] = None
    return tuple(found)


def fields_of(program: EntityProgram, output: str, operation: Operation = "read") -> frozenset[str]:
    """The top-level input fields that are good for nothing but the optional top-level output ``output``.

    Then, when nobody wants that output, these fields need not be read at all.
    """
    makers = [one for one in program.section.instructions if operation in one.operations and _makes(one, output)]
    read = {names[0] for one in makers for path in source_paths(one) for names in _names(path) if names}
    if any(_copies_everything(one) for one in program.section.instructions if operation in one.operations):
        read.add(output)
    return frozenset(name for name in read if serves_only(program, name, operation, output))


def input_fields(program: EntityProgram, operation: Operation = "read") -> frozenset[str] | None:
    """Every top-level input field that a mapping or a condition looks at; None if that may be any."""
    whole = [one for one in program.section.instructions if operation in one.operations]
    paths = (*looked_at(program), *(path for one in whole for path in source_paths(one)))
    found = [names for path in paths for names in _names(path)]
    return frozenset(names[0] for names in found) if all(found) else None


def looked_at(program: EntityProgram) -> tuple[Path, ...]:
    """The paths of the input in the condition of the entity type and those of its mappings."""
    guards = [program.section.guard, *(one.guard for one in program.section.instructions)]
    return tuple(path for guard in guards if guard is not None for path in _looked_at(guard.condition))


def serves_only(program: EntityProgram, name: str, operation: Operation = "read", output: str | None = None) -> bool:
    """Whether the top-level input field is good for nothing but an optional output, by default its namesake."""
    output = output or name
    guards = [program.section.guard, *(one.guard for one in program.section.instructions)]
    if any(_looks_at(guard.condition, name) for guard in guards if guard is not None):
        return False
    for one in program.section.instructions:
        if operation not in one.operations or not _reads(one, name):
            continue
        if _copies_everything(one):
            if name != output:
                return False
            continue
        targets = target_names(one.target.path) if one.target is not None else ()
        if not one.may_lack or one.variable is not None or any(names[:1] != (output,) for names in targets):
            return False
    return True


def leaves_alone(program: EntityProgram, name: str, operation: Operation = "update") -> bool:
    """Whether the output says nothing of the top-level field ``name`` when the input does not, and nothing else of it
    depends on that field.
    """
    writers = (one for one in program.section.instructions if operation in one.operations and _makes(one, name))
    return serves_only(program, name, operation) and all(
        _reads(one, name) and one.default is MISSING for one in writers
    )


def _makes(one: Instruction, name: str) -> bool:
    made = target_names(one.target.path) if one.target is not None and one.label.kind != "remove" else ()
    return any(names[:1] == (name,) for names in made)


def variable_place(program: EntityProgram, variable: str, operation: Operation) -> tuple[str | int, ...] | None:
    """Where the output of an operation has the value of a system variable (perhaps decoded), if it has one place."""
    for one in program.section.instructions:
        from_variable = isinstance(one.origin, FromVariable) and one.origin.name == variable
        if from_variable and operation in one.operations and one.target is not None:
            return place_of(one.target.path) or None
    return None


def _copies_everything(one: Instruction) -> bool:
    """``$`` to ``$``: each field serves only the output of its name."""
    source, target = one.origin, one.target
    whole = isinstance(source, FromPath) and not source.path.segments and target is not None
    return whole and not (target and target.path.segments) and not one.functions and one.variable is None


def _reads(one: Instruction, name: str) -> bool:
    """A path may start with a wildcard or a descent; then it reads every field."""
    return any(not names or names[0] == name for path in source_paths(one) for names in _names(path))


def _names(path: Path) -> Iterator[Names]:
    place = place_of(path)
    yield tuple(str(key) for key in place) if place is not None else tuple(_leading(path))


def _leading(path: Path) -> Iterator[str]:
    for segment in path.segments:
        name = getattr(segment, "name", None)
        if not isinstance(name, str):
            return
        yield name


def _looks_at(condition: Condition, name: str) -> bool:
    return any(not names or names[0] == name for path in _looked_at(condition) for names in _names(path))


def _looked_at(condition: Condition) -> Iterator[Path]:
    """The paths of the input in a condition, without those inside of an element."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _looked_at(term)
        case Not(term):
            yield from _looked_at(term)
        case Comparison(_, left, right):
            yield from (each for each in (left, right) if isinstance(each, Path) and not each.relative)
        case Exists(path) | Check(_, path, _):
            if path is not None and not path.relative:
                yield path
        case _:
            return
