"""Python source under construction: lines, indentation, and the objects that the source refers to by name.

Only ``repr`` of keys and literals and names made here ever enter the text: nothing an administrator writes is run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any


class Source:
    """The body of one function: ``lines`` so far, and ``names``, its globals."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.lines: list[str] = []
        self._depth = 0
        self._bound: dict[int, str] = {}

    def line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Lines written inside are indented under ``header``."""
        self.line(header)
        self._depth += 1
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self.line("pass")
        self._depth -= 1

    def bind(self, prefix: str, value: Any) -> str:
        """A global name for an object; the same object has one name."""
        name = self._bound.get(id(value))
        if name is None:
            name = f"{prefix}_{len(self._bound)}"
            self._bound[id(value)] = name
            self.names[name] = value
        return name

    def nested(self, lines: list[str]) -> None:
        """Take over lines written elsewhere at the current depth."""
        self.lines.extend("    " * self._depth + line for line in lines)

    def code(self, label: str) -> CodeType:
        return compile("\n".join(self.lines) + "\n", f"<{label}>", "exec")
