"""The function of one operation: the entity's condition, then each instruction in order, then the result."""

from collections.abc import Callable
from typing import Any

from proxeny.transform.codegen import library
from proxeny.transform.codegen.body import Body
from proxeny.transform.codegen.plan import Form, Plan
from proxeny.transform.codegen.source import Source
from proxeny.transform.instructions import Guard


def generate(plan: Plan, form: Form) -> Callable[..., Any]:
    """Compile the function ``program(root, variables, after, budget, trace) -> Result``, or a generator of it.

    ``variables`` is changed; ``after`` is the resource after a patch, or None.
    """
    writer = _Program(plan, form)
    code = writer.write().code(f"{plan.entity_type} {plan.operation}")
    exec(code, writer.names)  # noqa: S102 (the text holds only names made here and repr() of keys and literals)
    program: Callable[..., Any] = writer.names["program"]
    return program


class _Program:
    def __init__(self, plan: Plan, form: Form) -> None:
        self.names = library.names()
        self._plan = plan
        self._form = form
        self._body = Body(plan, form, Source(self.names))

    def write(self) -> Source:
        """The whole source: the body is written first, because it tells what has to be looked up before it."""
        if not self._plan.skips:
            self._body.write()
        whole = Source(self.names)
        with whole.block("def program(root, variables, after, budget, trace=None):"):
            whole.line(f"if root.__class__ is not dict: return not_an_object({self._plan.entity_type!r})")
            whole.line("at = 0")
            with whole.block("try:"):
                self._head(whole)
                whole.nested(self._body.source.lines)
                self._tail(whole)
            with whole.block("except Exception as error:"):
                whole.line(f"return failed(error, {self._plan.entity_type!r}, at)")
            if self._form.yielding:
                whole.line("yield")
        return whole

    def _head(self, whole: Source) -> None:
        operation = self._plan.operation
        judged = self._plan.guard is not None and operation not in ("delete", "patch")
        if judged or self._body.uses_run:
            whole.line("run = Run(root, variables) if budget is None else Run(root, variables, budget)")
        if self._plan.guard is not None and operation != "delete":
            self._entity_condition(whole, self._plan.guard)
        if self._plan.skips:
            message = f"Operation [{operation}] is skipped in target transformation"
            whole.line(f"return skipped('skip-operation', {message!r})")
            return
        self._body.reads.prologue(whole)
        whole.line("out = {}")
        if self._plan.correlates:
            whole.line("keys = []")
        if names := self._body.writes.names():
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
        keys = ", tuple(keys)" if self._plan.correlates else ""
        whole.line(f"return Result('ok', out, variables{keys})")
