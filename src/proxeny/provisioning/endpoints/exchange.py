"""One SCIM request and its answer, free of HTTP: what web hands to a provider and gets back."""

from dataclasses import dataclass, field
from typing import NamedTuple

from proxeny.scim.dialects import Dialect

Headers = tuple[tuple[str, str], ...]
Params = tuple[tuple[str, str], ...]


class Call(NamedTuple):
    """What a provider must know of a request beside its subject.

    ``base`` is the SCIM base as the client sees it, without a trailing slash (``https://id.example/proxy/hr``).
    ``dialect`` is that of the technical user, or None for the system's own. ``if_match`` and ``if_none_match`` are the
    header values as sent. ``body_bytes`` is the most that a body may have.
    """

    base: str
    request_id: str = ""
    caller: str = ""
    if_match: str | None = None
    if_none_match: str | None = None
    dialect: Dialect | None = None
    body_bytes: int = 10_485_760

    @property
    def conditional(self) -> bool:
        """Whether the request depends on the version of the resource."""
        return self.if_match is not None or self.if_none_match is not None


@dataclass(slots=True)
class Answer:
    """``body`` is JSON in UTF-8 (``application/scim+json``), or None for none. ``sent`` is what whoever sends it made
    of it, so that an answer that is kept need not be made ready again."""

    status: int
    body: bytes | None = None
    location: str | None = None
    etag: str | None = None
    headers: Headers = ()
    sent: object = field(default=None, compare=False)
