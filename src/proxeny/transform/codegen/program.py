"""The function of one operation: entity condition, then each instruction in order, then the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from proxeny.transform.codegen import library
from proxeny.transform.codegen.reading import Reads
from proxeny.transform.codegen.source import Source
from proxeny.transform.codegen.testing import expression
from proxeny.transform.codegen.values import Values, definite, literal
from proxeny.transform.codegen.writing import Writes
from proxeny.transform.instructions import FromConstant, FromVariable, Guard, Instruction, Operation, Target
from proxeny.transform.paths.assign import may_leave_holes
from proxeny.transform.shapes import Each, Wrap, leading_place, target_shape
from proxeny.transform.values import MISSING


@dataclass(frozen=True, slots=True)
class Plan:
    """What one operation does with an entity type. ``indexes`` are the instructions' places in the trace."""

    entity_type: str
    operation: Operation
    guard: Guard | None
    skips: bool
    instructions: tuple[Instruction, ...]
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """``traced``: reports each step to a trace. ``yielding``: a generator that yields the look-ups it needs."""

    traced: bool = False
    yielding: bool = False


def generate(plan: Plan, form: Form) -> Callable[..., Any]:
    """Compile the function ``program(root, variables, after, budget, trace) -> Result``, or a generator of it.

    ``variables`` is changed; ``after`` is the resource after a patch, or None.
    """
    writer = _Program(plan, form)
    code = writer.write().code(f"{plan.entity_type} {plan.operation}")
    # The text holds only names that the generator made and repr() of keys and literals.
    exec(code, writer.names)  # noqa: S102
    program: Callable[..., Any] = writer.names["program"]
    return program


class _Program:
    def __init__(self, plan: Plan, form: Form) -> None:
        self.names = library.names()
        self._plan = plan
        self._form = form
        self._body = Source(self.names)
        self._reads = Reads()
        self._values = Values(self._body, self._reads, form.yielding)
        targets = (target_shape(one.target.path) for one in plan.instructions if one.target is not None)
        self._writes = Writes(self._body, [shape for shape in targets if isinstance(shape, tuple) and shape])

    def write(self) -> Source:
        """The whole source: the body is written first, because it tells what has to be looked up before it."""
        if not self._plan.skips:
            for index, instruction in zip(self._plan.indexes, self._plan.instructions, strict=True):
                self._instruction(instruction, index)
        whole = Source(self.names)
        with whole.block("def program(root, variables, after, budget, trace=None):"):
            whole.line(f"if root.__class__ is not dict: return not_an_object({self._plan.entity_type!r})")
            whole.line("at = 0")
            with whole.block("try:"):
                self._head(whole)
                whole.nested(self._body.lines)
                self._tail(whole)
            with whole.block("except Exception as error:"):
                whole.line(f"return failed(error, {self._plan.entity_type!r}, at)")
            if self._form.yielding:
                whole.line("yield")
        return whole

    def _head(self, whole: Source) -> None:
        operation = self._plan.operation
        if self._uses_run():
            whole.line("run = Run(root, variables) if budget is None else Run(root, variables, budget)")
        if self._plan.guard is not None and operation != "delete":
            self._entity_condition(whole, self._plan.guard)
        if self._plan.skips:
            message = f"Operation [{operation}] is skipped in target transformation"
            whole.line(f"return skipped('skip-operation', {message!r})")
            return
        self._reads.prologue(whole)
        whole.line("out = {}")
        if any(instruction.correlates for instruction in self._plan.instructions):
            whole.line("keys = []")
        if names := self._writes.names():
            whole.line(" = ".join(names) + " = None")
        whole.line("holes = False")

    def _entity_condition(self, whole: Source, guard: Guard) -> None:
        patching = self._plan.operation == "patch"
        if patching:
            whole.line("patched = Run(after, variables) if budget is None else Run(after, variables, budget)")
        value, run = ("after", "patched") if patching else ("root", "run")
        test = f"{whole.bind('entity_test', guard.test)}({value}, {run})"
        if self._form.traced:
            test = f"trace.condition(-1, {whole.bind('entity_operands', guard.operands)}({value}, {run}), {test})"
        message = f"the condition of {self._plan.entity_type} is false: {guard.text}"
        prefix = "after is not None and " if patching else ""
        whole.line(f"if {prefix}not {test}: return skipped('condition', {message!r})")

    def _tail(self, whole: Source) -> None:
        if self._plan.skips:
            return
        whole.line("if holes: finish(out)")
        keys = ", tuple(keys)" if any(instruction.correlates for instruction in self._plan.instructions) else ""
        whole.line(f"return Result('ok', out, variables{keys})")

    def _uses_run(self) -> bool:
        guarded = self._plan.guard is not None and self._plan.operation not in ("delete", "patch")
        return guarded or any("run)" in line or "run," in line for line in self._body.lines)

    def _instruction(self, one: Instruction, index: int) -> None:
        if one.guard is not None and one.guard.never and not self._form.traced:
            return
        self._body.line(f"# {one.number}")
        with self._guarded(one, index):
            if one.label.kind in ("remove", "rename") and one.target is not None:
                self._change(one, one.target, index)
            elif self._is_plain_constant(one):
                if one.correlates:
                    self._body.line(f"correlate(keys, {self._stored_value(one, copied=True)})")
                self._store(one, index, "written")
            else:
                self._set(one, index)

    @contextmanager
    def _guarded(self, one: Instruction, index: int) -> Iterator[None]:
        if one.guard is None:
            yield
            return
        self._at(one)
        test = (
            expression(one.guard.condition, self._values.value_of)
            or f"{self._body.bind('test', one.guard.test)}(root, run)"
        )
        if self._form.traced:
            test = f"trace.condition({index}, {self._body.bind('operands', one.guard.operands)}(root, run), {test})"
        with self._body.block(f"if {test}:"):
            yield

    def _change(self, one: Instruction, target: Target, index: int) -> None:
        """``remove`` and ``rename``."""
        shape = target_shape(target.path) if one.label.kind == "remove" else None
        if isinstance(shape, tuple) and shape:
            self._writes.remove(shape)
        elif isinstance(shape, Each):
            self._body.line(f"pop_each({self._writes.existing(shape.place)}, {shape.key!r})")
            self._writes.forget(shape.place)
        else:
            self._at(one)
            self._body.line(f"{self._body.bind('change', target.effect)}(out, run)")
            self._writes.forget(leading_place(target.path))
        self._trace_end(index, "renamed" if one.label.kind == "rename" else "removed", None)

    def _set(self, one: Instruction, index: int) -> None:
        simple = definite(one) is not None and not one.functions
        if not simple:
            self._at(one)
        self._values.obtain(one)
        if self._form.traced:
            self._body.line(f"trace.read({index}, v)")
        if simple:
            self._settle_simple(one)
        else:
            self._collapse(one)
            self._values.apply(one, index, traced=self._form.traced)
        self._decide(one, index, copied=simple)

    def _settle_simple(self, one: Instruction) -> None:
        copy = "settled(v)" if one.collapse else "copied(v)"
        with self._body.block("if v.__class__ is not str and v is not None:"):
            self._at(one)
            self._body.line(f"v = {copy}")

    def _collapse(self, one: Instruction) -> None:
        if one.collapse:
            self._body.line("if v.__class__ is list and len(v) == 1: v = v[0]")

    def _decide(self, one: Instruction, index: int, *, copied: bool) -> None:
        """Write what happens with and without a value (spec §3 steps 7 and 8)."""
        if one.default is not MISSING:
            if self._form.traced:
                self._body.line("outcome = 'default' if v is None else 'written'")
            if one.correlates:
                self._body.line("if v is not None: correlate(keys, v)")
            self._body.line(f"if v is None: v = {literal(self._body, one.default, fresh=copied)}")
            self._store(one, index, None, copied=copied)
            return
        if not one.may_lack:
            unset = " and u is not None" if isinstance(one.origin, FromVariable) else ""
            target = one.target.path.text if one.target is not None else "${" + str(one.variable) + "}"
            reason = f"missing({self._plan.entity_type!r}, {one.number}, {target!r}, {one.label.source!r})"
            self._body.line(f"if v is None{unset}: return {reason}")
        needs_block = one.may_lack or isinstance(one.origin, FromVariable)
        with self._body.block("if v is not None:") if needs_block else nullcontext():
            if one.correlates:
                self._body.line("if v.__class__ is str: keys.append(v)")
                self._body.line("else: correlate(keys, v)")
            self._store(one, index, "written", copied=copied)
        if self._form.traced and needs_block:
            without = "optional" if one.optional else "nothing"
            self._body.line(f"else: trace.end({index}, {without!r})")

    def _store(self, one: Instruction, index: int, outcome: str | None, *, copied: bool = False) -> None:
        """Write the value to path and variable, a copy to each."""
        value = self._stored_value(one, copied=copied)
        if one.target is not None:
            self._store_at(one, one.target, value)
        if one.variable is not None:
            again = "v if v.__class__ is str else copied(v)" if value == "v" else value
            self._body.line(f"variables[{one.variable!r}] = {again}")
        self._trace_end(index, outcome, value)

    def _stored_value(self, one: Instruction, *, copied: bool) -> str:
        if isinstance(one.origin, FromConstant) and self._is_plain_constant(one):
            return literal(self._body, one.origin.value, fresh=True)
        return "v" if copied else "v if v.__class__ is str else copied(v)"

    def _store_at(self, one: Instruction, target: Target, value: str) -> None:
        shape = target_shape(target.path)
        if isinstance(shape, tuple) and shape:
            self._writes.assign(shape, value)
        elif (
            isinstance(shape, Wrap)
            and len(shape.place) == 1
            and isinstance(shape.place[0], str)
            and not self._is_plain_constant(one)
        ):
            with self._body.block(f"if not wrap_texts(out, {shape.place[0]!r}, {shape.key!r}, v):"):
                self._assign(one, target, value)
        else:
            self._assign(one, target, value)

    def _assign(self, one: Instruction, target: Target, value: str) -> None:
        self._at(one)
        self._body.line(f"{self._body.bind('assign', target.effect)}(out, {value}, run)")
        if may_leave_holes(target.path):
            self._body.line("holes = True")
        self._writes.forget(leading_place(target.path))

    def _trace_end(self, index: int, outcome: str | None, value: str | None) -> None:
        if self._form.traced:
            shown = "" if value is None else f", {value}"
            self._body.line(f"trace.end({index}, {'outcome' if outcome is None else repr(outcome)}{shown})")

    def _at(self, one: Instruction) -> None:
        self._body.line(f"at = {one.number}")

    @staticmethod
    def _is_plain_constant(one: Instruction) -> bool:
        return isinstance(one.origin, FromConstant) and one.origin.fill is None and not one.functions
