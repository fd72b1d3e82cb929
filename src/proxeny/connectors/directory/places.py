"""How many entities each range of numbers holds, kept until anything changes, where the database can tell."""

from collections.abc import Awaitable, Callable
from typing import Any

from proxeny.connectors.directory import tables
from proxeny.connectors.directory.searching import Positions
from proxeny.database import Row, Statement

Fetch = Callable[[Statement, dict[str, Any]], Awaitable[list[Row]]]


class Places:
    """``state`` tells the state of the database, or None if it cannot."""

    def __init__(self, state: Callable[[], int | None], fetch: Fetch) -> None:
        self._tell_state = state
        self._fetch = fetch
        self._kept: dict[str, tuple[int, Positions]] = {}

    async def of(self, entity_type: str) -> Positions:
        """(bucket, count) of each range of ``tables.BUCKET`` numbers, in their order."""
        state = self._tell_state()
        kept = self._kept.get(entity_type)
        if kept is not None and kept[0] == state:
            return kept[1]
        positions = await self._fetch(tables.POSITIONS, {"type": entity_type})
        if state is not None:
            self._kept[entity_type] = state, positions
        return positions
