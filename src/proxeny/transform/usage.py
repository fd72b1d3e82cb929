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


def serves_only(program: EntityProgram, name: str, operation: Operation = "read") -> bool:
    """Whether the top-level input field ``name`` is good for nothing but an optional output of the same name.

    Then, when nobody wants that output, the field need not be read at all.
    """
    guards = [program.section.guard, *(one.guard for one in program.section.instructions)]
    if any(_looks_at(guard.condition, name) for guard in guards if guard is not None):
        return False
    for one in program.section.instructions:
        if operation not in one.operations or not _reads(one, name) or _copies_everything(one):
            continue
        targets = target_names(one.target.path) if one.target is not None else ()
        if not one.may_lack or one.variable is not None or any(names[:1] != (name,) for names in targets):
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
    match condition:
        case And(terms) | Or(terms):
            return any(_looks_at(term, name) for term in terms)
        case Not(term):
            return _looks_at(term, name)
        case Comparison(_, left, right):
            return any(_is_of(operand, name) for operand in (left, right) if isinstance(operand, Path))
        case Exists(path):
            return _is_of(path, name)
        case Check(_, path, _):
            return path is not None and _is_of(path, name)
        case _:
            return False


def _is_of(path: Path, name: str) -> bool:
    return not path.relative and any(not names or names[0] == name for names in _names(path))
