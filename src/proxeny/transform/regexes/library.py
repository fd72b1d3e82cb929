"""The compiled patterns of one transformation: each text is compiled once, also those that are built of values at run
time.
"""

from threading import Lock

from cachetools import LRUCache

from proxeny.transform.regexes.pattern import Alert, Pattern, compile_pattern


class Patterns:
    """A bounded cache of patterns; safe to use from several threads.

    ``alert`` is called with the label of a pattern that was switched off. ``limit`` is how many patterns are kept.
    """

    def __init__(self, alert: Alert | None = None, limit: int = 256) -> None:
        self._alert = alert
        self._kept: LRUCache[tuple[str, str], Pattern] = LRUCache(limit)
        self._lock = Lock()

    def compile(self, text: str, *, flags: str = "", label: str | None = None) -> Pattern:
        """The pattern for this text; raises PatternSyntaxError."""
        with self._lock:
            known = self._kept.get((text, flags))
        if known is not None:
            return known
        pattern = compile_pattern(text, flags=flags, label=label, alert=self._alert)
        with self._lock:
            return self._kept.setdefault((text, flags), pattern)
