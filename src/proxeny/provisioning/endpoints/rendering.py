"""Resources as they were rendered, kept while their content is the same, so that a read does not cross again.

Only bytes are kept, which nobody can change by mistake. What is kept is found by the content that the connector names
(``Entity.content``), so nothing has to be forgotten when an entity changes, whoever changes it.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

LIMIT = 8 * 1024 * 1024
_OVERHEAD = 900  # bytes of an entry beside its documents: key, objects, dictionary


@dataclass(frozen=True, slots=True)
class Rendered:
    """``whole`` is the resource as JSON, ``shown`` that what is returned by default."""

    location: str
    version: str
    etag: str
    whole: bytes
    shown: bytes

    @property
    def size(self) -> int:
        shown = 0 if self.shown is self.whole else len(self.shown)
        return _OVERHEAD + len(self.whole) + shown


class Renderings:
    """The latest of them, of all systems, within ``limit`` bytes. Belongs to one thread."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Hashable, Rendered] = OrderedDict()

    def find(self, key: Hashable) -> Rendered | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, rendered: Rendered) -> None:
        if rendered.size > self._limit // 8 or key in self._kept:
            return
        self._kept[key] = rendered
        self._size += rendered.size
        while self._size > self._limit:
            self._size -= self._kept.popitem(last=False)[1].size
