"""Who is told that a certificate or a secret ends: 30, 14 and 3 days before, each time once (operations.md 8).

Of a system's certificates, those who subscribed to the system and those whom its definition names; of everything that
ends, the gateway's own included, those who subscribed to ``*``. What is to be sent waits with the other notices.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from proxeny.store.endings import Endings
from proxeny.store.notices import Channel, Notice, Notices, Subscription

DAYS = (3, 14, 30)
"""It is told once when so many days are left; what has ended without having been told counts as the last."""
EVERYTHING = "*"
"""In place of a system's id in a subscription: whatever ends."""
KEPT_SECONDS = 120 * 86400.0
"""What was told is remembered for so long: longer than from the first threshold to the end."""
_SUBJECTS = {"revocation list": "Revocation List Expiration", "secret of a technical user": "Secret Expiration"}
_REMEDIES = {
    "secret of a technical user": "Give the technical user a new secret (proxeny client rotate), and use it.",
    "revocation list": "Put a newer list in its place.",
}
_REMEDY = "Put a new one in its place."


@dataclass(frozen=True, slots=True)
class Ending:
    """``part`` is told to everyone in health; ``name`` says which one it is. ``system``: whose it is, by its id, with
    its ``role`` and ``title``; empty: the gateway's own."""

    part: str
    name: str
    at: datetime
    system: str = ""
    role: str = ""
    title: str = ""

    def days(self, now: datetime) -> int:
        """Whole days left; negative once it has ended."""
        return (self.at - now).days

    def level(self, now: datetime) -> int | None:
        """The threshold that was passed last, -1 once it has ended, None before the first."""
        days = self.days(now)
        return -1 if days < 0 else next((limit for limit in DAYS if days <= limit), None)

    @property
    def subject(self) -> str:
        if self.system:
            return f"Outbound Certificate Expiration. {self.role.capitalize()} System: {self.title}"
        kind = _SUBJECTS.get(self.part, "Certificate Expiration")
        return f"{kind}. {self.part[:1].upper()}{self.part[1:]}: {self.name}"


@dataclass(frozen=True, slots=True)
class ExpiryNotices:
    """See the module."""

    notices: Notices
    told: Endings

    async def tell(
        self, endings: Iterable[Ending], mails: Mapping[str, Sequence[str]], now: datetime | None = None
    ) -> int:
        """Queue what is to be told; how many notices. ``mails``: whom the definition of a system names, by its id."""
        moment = now or datetime.now(UTC)
        ending = [one for one in endings if one.level(moment) is not None]
        if not ending:
            return 0
        subscriptions = await self.notices.subscriptions()
        made = [notice for one in ending for notice in _of(one, moment, subscriptions, mails.get(one.system, ()))]
        await self.told.purge(moment.timestamp() - KEPT_SECONDS)
        return await self.told.tell(made)


def _of(ending: Ending, now: datetime, subscriptions: Iterable[Subscription], mails: Iterable[str]) -> Iterator[Notice]:
    """A notice for everyone who is to know."""
    wanted: dict[tuple[Channel, str], None] = {("mail", address): None for address in mails}
    wanted.update(
        ((one.channel, one.address), None) for one in subscriptions if one.source in (EVERYTHING, ending.system or "*")
    )
    level = max(DAYS[0], ending.level(now) or 0)
    problem = f"{ending.system} {ending.part} {ending.name} {ending.at:%Y-%m-%dT%H:%M:%S} {level}"
    document = _document(ending, now)
    letter = "".join(f"{key.capitalize()}: {value}\n" for key, value in document.items() if key != "subject")
    bodies: dict[Channel, str] = {"mail": letter, "webhook": orjson.dumps(document).decode()}
    for channel, address in wanted:
        yield Notice(0, problem, channel, address, ending.subject, bodies[channel])


def _document(ending: Ending, now: datetime) -> dict[str, str | int]:
    return {
        "subject": ending.subject,
        "what": ending.part,
        "name": ending.name,
        "ends": f"{ending.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "days": max(0, ending.days(now)),
        "action": _REMEDIES.get(ending.part, _REMEDY),
    }
