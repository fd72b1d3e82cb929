"""What a path or condition needs besides its text to be compiled: the system's properties and the patterns' cache."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxeny.transform.regexes import Patterns


@dataclass(frozen=True, slots=True)
class Environment:
    """``properties`` are asked by key (``isAttributeWithOptionalPrefix($.a, key)``); ``patterns`` compiles ``/…/``."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    patterns: Patterns = field(default_factory=Patterns)

    def text(self, key: str) -> str | None:
        """The property as text, None if it is not set."""
        value = self.properties.get(key)
        return None if value is None else str(value)
