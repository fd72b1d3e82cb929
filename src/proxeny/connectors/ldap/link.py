"""One connection to a server, signed in; calls run in threads, with time limits, and end when they are cancelled."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, Concatenate, ParamSpec, TypeVar

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

from proxeny.connectors.ldap.channel import Channel
from proxeny.connectors.ldap.failures import BROKEN, as_connector_error
from proxeny.connectors.ldap.layout import Layout

Raw = tuple[str, dict[str, list[bytes]]]
Lookup = tuple[str, int, str, tuple[str, ...]]
P = ParamSpec("P")
T = TypeVar("T")
SUBTREE, BASE = 2, 0
NOTHING = ("1.1",)
_WINDOW = 100


class Link:
    """``broken``: it must not be used again. One call at a time."""

    def __init__(self, channel: Channel, layout: Layout, threads: Executor) -> None:
        self.channel = channel
        self.broken = False
        self._threads = threads
        self.seconds = layout.timeout
        self._speaker: Any = SimpleLDAPObject(layout.url, fileno=channel.descriptor)
        self._speaker.protocol_version = 3
        self._speaker.set_option(ldap.OPT_REFERRALS, 0)
        self._speaker.set_option(ldap.OPT_TIMEOUT, layout.timeout)

    async def run(self, work: Callable[Concatenate["Link", P], T], *given: P.args, **named: P.kwargs) -> T:
        """``work`` in a thread, with this link as its first argument; errors are those of the port."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: work(self, *given, **named))
        except asyncio.CancelledError:
            self.cut()
            raise
        except ldap.LDAPError as error:
            if isinstance(error, BROKEN):
                self.cut()
            raise as_connector_error(error) from error

    def usable(self) -> bool:
        return not self.broken and self.channel.alive()

    def cut(self) -> None:
        self.broken = True
        self.channel.cut()

    def close(self) -> None:
        """Say goodbye if nobody is speaking; the library closes its end with its last reference."""
        if not self.broken:
            self._speaker.unbind_ext()
        self.broken = True
        self.channel.close()

    # -- what runs in threads -------------------------------------------------------------------------------------

    def sign_in(self, method: str, user: str, password: str) -> None:
        if method == "ExternalAuthentication":
            self._speaker.sasl_bind_s("", "EXTERNAL", "")
        elif method == "BasicAuthentication":
            self._answer(self._speaker.simple_bind(user, password))

    def page(
        self, base: str, filter_: str, attributes: Sequence[str], size: int, cookie: bytes, controls: Sequence[Any] = ()
    ) -> tuple[list[Raw], bytes]:
        """One page of a paged search (RFC 2696) and the cookie of the next one, empty after the last."""
        paging = SimplePagedResultsControl(True, size=size, cookie=cookie)
        number = self._speaker.search_ext(
            base, SUBTREE, filter_, list(attributes), serverctrls=[paging, *controls], timeout=self.seconds
        )
        _, found, _, answered = self._speaker.result3(number, 1, self.seconds)
        returned = [each for each in answered or () if each.controlType == SimplePagedResultsControl.controlType]
        return list(entries_of(found)), bytes(returned[0].cookie or b"") if returned else b""

    def find(self, lookup: Lookup, controls: Sequence[Any] = ()) -> list[Raw]:
        """The entries of one small search; an absent base is an empty answer."""
        base, scope, filter_, attributes = lookup
        number = self._speaker.search_ext(
            base, scope, filter_, list(attributes), serverctrls=list(controls), timeout=self.seconds
        )
        try:
            return list(entries_of(self._answer(number)))
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return []

    def find_many(self, lookups: Sequence[Lookup]) -> list[list[Raw]]:
        """The answers of many small searches, which are under way together: one round trip for a window of them."""
        answers: list[list[Raw]] = []
        for start in range(0, len(lookups), _WINDOW):
            window = lookups[start : start + _WINDOW]
            numbers = [self._speaker.search_ext(base, scope, text, list(names)) for base, scope, text, names in window]
            for number in numbers:
                try:
                    answers.append(list(entries_of(self._answer(number))))
                except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
                    answers.append([])
        return answers

    def add(self, dn: str, attributes: Sequence[tuple[str, list[bytes]]]) -> None:
        self._answer(self._speaker.add_ext(dn, list(attributes)))

    def modify(self, dn: str, changes: Sequence[tuple[int, str, list[bytes] | None]], controls: Sequence[Any]) -> None:
        self._answer(self._speaker.modify_ext(dn, list(changes), serverctrls=list(controls)))

    def rename(self, dn: str, rdn: str, parent: str | None, controls: Sequence[Any] = ()) -> None:
        self._answer(self._speaker.rename(dn, rdn, parent, 1, serverctrls=list(controls)))

    def set_password(self, dn: str, password: str) -> None:
        """The Password Modify operation (RFC 3062): the server hashes by its own rules."""
        self._speaker.passwd_s(dn, None, password)

    def remove(self, dn: str, controls: Sequence[Any]) -> None:
        self._answer(self._speaker.delete_ext(dn, serverctrls=list(controls)))

    def messages(self, base: str, filter_: str, attributes: Sequence[str], control: Any) -> Iterator[tuple[Any, ...]]:
        """Every message of a search as it comes: (type, entries with their controls, controls of the result)."""
        number = self._speaker.search_ext(base, SUBTREE, filter_, list(attributes), serverctrls=[control])
        until = time.monotonic() + self.seconds
        while True:
            kind, found, _, controls, name, value = self._speaker.result4(
                number, 0, self.seconds, add_ctrls=1, add_intermediates=1
            )
            until = time.monotonic() + self.seconds if found else until
            if time.monotonic() > until:
                raise ldap.TIMEOUT({"desc": "no progress"})
            yield kind, found, controls, name, value
            if kind == ldap.RES_SEARCH_RESULT:
                return

    def _answer(self, number: int) -> Any:
        return self._speaker.result3(number, 1, self.seconds)[1]


def entries_of(found: Sequence[Any] | None) -> Iterator[Raw]:
    """The entries of an answer, without the references to other servers that may stand among them."""
    for each in found or ():
        if each[0] is not None:
            yield each[0], each[1]
