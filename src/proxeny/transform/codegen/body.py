"""Source of the instructions, one after the other: condition, value, functions, and where the value goes."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from proxeny.transform.codegen.plan import Form, Plan
from proxeny.transform.codegen.reading import Reads
from proxeny.transform.codegen.source import Source
from proxeny.transform.codegen.testing import expression
from proxeny.transform.codegen.values import Values, definite, literal
from proxeny.transform.codegen.writing import Writes
from proxeny.transform.instructions import FromConstant, FromVariable, Instruction, Target
from proxeny.transform.paths.assign import may_leave_holes
from proxeny.transform.shapes import Each, Wrap, leading_place, target_shape
from proxeny.transform.values import MISSING


class Body:
    """Writes instructions to ``source``; afterwards it knows what has to be there before them."""

    def __init__(self, plan: Plan, form: Form, source: Source) -> None:
        self.source = source
        self.reads = Reads()
        self._plan = plan
        self._form = form
        self._values = Values(source, self.reads, form.yielding)
        targets = (target_shape(one.target.path) for one in plan.instructions if one.target is not None)
        self.writes = Writes(source, [shape for shape in targets if isinstance(shape, tuple) and shape])

    def write(self) -> None:
        """Write all instructions of the plan."""
        for index, one in zip(self._plan.indexes, self._plan.instructions, strict=True):
            self._instruction(one, index)

    @property
    def uses_run(self) -> bool:
        """Whether a closure was called, which needs the state of the run."""
        return any("run)" in line or "run," in line for line in self.source.lines)

    def _instruction(self, one: Instruction, index: int) -> None:
        if one.guard is not None and one.guard.never and not self._form.traced:
            return
        self.source.line(f"# {one.number}")
        with self._guarded(one, index):
            if one.label.kind in ("remove", "rename") and one.target is not None:
                self._change(one, one.target, index)
            elif self._is_plain_constant(one):
                if one.correlates:
                    self.source.line(f"correlate(keys, {self._stored_value(one, copied=True)})")
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
            or f"{self.source.bind('test', one.guard.test)}(root, run)"
        )
        if self._form.traced:
            test = f"trace.condition({index}, {self.source.bind('operands', one.guard.operands)}(root, run), {test})"
        with self.source.block(f"if {test}:"):
            yield

    def _change(self, one: Instruction, target: Target, index: int) -> None:
        """``remove`` and ``rename``."""
        shape = target_shape(target.path) if one.label.kind == "remove" else None
        if isinstance(shape, tuple) and shape:
            self.writes.remove(shape)
        elif isinstance(shape, Each):
            self.source.line(f"pop_each({self.writes.existing(shape.place)}, {shape.key!r})")
            self.writes.forget(shape.place)
        else:
            self._at(one)
            self.source.line(f"{self.source.bind('change', target.effect)}(out, run)")
            self.writes.forget(leading_place(target.path))
        self._trace_end(index, "renamed" if one.label.kind == "rename" else "removed", None)

    def _set(self, one: Instruction, index: int) -> None:
        simple = definite(one) is not None and not one.functions
        if not simple:
            self._at(one)
        self._values.obtain(one)
        if self._form.traced:
            self.source.line(f"trace.read({index}, v)")
        if simple:
            self._settle_simple(one)
        else:
            self._collapse(one)
            self._values.apply(one, index, traced=self._form.traced)
        self._decide(one, index, copied=simple)

    def _settle_simple(self, one: Instruction) -> None:
        copy = "settled(v)" if one.collapse else "copied(v)"
        with self.source.block("if v.__class__ is not str and v is not None:"):
            self._at(one)
            self.source.line(f"v = {copy}")

    def _collapse(self, one: Instruction) -> None:
        if one.collapse:
            self.source.line("if v.__class__ is list and len(v) == 1: v = v[0]")

    def _decide(self, one: Instruction, index: int, *, copied: bool) -> None:
        """Write what happens with and without a value (spec §3 steps 7 and 8)."""
        if one.default is not MISSING:
            if self._form.traced:
                self.source.line("outcome = 'default' if v is None else 'written'")
            if one.correlates:
                self.source.line("if v is not None: correlate(keys, v)")
            self.source.line(f"if v is None: v = {literal(self.source, one.default, fresh=copied)}")
            self._store(one, index, None, copied=copied)
            return
        if not one.may_lack:
            unset = " and u is not None" if isinstance(one.origin, FromVariable) else ""
            target = one.target.path.text if one.target is not None else "${" + str(one.variable) + "}"
            reason = f"missing({self._plan.entity_type!r}, {one.number}, {target!r}, {one.label.source!r})"
            self.source.line(f"if v is None{unset}: return {reason}")
        needs_block = one.may_lack or isinstance(one.origin, FromVariable)
        with self.source.block("if v is not None:") if needs_block else nullcontext():
            if one.correlates:
                self.source.line("if v.__class__ is str: keys.append(v)")
                self.source.line("else: correlate(keys, v)")
            self._store(one, index, "written", copied=copied)
        if self._form.traced and needs_block:
            without = "optional" if one.optional else "nothing"
            self.source.line(f"else: trace.end({index}, {without!r})")

    def _store(self, one: Instruction, index: int, outcome: str | None, *, copied: bool = False) -> None:
        """Write the value to path and variable, a copy to each."""
        value = self._stored_value(one, copied=copied)
        if one.target is not None:
            self._store_at(one, one.target, value)
        if one.variable is not None:
            again = "v if v.__class__ is str else copied(v)" if value == "v" else value
            self.source.line(f"variables[{one.variable!r}] = {again}")
        self._trace_end(index, outcome, value)

    def _stored_value(self, one: Instruction, *, copied: bool) -> str:
        if isinstance(one.origin, FromConstant) and self._is_plain_constant(one):
            return literal(self.source, one.origin.value, fresh=True)
        return "v" if copied else "v if v.__class__ is str else copied(v)"

    def _store_at(self, one: Instruction, target: Target, value: str) -> None:
        shape = target_shape(target.path)
        if isinstance(shape, tuple) and shape:
            self.writes.assign(shape, value)
        elif (
            isinstance(shape, Wrap)
            and len(shape.place) == 1
            and isinstance(shape.place[0], str)
            and not self._is_plain_constant(one)
        ):
            with self.source.block(f"if not wrap_texts(out, {shape.place[0]!r}, {shape.key!r}, v):"):
                self._assign(one, target, value)
        else:
            self._assign(one, target, value)

    def _assign(self, one: Instruction, target: Target, value: str) -> None:
        self._at(one)
        self.source.line(f"{self.source.bind('assign', target.effect)}(out, {value}, run)")
        if may_leave_holes(target.path):
            self.source.line("holes = True")
        self.writes.forget(leading_place(target.path))

    def _trace_end(self, index: int, outcome: str | None, value: str | None) -> None:
        if self._form.traced:
            shown = "" if value is None else f", {value}"
            self.source.line(f"trace.end({index}, {'outcome' if outcome is None else repr(outcome)}{shown})")

    def _at(self, one: Instruction) -> None:
        self.source.line(f"at = {one.number}")

    @staticmethod
    def _is_plain_constant(one: Instruction) -> bool:
        return isinstance(one.origin, FromConstant) and one.origin.fill is None and not one.functions
