"""Source that writes definite targets: the objects on the way are made when first needed and kept in a local name.

A container's name is ``None`` until some mapping has written through it, and again after a write that may have
replaced it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from proxeny.transform.codegen.source import Source
from proxeny.transform.shapes import Place


class Writes:
    """Writes to ``out``. ``targets`` are all definite targets of the program: they tell which containers are shared."""

    def __init__(self, source: Source, targets: Iterable[Place]) -> None:
        self._source = source
        self._uses = Counter(keys[:size] for keys in targets for size in range(1, len(keys)))
        self._names: dict[tuple[Place, bool], str] = {}
        self._temporaries = 0
        self.may_leave_holes = False

    def assign(self, keys: Place, value: str) -> None:
        """Write the expression ``value`` at ``keys`` (not empty), replacing what is there."""
        last = keys[-1]
        container = self.container(keys[:-1], isinstance(last, int))
        if isinstance(last, str):
            self._source.line(f"{container}[{last!r}] = {value}")
        else:
            self._put(container, last, value)
        self.forget(keys)

    def remove(self, keys: Place) -> None:
        """Delete the key or element at ``keys``; absent is fine."""
        name = self.existing(keys[:-1])
        last = keys[-1]
        if isinstance(last, str):
            test = "" if name == "out" else f"if {name}.__class__ is dict: "
            self._source.line(f"{test}{name}.pop({last!r}, None)")
        else:
            self._source.line(f"if {name}.__class__ is list and {_within(name, last)}: del {name}[{last}]")
        self.forget(keys[:-1] if isinstance(last, int) else keys)

    def existing(self, keys: Place) -> str:
        """The name of what stands at ``keys`` in the output, ``None`` if nothing does."""
        if not keys:
            return "out"
        name = self._temporary()
        first = keys[0]
        self._source.line(f"{name} = out.get({first!r})")
        for key in keys[1:]:
            self._descend(name, key)
        return name

    def container(self, keys: Place, is_list: bool) -> str:
        """The name of the object or list at ``keys``, made if need be; a value of another kind in the way is
        replaced."""
        if not keys:
            return "out"
        if self._uses[keys] < 2:
            name = self._temporary()
            self._obtain(keys, is_list, name)
            return name
        name = self._names.get((keys, is_list)) or self._shared(keys, is_list)
        with self._source.block(f"if {name} is None:"):
            self._obtain(keys, is_list, name)
        return name

    def forget(self, keys: Place) -> None:
        """Containers at or below ``keys`` may have been replaced: look them up again when next needed."""
        stale = [name for (place, _), name in self._names.items() if place[: len(keys)] == keys]
        if stale:
            self._source.line(" = ".join(stale) + " = None")

    def names(self) -> list[str]:
        """Names that must be ``None`` before the first mapping."""
        return list(self._names.values())

    def _shared(self, keys: Place, is_list: bool) -> str:
        name = self._names[(keys, is_list)] = f"t{len(self._names)}"
        return name

    def _obtain(self, keys: Place, is_list: bool, name: str) -> None:
        last = keys[-1]
        parent = self.container(keys[:-1], isinstance(last, int))
        kind, empty = ("list", "[]") if is_list else ("dict", "{}")
        if isinstance(last, str):
            self._source.line(f"{name} = {parent}.get({last!r})")
            with self._source.block(f"if {name}.__class__ is not {kind}:"):
                self.forget(keys)
                self._source.line(f"{name} = {parent}[{last!r}] = {empty}")
        else:
            self._source.line(f"{name} = {parent}[{last}] if {_within(parent, last)} else None")
            with self._source.block(f"if {name}.__class__ is not {kind}:"):
                self.forget(keys)
                self._source.line(f"{name} = {empty}")
                self._put(parent, last, name)

    def _put(self, container: str, index: int, value: str) -> None:
        if index == 0:
            self._source.line(f"if {container}: {container}[0] = {value}")
            self._source.line(f"else: {container}.append({value})")
            return
        self.may_leave_holes = True
        self._source.line(f"holes = put({container}, {index}, {value}) or holes")

    def _descend(self, name: str, key: Any) -> None:
        if isinstance(key, str):
            self._source.line(f"{name} = {name}.get({key!r}) if {name}.__class__ is dict else None")
        else:
            self._source.line(f"{name} = {name}[{key}] if {name}.__class__ is list and {_within(name, key)} else None")

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"x{self._temporaries}"


def _within(name: str, index: int) -> str:
    if index in (0, -1):
        return name
    return f"len({name}) > {index}" if index > 0 else f"len({name}) >= {-index}"
