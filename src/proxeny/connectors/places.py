"""Places in a document, as people write them in headers and properties: ``name.givenName``, ``emails[0].value``.

``['urn:…:User']['department']`` and ``urn:…:User:department`` name an attribute of an extension.
"""

import re
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.filtering import Field
from proxeny.documents import Document

_STEP = re.compile(r"\['([^']+)'\]|\[(\d{1,3})\]|\.?([^.\[\]]+)")
_HIGHEST = 99
Step = str | int


@dataclass(frozen=True, slots=True)
class Place:
    """One place: names of members, and numbers of list elements."""

    steps: tuple[Step, ...]

    @property
    def field(self) -> Field:
        """The names alone, as filters have them."""
        return tuple(step for step in self.steps if isinstance(step, str))

    def take(self, document: Any) -> Any:
        """The value there, or None."""
        found = document
        for step in self.steps:
            if isinstance(step, int):
                found = found[step] if isinstance(found, list) and step < len(found) else None
            else:
                found = found.get(step) if isinstance(found, dict) else None
        return found

    def put(self, document: Document, value: Any) -> None:
        """Set the value there; what is missing on the way is made, what is in the way is replaced."""
        container: Any = document
        for step, following in zip(self.steps, self.steps[1:], strict=False):
            container = _entered(container, step, following)
        _set(container, self.steps[-1], value)


def parse_place(text: str) -> Place:
    """The place that ``text`` names; ValueError says what is wrong with it."""
    text = text.strip()
    head: tuple[Step, ...] = ()
    if text.lower().startswith("urn:"):
        urn, _, text = text.rpartition(":")
        head = (urn,)
    steps: list[Step] = []
    end = 0
    for match in _STEP.finditer(text):
        if match.start() != end:
            break
        steps.append(int(match[2]) if match[2] else match[1] or match[3])
        end = match.end()
    if end != len(text) or not steps or not isinstance(steps[0], str):
        raise ValueError(f"{text[:60]!r} is no place in a document; write it as name.givenName or emails[0].value")
    if any(isinstance(step, int) and step > _HIGHEST for step in steps):
        raise ValueError(f"{text[:60]!r} counts further than {_HIGHEST}")
    return Place((*head, *steps))


def _entered(container: Any, step: Step, following: Step) -> Any:
    wanted: type = list if isinstance(following, int) else dict
    if isinstance(step, int):
        _lengthen(container, step)
        if not isinstance(container[step], wanted):
            container[step] = wanted()
    elif not isinstance(container.get(step), wanted):
        container[step] = wanted()
    return container[step]


def _set(container: Any, step: Step, value: Any) -> None:
    if isinstance(step, int):
        _lengthen(container, step)
    container[step] = value


def _lengthen(elements: list[Any], index: int) -> None:
    elements.extend(None for _ in range(index + 1 - len(elements)))
