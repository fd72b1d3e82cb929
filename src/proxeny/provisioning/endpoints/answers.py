"""Whole answers to reads, kept as long as nothing at all has changed in the backend.

Only a backend that can tell at once whether anything changed has this (``spi.Watched``): the embedded directory on
SQLite. Who reads the same again between two writes is answered without a search; the first write forgets everything.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from proxeny.provisioning.endpoints.exchange import Answer

LIMIT = 4 * 1024 * 1024
LONGEST = 512 * 1024
_OVERHEAD = 1200  # bytes of an entry beside its body: key, objects, dictionary, header lines


class Answers:
    """Those of one endpoint, the latest within ``limit`` bytes. ``state`` tells the state of the backend, or None."""

    def __init__(self, state: Callable[[], Hashable | None], limit: int = LIMIT) -> None:
        self._tell_state = state
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self.state: Hashable | None = None

    def find(self, key: Hashable) -> Answer | None:
        """The answer, if it still holds. ``state`` is then that of now; give it to ``keep``."""
        state = self._tell_state()
        if state is None:
            self.state = None
            return None
        if state != self.state:
            self._kept.clear()
            self._size = 0
            self.state = state
            return None
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, since: Hashable | None, answer: Answer) -> None:
        """Keeps an answer that was begun in the state ``since``, unless something has changed or it says too much."""
        size = len(answer.body or b"")
        if since is None or since != self.state or size > LONGEST or answer.headers or key in self._kept:
            return
        self._kept[key] = answer
        self._size += _OVERHEAD + size
        while self._size > self._limit:
            self._size -= _OVERHEAD + len(self._kept.popitem(last=False)[1].body or b"")
