"""Where a request came from and under which address the caller reached us, decided by the socket.

Forwarded headers are believed only when the socket's peer is one of the named proxies; from anyone else they are as if
absent. A configured public URL wins over everything that a request can say.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from cachetools import LRUCache
from starlette.types import Scope

from proxeny.web.settings import Network, WebSettings

Headers = dict[bytes, list[bytes]]

_HOST = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_KEPT = 4096
_PREFIX = re.compile(rb"(?:/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True)
class Origin:
    """``peer`` is the socket's other end; ``address`` the caller's, which differs only behind a named proxy;
    ``base`` is scheme, host and prefix as the caller sees them, without a trailing slash."""

    peer: str
    address: str
    base: str
    trusted: bool = False


class Origins:
    """Tells the origin of requests."""

    def __init__(self, settings: WebSettings) -> None:
        self._public_url = settings.public_url.rstrip("/") if settings.public_url else None
        self._proxies = settings.trusted_proxies
        self._trusted: LRUCache[str, bool] = LRUCache(4096)
        self._direct: dict[tuple[str, str, bytes | None], Origin] = {}

    def of(self, scope: Scope, headers: Headers) -> Origin:
        """The origin of one request; those that come straight to us are alike for all requests of a caller."""
        peer = (scope.get("client") or ("", 0))[0]
        if self._proxies and self.trusts(peer):
            return Origin(peer, self._caller(peer, headers), self._public_url or _forwarded(scope, headers), True)
        key = (peer, scope["scheme"], _one(headers, b"host"))
        known = self._direct.get(key)
        if known is None:
            if len(self._direct) >= _KEPT:
                self._direct.clear()
            known = self._direct[key] = Origin(peer, peer, self._public_url or _direct(scope, headers))
        return known

    def trusts(self, address: str) -> bool:
        """Whether the address is one of a named proxy; a Unix socket (no address) never is."""
        known = self._trusted.get(address)
        if known is None:
            known = self._trusted[address] = _within(address, self._proxies)
        return known

    def _caller(self, peer: str, headers: Headers) -> str:
        """The last address that no named proxy wrote about itself: those before it could have been made up."""
        named = [part.strip() for line in headers.get(b"x-forwarded-for", ()) for part in line.split(b",")]
        address = peer
        for part in reversed(named):
            candidate = _address(part)
            if candidate is None:
                break
            address = candidate
            if not self.trusts(candidate):
                break
        return address


def of_another_site(headers: Headers, base: str) -> bool:
    """Whether a browser says that a page of another site sent the request: by Fetch Metadata, or by an Origin that is
    not the address under which we are called. A browser adds a remembered password or a certificate by itself, and
    without a content type it asks nobody before; other programs send neither header."""
    if (site := headers.get(b"sec-fetch-site")) is not None:
        return site not in ([b"same-origin"], [b"none"])
    origin = headers.get(b"origin")
    return origin is not None and [one.lower() for one in origin] != [b"://".join(_site(base))]


def _site(base: str) -> tuple[bytes, bytes]:
    scheme, _, rest = base.lower().partition("://")
    return scheme.encode(), rest.partition("/")[0].encode()


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


def _address(text: bytes) -> str | None:
    plain = text.decode("ascii", "replace").strip('"')
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        return str(ip_address(plain))
    except ValueError:
        return None


def _direct(scope: Scope, headers: Headers) -> str:
    host = _one(headers, b"host")
    if host is None or not _HOST.fullmatch(host):
        return f"{scope['scheme']}://{_server(scope)}"
    return f"{scope['scheme']}://{host.decode()}"


def _forwarded(scope: Scope, headers: Headers) -> str:
    scheme = _first(headers, b"x-forwarded-proto")
    host = _first(headers, b"x-forwarded-host")
    prefix = _first(headers, b"x-forwarded-prefix") or b""
    shown_scheme = scheme.decode() if scheme in (b"http", b"https") else scope["scheme"]
    if host is None or not _HOST.fullmatch(host):
        base = f"{shown_scheme}://{_direct(scope, headers).partition('://')[2]}"
    else:
        base = f"{shown_scheme}://{host.decode()}"
    return base + (prefix.decode() if _PREFIX.fullmatch(prefix) else "")


def _one(headers: Headers, name: bytes) -> bytes | None:
    values = headers.get(name, ())
    return values[0] if len(values) == 1 else None


def _first(headers: Headers, name: bytes) -> bytes | None:
    """The value nearest to the caller, of a header to which each proxy may have added its own."""
    values = headers.get(name, ())
    return values[0].partition(b",")[0].strip() if values else None


def _server(scope: Scope) -> str:
    host, port = scope.get("server") or ("localhost", None)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
