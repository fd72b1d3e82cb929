"""The time that a request may take, in or out, for all of them together: one timer, however many of them run.

A timer for each would cost more than most requests do. All have the same time, so those that began first end first.
"""

import asyncio


class Deadlines:
    """Cancels tasks that take longer than ``seconds``. Belongs to one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> "asyncio.Task[object] | None":
        """Starts the time of the current task; give back what this returns to ``end``."""
        task = asyncio.current_task()
        if task is not None:
            loop = asyncio.get_running_loop()
            self._until[task] = loop.time() + self.seconds
            if self._timer is None:
                self._timer = loop.call_later(self.seconds, self._look)
        return task

    def end(self, task: "asyncio.Task[object] | None") -> None:
        if task is not None:
            self._until.pop(task, None)
            self.passed(task)

    def passed(self, task: "asyncio.Task[object] | None") -> bool:
        """Whether the task was cancelled because of its deadline, and by nobody else; then it may go on."""
        if task is None or task not in self._late:
            return False
        self._late.discard(task)
        return task.uncancel() <= 0

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, until in list(self._until.items()):
            if until > now:
                break
            del self._until[task]
            self._late.add(task)
            task.cancel()
        first = next(iter(self._until.values()), None)
        self._timer = loop.call_later(first - now, self._look) if first is not None else None
