"""One writer at a time for one resource: who must read before writing would otherwise lose against the others again and
again. Other replicas are held off by versions; this spares the rounds within one process.
"""

import asyncio
from weakref import WeakValueDictionary


class OneByOne:
    """Locks by id, which go when nobody holds or waits for them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, entity_id: str) -> asyncio.Lock:
        """The lock of one resource; keep hold of it while it is used."""
        lock = self._locks.get(entity_id)
        if lock is None:
            lock = self._locks[entity_id] = asyncio.Lock()
        return lock
