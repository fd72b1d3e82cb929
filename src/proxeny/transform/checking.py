"""Takes the keys of a declaration by type and notes everything that is wrong, each with its place.

Booleans may be strings (``"true"``, spec §1); unknown keys are warnings with the key that was perhaps meant.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from proxeny.transform.errors import Problem
from proxeny.transform.text import Location, Place
from proxeny.transform.values import to_text

_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}


def _kind(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def _is_boolean_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in ("true", "false")


def is_true(value: Any) -> bool:
    """``true``, or ``"true"`` in any case."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks one object of the transformation: the one at ``place``. All checkers of a text share ``problems``.

    In an ``ignored`` part nothing is an error, only a warning (decision 41).
    """

    locate: Callable[..., Location | None]
    problems: list[Problem] = field(default_factory=list)
    place: Place = ()
    prefix: str = ""
    entity_type: str | None = None
    mapping: int | None = None
    ignored: bool = False

    def inside(self, place: Place, **known: Any) -> "Checker":
        """A checker for the object at ``place``; ``known`` are fields that hold from there on."""
        return replace(self, place=place, **known)

    def error(self, message: str, keys: Place) -> None:
        self._note(message, keys, "error")

    def warn(self, message: str, keys: Place) -> None:
        self._note(message, keys, "warning")

    def _note(self, message: str, keys: Place, severity: Literal["error", "warning"]) -> None:
        location = self.locate(*self.place, *keys)
        self.problems.append(
            Problem(
                message,
                "warning" if self.ignored else severity,
                self.entity_type,
                self.mapping,
                self._key(keys),
                location.line if location else None,
                location.column if location else None,
            )
        )

    def _key(self, keys: Place) -> str | None:
        text = self.prefix
        for key in keys:
            text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
        return text or None

    def unknown(self, value: Mapping[str, Any], known: frozenset[str], what: str) -> None:
        for key in value:
            if key not in known:
                near = get_close_matches(key, sorted(known), 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                self.warn(f"{key!r} is no key of {what} and is ignored{hint}", (key,))

    def text(self, value: Mapping[str, Any], key: str) -> str | None:
        """A string; None if it is absent or null, or (noted) something else."""
        given = value.get(key)
        if given is None or isinstance(given, str):
            return given
        self.error(f"{key} must be a string, not {_kind(given)}", (key,))
        return None

    def texts(self, value: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """A list of strings; one string stands for a list of it."""
        given = value.get(key, [])
        items = given if isinstance(given, list) else [given]
        for item in items:
            if not isinstance(item, str):
                self.error(f"{key} must be a list of strings, not of {_kind(item)}", (key,))
        return tuple(item for item in items if isinstance(item, str))

    def flag(self, value: Mapping[str, Any], key: str) -> bool:
        """A boolean, or one as a string; absent and null are false."""
        given = value.get(key)
        if not (given is None or isinstance(given, bool) or _is_boolean_text(given)):
            self.error(f"{key} must be true or false, not {given!r:.40}", (key,))
        return is_true(given)

    def condition(self, value: Mapping[str, Any]) -> str | None:
        """The condition as text; a bare boolean is one, too."""
        given = value.get("condition")
        if isinstance(given, bool):
            return "true" if given else "false"
        text = self.text(value, "condition")
        if text is not None and not text.strip():
            self.warn("an empty condition has no effect", ("condition",))
            return None
        return text

    def choice(self, value: Mapping[str, Any], key: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(value, key)
        if text is None or text in choices:
            return text or default
        self.error(f"{key} {text!r} is unknown; there are {', '.join(choices)}", (key,))
        return default

    def words(self, value: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> frozenset[str]:
        """A word, or a list of words, of ``choices``; others are noted and left out."""
        words = self.texts(value, key) if value.get(key) is not None else ()
        for word in words:
            if word not in choices:
                self.error(f"{key} {word!r} is unknown; there are {', '.join(choices)}", (key,))
        return frozenset(words) & frozenset(choices)

    def objects(self, value: Mapping[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a list with their places; what is no object is noted and left out. One alone is a list."""
        given = value.get(key)
        items = [given] if isinstance(given, dict) else given
        if items is None:
            return
        if not isinstance(items, list):
            self.error(f"{key} must be a list of objects, not {_kind(given)}", (key,))
            return
        for place, item in enumerate(items):
            if isinstance(item, dict):
                yield place, item
            else:
                self.error(f"{key}[{place}] must be an object, not {_kind(item)}", (key, place))

    def scalar_text(self, value: Any, keys: Place) -> str | None:
        """A scalar as text, as the keys of a valueMapping compare."""
        if isinstance(value, str | int | float | bool):
            return to_text(value)
        self.error("a string, number or boolean is needed here", keys)
        return None
