"""The way of security events to the audit trail and the log, without making anybody wait."""

import asyncio
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from proxeny.web.auth.caller import AuditSink

log = logging.getLogger("proxeny.web.security")

_QUEUE = 10_000
_BATCH = 64


class AuditTrail:
    """An async context: on leaving it, what is queued is written. Without a sink it only logs."""

    def __init__(self, sink: AuditSink | None = None) -> None:
        self._sink = sink
        self._queue: asyncio.Queue[tuple[str, Mapping[str, Any]] | None] = asyncio.Queue()
        self._lost = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._sink is not None:
            self._task = asyncio.create_task(self._write(self._sink))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._queue.put_nowait(None)
            await self._task

    def note(self, event: str, fields: Mapping[str, Any]) -> None:
        """Logs the event and queues it. In a flood beyond the queue only their number is recorded."""
        log.warning(event, extra=dict(fields))
        if self._task is None:
            return
        if self._queue.qsize() >= _QUEUE:
            self._lost += 1
            return
        self._queue.put_nowait((event, fields))

    async def _write(self, sink: AuditSink) -> None:
        """In batches that are handed over at once and in order, so that a database can commit them together."""
        open_ = True
        while open_:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            open_ = None not in batch
            await asyncio.gather(*(self._record(sink, *item) for item in batch if item is not None))
            if self._lost:
                lost, self._lost = self._lost, 0
                await self._record(sink, "audit.overflow", {"count": lost})

    async def _record(self, sink: AuditSink, event: str, fields: Mapping[str, Any]) -> None:
        try:
            await sink.record(event, fields)
        except Exception:
            log.exception("an audit record could not be written", extra={"event": event})
