"""Source that obtains a mapping's value: from a path, a variable, a constant or a table, then through its functions.

In generated source ``v`` is the value and ``None`` means that there is none; MISSING ends behind the call that gave it.
"""

import math
from dataclasses import dataclass
from typing import Any

from proxeny.transform.codegen.reading import Reads
from proxeny.transform.codegen.source import Source
from proxeny.transform.codegen.testing import expression
from proxeny.transform.instructions import FromConstant, FromPath, FromTable, FromVariable, Instruction
from proxeny.transform.paths.ast import Path
from proxeny.transform.shapes import Chosen, Each, Place, place_of, source_shape


@dataclass(slots=True)
class Values:
    """Writes the reading half of instructions. ``yielding`` programs ask for look-ups where they are needed."""

    source: Source
    reads: Reads
    yielding: bool

    def obtain(self, instruction: Instruction) -> None:
        """Write lines that leave the value, before collapsing and functions, in ``v``."""
        match instruction.origin:
            case FromPath(path, evaluate):
                self._from_path(path, self.source.bind("read", evaluate))
            case FromVariable() as origin:
                self._from_variable(origin)
            case FromConstant(value, None):
                self.source.line(f"v = {literal(self.source, value, fresh=False)}")
            case FromConstant(_, fill):
                self.source.line(f"v = {self.source.bind('fill', fill)}(variables)")
                self.no_missing()
            case FromTable(_, choose):
                self.source.line(f"v = {self.source.bind('choose', choose)}(root, run)")
                self.no_missing()
            case None:
                self.source.line("v = None")

    def apply(self, instruction: Instruction, index: int, *, traced: bool) -> None:
        """Write the functions, each the input of the next."""
        for step in instruction.functions:
            if step.unchanging and not traced:
                continue
            if traced:
                self.source.line("before = v")
            if step.lookup is not None and self.yielding:
                self._look_up(step.lookup)
            elif step.makes_value:
                self.source.line(f"v = {self.source.bind('make', step.apply)}(MISSING if v is None else v, run)")
            else:
                self.source.line(f"if v is not None: v = {self.source.bind('apply', step.apply)}(v, run)")
            self.no_missing()
            if traced:
                self.source.line(f"trace.function({index}, {step.name!r}, before, v)")

    def value_of(self, path: Path) -> str | None:
        """An expression for a definite path of the input, for conditions."""
        place = None if path.relative else place_of(path)
        return self.reads.value(place) if place else None

    def no_missing(self) -> None:
        self.source.line("if v is MISSING: v = None")

    def _from_path(self, path: Path, closure: str) -> None:
        shape = None if path.relative else source_shape(path)
        if isinstance(shape, tuple):
            self.source.line(f"v = {self.reads.value(shape)}")
        elif isinstance(shape, Each) or (isinstance(shape, Chosen) and self._choice(shape)):
            self._elements(shape, closure)
        else:
            self.source.line(f"v = {closure}(root, run)")
            self.no_missing()
            if not path.definite:
                self.source.line("if v is not None and not v: v = None")

    def _elements(self, shape: Each | Chosen, closure: str) -> None:
        """A list comprehension over the usual case, a list of objects that all have the key; the closure for all
        others."""
        whole = "e" if shape.key is None else f"e[{shape.key!r}]"
        test = f" if {self._choice(shape)}" if isinstance(shape, Chosen) else ""
        self.source.line(f"v = {self.reads.value(shape.place)}")
        with self.source.block("if v.__class__ is list:"):
            with self.source.block("try:"):
                self.source.line(f"v = [{whole} for e in v{test}] or None")
            with self.source.block("except (KeyError, TypeError, AttributeError):"):
                self.source.line(f"v = {closure}(root, run) or None")
        with self.source.block("elif v is not None:"):
            self.source.line(f"v = {closure}(root, run) or None")

    @staticmethod
    def _choice(shape: Chosen) -> str | None:
        return expression(shape.condition, _of_element)

    def _from_variable(self, origin: FromVariable) -> None:
        if origin.evaluate is None:
            self.source.line(f"v = variables.get({origin.name!r})")
            self.no_missing()
            return
        self.source.line(f"u = variables.get({origin.name!r})")
        self.source.line(f"v = None if u is None else {self.source.bind('read', origin.evaluate)}(u, run)")
        self.no_missing()
        if origin.path is not None and not origin.path.definite:
            self.source.line("if v is not None and not v: v = None")

    def _look_up(self, lookup: Any) -> None:
        collect, finish = self.source.bind("collect", lookup.collect), self.source.bind("answer", lookup.finish)
        with self.source.block("if v is not None:"):
            self.source.line(f"asked = {collect}(v, run)")
            self.source.line(f"v = {finish}(v, run, (yield asked) if asked else NO_OBJECT)")


def literal(source: Source, value: Any, *, fresh: bool) -> str:
    """An expression for a constant; ``fresh`` if it will be kept, so that lists and objects must be made anew."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, list | dict) and not value:
        return repr(value)
    name = source.bind("constant", value)
    return f"copied({name})" if fresh else name


def _of_element(path: Path) -> str | None:
    names = path.keys
    return f"e.get({names[0]!r})" if path.relative and names is not None and len(names) == 1 else None


def definite(instruction: Instruction) -> Place | None:
    """The place that the instruction reads, if it is one place of the input."""
    return place_of(instruction.origin.path) if isinstance(instruction.origin, FromPath) else None
