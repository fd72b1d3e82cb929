"""The oracle of the generated programs: the same instructions interpreted one by one, as the specification's steps
read."""

from typing import Any

from proxeny.transform import EntityProgram, Operation, Result
from proxeny.transform.copying import copied
from proxeny.transform.errors import EntityFailedError
from proxeny.transform.instructions import FromConstant, FromPath, FromTable, FromVariable, Instruction
from proxeny.transform.paths.assign import finish
from proxeny.transform.values import MISSING, Run


def interpret(
    program: EntityProgram, operation: Operation, document: Any, variables: dict[str, Any], after: Any = None
) -> Result:
    """What the program must give. Look-ups find nothing, as in ``EntityProgram.run``."""
    section, run, out, keys = program.section, Run(document, dict(variables)), {}, []
    if section.guard is not None and operation != "delete":
        on = after if operation == "patch" else document
        if on is not None and not section.guard.test(on, Run(on, run.variables)):
            return Result("skipped", reason="condition")
    if operation in section.skip_operations:
        return Result("skipped", reason="skip-operation")
    for one in section.instructions:
        if operation in one.operations and (one.guard is None or one.guard.test(document, run)):
            try:
                step(one, run, out, keys)
            except EntityFailedError as error:
                return Result("failed", reason=error.reason, mapping=one.number)
    finish(out)
    return Result("ok", out, run.variables, tuple(keys))


def step(one: Instruction, run: Run, out: dict[str, Any], keys: list[Any]) -> None:
    if one.label.kind in ("remove", "rename"):
        if one.target is not None:
            one.target.effect(out, run)
        return
    if isinstance(one.origin, FromConstant) and one.origin.fill is None and not one.functions:
        store(one, one.origin.value, run, out, keys)
        return
    value = through_functions(one, read(one, run), run)
    if value is None:
        if one.default is not MISSING:
            store(one, one.default, run, out, [])
        elif not one.may_lack and not unset(one, run):
            raise EntityFailedError("missing", reason="missing-attribute")
        return
    store(one, value, run, out, keys)


def read(one: Instruction, run: Run) -> Any:
    origin, value = one.origin, MISSING
    if isinstance(origin, FromPath):
        value = origin.evaluate(run.root, run)
        value = MISSING if not origin.path.definite and value == [] else value
    elif isinstance(origin, FromVariable):
        value = run.variables.get(origin.name)
        if origin.evaluate is not None and origin.path is not None and value is not None:
            value = origin.evaluate(value, run)
            value = MISSING if not origin.path.definite and value == [] else value
    elif isinstance(origin, FromConstant):
        value = origin.value if origin.fill is None else origin.fill(run.variables)
    elif isinstance(origin, FromTable):
        value = origin.choose(run.root, run)
    if one.collapse and isinstance(value, list) and len(value) == 1:
        value = value[0]
    return None if value is MISSING else value


def through_functions(one: Instruction, value: Any, run: Run) -> Any:
    for function in one.functions:
        if function.lookup is not None:
            value = function.lookup.finish(value, run, {}) if value is not None else None
        elif function.makes_value:
            value = function.apply(MISSING if value is None else value, run)
        elif value is not None:
            value = function.apply(value, run)
        value = None if value is MISSING else value
    return value


def store(one: Instruction, value: Any, run: Run, out: dict[str, Any], keys: list[Any]) -> None:
    if one.target is not None:
        one.target.effect(out, copied(value), run)
    if one.variable is not None:
        run.variables[one.variable] = copied(value)
    if one.correlates:
        keys.extend(copied(value) if isinstance(value, list) else [copied(value)])


def unset(one: Instruction, run: Run) -> bool:
    return isinstance(one.origin, FromVariable) and run.variables.get(one.origin.name) is None
