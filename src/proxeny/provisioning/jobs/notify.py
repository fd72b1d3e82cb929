"""Who is told what about jobs, by mail and webhook (operations.md 8).

The notifier looks at runs from outside, on its own time, and sends in a task of its own: a job neither waits for it nor
knows of it. What cannot be sent waits in the database and is sent once when the channel is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote

import orjson

from proxeny.connectors.properties import PropertyValues
from proxeny.errors import Error
from proxeny.store.notices import FAILING, PAUSED, Channel, Notice, Notices, NoticeState, Subscription
from proxeny.store.outcomes import Outcomes
from proxeny.store.runs import Run, Runs

log = logging.getLogger("proxeny.jobs")

LOOK_SECONDS = 2.0
AT_ONCE = 16
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 600.0
_KINDS = ("READ", "RESYNC")
LOGS = {
    "failed": "failedEntitiesLog",
    "skipped": "skippedEntitiesLog",
    "created": "createdEntitiesLog",
    "updated": "updatedEntitiesLog",
    "deleted": "deletedEntitiesLog",
}

Send = Callable[[str, str, str], Awaitable[None]]
"""Sends (address, subject, body) or raises an Error."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the properties of a source say about notifications."""

    repeat: bool = False
    ignored: int = 0
    skip_running: bool = False

    @classmethod
    def of(cls, values: PropertyValues) -> "Wishes":
        prefix = "ips.job.notification"
        return cls(
            repeat=values.flag(f"{prefix}.repeat.on.failure"),
            ignored=values.integer(f"{prefix}.ignored.consecutive.failures", 0),
            skip_running=values.flag(f"{prefix}.skip.intermediate.notifications"),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """What the notifier knows of a source system: its name, who is told besides the subscribers, its targets' names."""

    name: str
    wishes: Wishes = field(default_factory=Wishes)
    mails: tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)


def judged(state: NoticeState, run: Run, wishes: Wishes, *, failing: bool) -> tuple[NoticeState, str | None]:
    """How the source stands after a look at its run, and which event is to be told, if any. Pure.

    ``failing``: something has failed in the run so far.
    """
    if run.paused:
        told = state.told_running == PAUSED
        return (state, None) if told else (replace(state, told_running=PAUSED), "Provisioning Paused")
    if not run.over:
        if failing and not state.told_running and not wishes.skip_running:
            return replace(state, told_running=FAILING), "Provisioning Running with Error"
        return state, None
    seen = replace(state, last_run=run.id)
    if run.status == "success":
        told = (state.failures > 0 and state.told) or state.told_running == PAUSED
        return NoticeState(last_run=run.id), "Provisioning Success" if told else None
    if run.status != "error":
        return seen, None
    failures = state.failures + 1
    tell = wishes.repeat or failures == wishes.ignored + 1
    after = replace(seen, failures=failures, told=state.told or tell)
    return after, "Provisioning Finished with Error" if tell else None


@dataclass
class Notifier:
    """See the module. ``find`` knows a source by its id (None: there is none); ``naming`` are the ids of those whose
    definition names who is told; ``base`` is where people reach the gateway."""

    notices: Notices
    runs: Runs
    outcomes: Outcomes
    find: Callable[[str], Source | None]
    channels: Mapping[Channel, Send]
    base: str = ""
    first_pause: float = FIRST_PAUSE
    naming: Callable[[], Iterable[str]] = tuple
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    async def look(self) -> None:
        """Queue what is to be told about each source that somebody subscribed to, or that names somebody itself."""
        wanted = dict.fromkeys(self.naming(), ()) | self._wanted(await self.notices.subscriptions())
        for source, subscriptions in wanted.items():
            known = self.find(source)
            if known is not None:
                mails = [Subscription(source, "mail", address) for address in known.mails]
                await self._look_at(source, known, [*subscriptions, *mails])

    async def send_due(self) -> None:
        """Begin to send what is due; who does not answer keeps nobody else waiting."""
        room = AT_ONCE - len(self._sending)
        for notice in await self.notices.take(room) if room > 0 else ():
            task = asyncio.create_task(self._send(notice))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                try:
                    await self.look()
                    await self.send_due()
                except Error as error:
                    log.warning("notifications cannot be looked after at the moment: %s", error)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._sending:
                task.cancel()

    async def settled(self) -> None:
        """Waits until everything that is being sent was sent, or was not."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _wanted(self, subscriptions: Sequence[Subscription]) -> dict[str, list[Subscription]]:
        wanted: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            wanted.setdefault(subscription.source, []).append(subscription)
        return wanted

    async def _look_at(self, source: str, known: Source, subscriptions: Sequence[Subscription]) -> None:
        state = await self.notices.state(source)
        recent = await self.runs.latest(source=source, limit=50)
        for run in reversed(recent):
            queued = run.status == "queued" and not run.paused
            if run.id <= state.last_run or run.kind not in _KINDS or queued:
                continue
            failing = not run.over and not state.told_running and await self._failing(run, known)
            after, subject = judged(state, run, known.wishes, failing=failing)
            notices = self._notices(subject, source, known, run, subscriptions) if subject else []
            if after != state and not await self.notices.say(source, state, after, notices):
                return
            state = after
            if not run.over:
                return

    async def _failing(self, run: Run, known: Source) -> bool:
        for system in (run.source, *known.targets):
            if await self.outcomes.counted(run.id, system, "failed"):
                return True
        return False

    def _notices(
        self, subject: str, source: str, known: Source, run: Run, subscriptions: Sequence[Subscription]
    ) -> list[Notice]:
        title = f"{subject}. Source System: {known.name}"
        document = self._document(title, known, run)
        bodies: dict[Channel, str] = {"mail": _letter(document), "webhook": orjson.dumps(document).decode()}
        return [
            Notice(0, f"{source} {subject}", each.channel, each.address, title, bodies[each.channel])
            for each in dict.fromkeys(subscriptions)
        ]

    def _document(self, title: str, known: Source, run: Run) -> dict[str, object]:
        logs = f"{self.base}/ips/service/publicapi/v1/jobLogs/{run.id}?action=export&logType="
        return {
            "subject": title,
            "source": known.name,
            "targets": sorted(known.targets.values()),
            "job": run.id,
            "type": run.kind,
            "mode": "Full Read" if run.mode == "full" else "Delta Read",
            "started": _moment(run.started),
            "status": "paused" if run.paused else run.status,
            "notes": [note.text for note in run.notes],
            "details": f"{self.base}/ui/runs/{quote(str(run.id))}",
            "logs": {name: f"{logs}{kind}" for name, kind in LOGS.items()},
        }

    async def _send(self, notice: Notice) -> None:
        send = self.channels.get(notice.channel)
        pause = min(LONGEST_PAUSE, self.first_pause * 2 ** (notice.attempts - 1))
        if send is None:
            words = f"no {notice.channel} is configured"
            await self.notices.failed(notice, LONGEST_PAUSE, words)
            return
        try:
            await send(notice.address, notice.subject, notice.body)
        except Error as error:
            log.warning("a notice could not be sent, and waits: %s", error, extra={"channel": notice.channel})
            await self.notices.failed(notice, pause, str(error))
        else:
            await self.notices.sent(notice)


def _letter(document: Mapping[str, object]) -> str:
    """The mail's text: one line for each thing to know."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            lines += [f"{key.capitalize()}: {', '.join(map(str, value))}"] if value else []
        elif isinstance(value, dict):
            lines += [f"Log of {name} entities: {url}" for name, url in value.items()]
        elif key != "subject" and value:
            lines.append(f"{key.capitalize()}: {value}")
    return "\n".join(lines) + "\n"


def _moment(time: float | None) -> str:
    return "" if time is None else datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
