"""Which addresses the gateway may connect to, decided at the socket, after names are resolved.

Link-local and metadata addresses are how a URL in a system's properties reaches into the machine that runs the
gateway; an address hidden in another notation (IPv4 in IPv6, NAT64, 6to4) is looked at in both forms.
"""

import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.outbound.settings import OutboundSettings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "100.100.100.200/32",
        "fd00:ec2::254/128",
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
        "255.255.255.255/32",
    )
)
"""Link-local, metadata services, unspecified (it means this machine), multicast and broadcast."""

MARK = "outbound rules"
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")


class Guard:
    """The rules of one gateway; immutable and cheap to ask."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._deny = (*REFUSED, *_networks(settings.deny, "deny"))
        self._allow = _networks(settings.allow, "allow")
        self._own = frozenset((_numeric(host), port) for host, port in settings.own_listeners)

    def reason(self, address: str, port: int) -> str | None:
        """Why this address is refused, or None. ``address`` is numeric; an IPv6 zone is ignored."""
        try:
            forms = tuple(_forms(ip_address(address.split("%")[0])))
        except ValueError:
            return f"{address!r} is no address"
        own = next((form for form in forms if self._is_own(form, port)), None)
        if own is not None:
            return f"{own} port {port} is this gateway itself"
        if any(form in network for form in forms for network in self._allow if form.version == network.version):
            return None
        for form in forms:
            for network in self._deny:
                if form.version == network.version and form in network:
                    return f"{form} lies in {network}"
        return None

    def check(self, address: str, port: int) -> None:
        """PermissionError if the address is refused: the form in which a refusal leaves a socket factory."""
        reason = self.reason(address, port)
        if reason:
            raise PermissionError(f"refused by the {MARK}: {reason}")

    def open_socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """A socket for one resolved address (as ``socket.getaddrinfo`` gives it), if the rules allow that address."""
        family, kind, protocol, _, target = info
        self.check(str(target[0]), int(str(target[1])))
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def _is_own(self, form: Address, port: int) -> bool:
        if (str(form), port) in self._own:
            return True
        local = form.is_loopback or form.is_unspecified
        wildcard = ("0.0.0.0", port) in self._own or ("::", port) in self._own  # noqa: S104  # compared, not bound
        loopback = local and any(owned == port and _is_local(host) for host, owned in self._own)
        return loopback or (wildcard and local)


def _forms(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that its notation carries."""
    yield address
    if isinstance(address, IPv6Address):
        for carried in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())):
            if carried is not None:
                yield carried
        if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
            yield IPv4Address(int(address) & 0xFFFFFFFF)


def _networks(texts: Iterable[str], which: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise PropertyError(f"[outbound] {which}: {error}; write networks as 10.0.0.0/8 or 2001:db8::/32.") from error


def _numeric(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
