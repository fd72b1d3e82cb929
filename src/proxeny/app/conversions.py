"""From settings to what each room wants to know; no room but this one sees the file's own shape."""

import hashlib
import ipaddress

import orjson
from pydantic import SecretStr

from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.provisioning.jobs.mail import MailSettings
from proxeny.scim.dialects import dialect_of
from proxeny.settings import CertificateMatch, Client, Issuer, Settings
from proxeny.store.secrets import hash_secret
from proxeny.web.auth.caller import CertificateRule, Secret, TechnicalUser
from proxeny.web.oauth.issuers import IssuerSettings
from proxeny.web.settings import RATE_PRESETS, Limits, LockOut, RateLimit, ServerSettings, TlsSettings, WebSettings

_ANY_ADDRESS = {"0.0.0.0": ("127.0.0.1", "::1"), "::": ("127.0.0.1", "::1")}  # noqa: S104  # compared, not bound


def web_settings(settings: Settings) -> WebSettings:
    server, limits = settings.server, settings.limits
    return WebSettings(
        public_url=server.public_url,
        trusted_proxies=server.trusted_proxies,
        certificate_header=server.certificate_header,
        metrics_open=settings.metrics.public,
        limits=web_limits(settings),
        rate_limit=rate_limit(settings),
        lock_out=LockOut(tries=limits.lock_out.tries, window=limits.lock_out.window, seconds=limits.lock_out.seconds),
        remember_seconds=limits.remember_seconds,
    )


def rate_limit(settings: Settings) -> RateLimit:
    rate = settings.limits.rate
    return RATE_PRESETS[rate.preset] if rate.preset else RateLimit(slow=rate.slow, refuse=rate.refuse)


def web_limits(settings: Settings) -> Limits:
    values = settings.limits.model_dump(exclude={"rate", "lock_out", "remember_seconds"})
    return Limits(**values)


def server_settings(settings: Settings) -> ServerSettings:
    server = settings.server
    tls = None
    if server.tls is not None:
        tls = TlsSettings(
            certificate=server.tls.certificate,
            key=server.tls.key,
            key_password=_plain(server.tls.key_password),
            client_ca=server.tls.client_ca,
            client_crl=server.tls.client_crl,
        )
    return ServerSettings(
        host=server.host, port=server.port, tls=tls, stop_seconds=server.stop_seconds, limits=web_limits(settings)
    )


def outbound_settings(settings: Settings) -> OutboundSettings:
    """The operator's rules; the gateway's own listeners are added, so that it never calls itself."""
    outbound, server = settings.outbound, settings.server
    return OutboundSettings(
        deny=tuple(map(str, outbound.deny)),
        allow=tuple(map(str, outbound.allow)),
        own_listeners=tuple((address, server.port) for address in _addresses(server.host)),
        proxy=outbound.proxy,
        ca_file=str(outbound.ca_file) if outbound.ca_file else None,
        connect_timeout=outbound.connect_seconds,
        total_timeout=outbound.total_seconds,
        max_answer_bytes=outbound.answer_bytes,
        connections_per_system=outbound.connections,
        retry_budget=outbound.retry_seconds,
        files=str(settings.systems.files),
    )


def issuers(settings: Settings) -> tuple[IssuerSettings, ...]:
    """The other issuers whose tokens are believed."""
    return tuple(
        IssuerSettings(
            url=issuer.url,
            audience=frozenset(issuer.audience),
            issuer=issuer.issuer,
            claims=issuer.claims,
            client=issuer.client,
            client_claims=issuer.client_claims,
            introspection=_introspection(issuer),
        )
        for issuer in settings.oauth.issuer
    )


def technical_user(client: Client) -> TechnicalUser:
    """A technical user of the file. Its secret is hashed, so that checking it takes as long as any other's."""
    secret = _plain(client.secret)
    described = orjson.dumps(client.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return TechnicalUser(
        id=client.id,
        permissions=frozenset(client.permissions),
        systems=frozenset(client.systems) or None,
        read_only=client.read_only,
        secrets=(Secret(hash_secret(secret)),) if secret else (),
        certificates=tuple(map(_rule, client.certificates)),
        dialect=None if client.dialect is None else dialect_of(*client.dialect),
        keys=client.jwk_set(),
        token_format=client.token_format,
        bind_tokens=client.bind_tokens,
        version=hashlib.sha256(described + (secret or "").encode()).hexdigest(),
    )


def mail_settings(settings: Settings) -> MailSettings | None:
    """The mail server, if there is one."""
    mail = settings.mail
    if mail.host is None:
        return None
    return MailSettings(mail.host, mail.port, mail.security, mail.user, _plain(mail.password), mail.sender)


def _introspection(issuer: Issuer) -> tuple[str, str] | None:
    secret = _plain(issuer.introspection_secret)
    return (issuer.introspection_id, secret) if issuer.introspection_id and secret else None


def _rule(match: CertificateMatch) -> CertificateRule:
    return CertificateRule(subject=match.subject, issuer=match.issuer, uri=match.uri, thumbprint=match.thumbprint)


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _addresses(host: str) -> tuple[str, ...]:
    """The addresses on which a host listens as far as they can be told without asking a name server."""
    if host in _ANY_ADDRESS:
        return _ANY_ADDRESS[host]
    try:
        return (str(ipaddress.ip_address(host.strip("[]"))),)
    except ValueError:
        return ("127.0.0.1", "::1") if host == "localhost" else ()
