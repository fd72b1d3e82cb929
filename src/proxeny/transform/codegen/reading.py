"""Source that reads definite paths of the input: each object or list on the way is looked up once, at the start.

The input never changes during a run, so ``$.name.givenName`` and ``$.name.familyName`` share ``$.name``. An
object that is missing, or something else, is an empty one: then every attribute below it is missing without tests.
"""

from typing import Final

from proxeny.transform.codegen.source import Source
from proxeny.transform.shapes import Place

NO_OBJECT: Final = "NO_OBJECT"
NO_LIST: Final = "NO_LIST"


class Reads:
    """Hands out expressions for definite paths and remembers which containers must be looked up first."""

    def __init__(self) -> None:
        self._objects: dict[Place, str] = {(): "root"}
        self._lists: dict[Place, str] = {}
        self._prologue: list[str] = []

    def value(self, keys: Place) -> str:
        """An expression for the value at ``keys``; ``None`` where there is none."""
        if not keys:
            return "root"
        last = keys[-1]
        if isinstance(last, str):
            return f"{self._object(keys[:-1])}.get({last!r})"
        return self._element(self.array(keys[:-1]), last, "None")

    def array(self, keys: Place) -> str:
        """The name of a list: the one at ``keys``, or an empty one."""
        name = self._lists.get(keys)
        if name is None:
            name = self._lists[keys] = f"l{len(self._lists)}"
            self._prologue.append(f"{name} = {self.value(keys)}")
            self._prologue.append(f"if {name}.__class__ is not list: {name} = {NO_LIST}")
        return name

    def prologue(self, source: Source) -> None:
        """Write the look-ups; the body that uses them comes after."""
        source.nested(self._prologue)

    def _object(self, keys: Place) -> str:
        name = self._objects.get(keys)
        if name is None:
            value = self.value(keys)
            name = self._objects[keys] = f"o{len(self._objects)}"
            self._prologue.append(f"{name} = {value}")
            self._prologue.append(f"if {name}.__class__ is not dict: {name} = {NO_OBJECT}")
        return name

    @staticmethod
    def _element(array: str, index: int, otherwise: str) -> str:
        if index in (0, -1):
            return f"({array}[{index}] if {array} else {otherwise})"
        enough = f"len({array}) > {index}" if index > 0 else f"len({array}) >= {-index}"
        return f"({array}[{index}] if {enough} else {otherwise})"
