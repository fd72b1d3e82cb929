"""The streams of a source that the targets of a run share, and the outcomes at the source that come with them."""

import time
from collections.abc import AsyncIterator, Callable, Mapping

from proxeny.provisioning.deliveries.origin import Item, Origin, Stretch
from proxeny.provisioning.deliveries.tracing import NOTHING, Tracing
from proxeny.provisioning.jobs.feed import Feed, Page
from proxeny.provisioning.jobs.ledger import Ledger
from proxeny.store import contents, outcomes
from proxeny.store.outcomes import Outcome


class Share:
    """Targets that are at the same place get the same stream. ``cursors`` by entity type: where a delta read begins;
    None for a full read."""

    def __init__(
        self, source: Origin, ledger: Ledger, cursors: Mapping[str, str] | None, tracing: Tracing = NOTHING
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._cursors = cursors
        self._tracing = tracing
        self._feeds: dict[tuple[str, str | None], Feed] = {}
        self._own: list[Feed] = []

    def feed(self, entity_type: str, position: str | None) -> Feed:
        """The stream from ``position`` on, shared with whoever began there."""
        found = self._feeds.get((entity_type, position))
        if found is None:
            found = self._feeds[entity_type, position] = self._made(entity_type, position)
        return found

    def own(self, entity_type: str, position: str | None) -> Feed:
        """A stream for one that has fallen behind."""
        feed = self._made(entity_type, position)
        self._own.append(feed)
        return feed

    async def close(self) -> None:
        for feed in (*self._feeds.values(), *self._own):
            await feed.close()

    def _made(self, entity_type: str, position: str | None) -> Feed:
        async def keep(page: Page) -> None:
            rows = [self.outcome(entity_type, item) for item in page.items]
            run, traced = self._ledger.run.id, self._tracing.of_items(zip(rows, page.items, strict=True))
            await self._ledger.commit([outcomes.put(run, rows), contents.put(run, traced)])

        return Feed(self._opening(entity_type), position, keep, interval=self._source.interval)

    def _opening(self, entity_type: str) -> Callable[[str | None], AsyncIterator[Stretch]]:
        if self._cursors is None:
            return lambda position: self._source.stretches(entity_type, position)
        begin = self._cursors.get(entity_type)
        return lambda position: self._source.changes(entity_type, position or begin)

    def outcome(self, entity_type: str, item: Item) -> Outcome:
        """What became of an entity at the source."""
        said = item.said
        ending = "done" if said == "ok" else "failed" if said == "failed" else "skipped"
        reason = None if said == "ok" else item.reason if said == "failed" else "source-condition"
        return Outcome(
            item.source_id,
            self._source.id,
            entity_type,
            "read",
            ending,  # type: ignore[arg-type]  # one of three
            reason,
            item.message,
            versions=self._source.version,
            at=time.time(),
        )
