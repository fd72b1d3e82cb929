"""How a token is asked for: client credentials, and the flows of systems that have one of their own.

A grant says which requests may give a token, in the order in which they are tried, and keeps what an answer brings
that the next request needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.outbound.auth import Headers, basic
from proxeny.connectors.properties import PropertyValues
from proxeny.documents import Document

TokenRequest = tuple[dict[str, str], Headers]
"""Form and headers."""

_FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
REFRESH = "concur.refresh.token"


class Keeper(Protocol):
    """Where secrets stay that a backend gave: encrypted, and out of everybody's reach but this one place's."""

    async def get(self, system: str, name: str) -> str | None: ...

    async def put(self, system: str, name: str, secret: str) -> None: ...


class Memory:
    """A Keeper that forgets at the end of the process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    async def get(self, system: str, name: str) -> str | None:
        return self._kept.get((system, name))

    async def put(self, system: str, name: str, secret: str) -> None:
        self._kept[system, name] = secret


class Grant(Protocol):
    """One system's way to a token at ``url``."""

    @property
    def url(self) -> str: ...

    async def requests(self) -> Sequence[TokenRequest]:
        """What may be asked, the best first; the next one is for when an issuer refuses."""
        ...

    async def answered(self, answer: Document) -> None:
        """The issuer's answer that held a token."""
        ...


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth client credentials (RFC 6749 §4.4, §2.3.1; RFC 8705 with a certificate in place of a secret)."""

    values: PropertyValues

    @property
    def url(self) -> str:
        return self.values.text("OAuth2TokenServiceURL")

    async def requests(self) -> Sequence[TokenRequest]:
        return (token_request(self.values),)

    async def answered(self, answer: Document) -> None:
        """Nothing to keep."""


@dataclass(frozen=True, slots=True)
class ConcurGrant:
    """SAP Concur: a company request token, good for a day, gives the first refresh token; each token request gives the
    next one, good for six months. The newest is kept; one that the administrator gave counts until there is one.
    """

    values: PropertyValues
    system: str
    keeper: Keeper

    @property
    def url(self) -> str:
        parts = urlsplit(self.values.text("URL"))
        return self.values.text("OAuth2TokenServiceURL") or f"{parts.scheme}://{parts.netloc}/oauth2/v0/token"

    @property
    def _name(self) -> str:
        """A token is for one issuer and client: when an address changes, it is not sent to the new one."""
        return f"{REFRESH} {self.values.text('User')} {self.url}"

    async def requests(self) -> Sequence[TokenRequest]:
        kept = await self.keeper.get(self.system, self._name)
        client = {"client_id": self.values.text("User"), "client_secret": self.values.text("Password")}
        tokens = dict.fromkeys(token for token in (kept, self.values.text(REFRESH)) if token)
        asked = [{**client, "grant_type": "refresh_token", "refresh_token": token} for token in tokens]
        code, company = self.values.text("concur.authorization.code"), self.values.text("concur.company.id")
        if code and company:
            whole = {"grant_type": "password", "username": company, "password": code, "credtype": "authtoken"}
            asked.append({**client, **whole})
        if not asked:
            raise PropertyError(
                "There is no token to sign in with: give the property concur.authorization.code a new company request "
                "token, and concur.company.id the company's UUID."
            )
        return [(form, dict(_FORM)) for form in asked]

    async def answered(self, answer: Document) -> None:
        token = answer.get("refresh_token")
        if isinstance(token, str) and token:
            await self.keeper.put(self.system, self._name, token)


GRANTS: Mapping[str, Callable[[PropertyValues, str, Keeper], Grant]] = {"concur": ConcurGrant}
"""By the quirk ``grant`` of the system type."""


def grant_of(name: str, values: PropertyValues, system: str, keeper: Keeper) -> Grant | None:
    """The grant of a system; None if it signs in without a token."""
    if name:
        return GRANTS[name](values, system, keeper)
    return ClientCredentials(values) if values.text("OAuth2TokenServiceURL") else None


def token_request(values: PropertyValues) -> TokenRequest:
    """Form and headers of a client credentials request."""
    form = {"grant_type": "client_credentials"}
    if values.text("OAuth2TokenScope"):
        form["scope"] = values.text("OAuth2TokenScope")
    if values.text("aad.oauth2.resource.name"):
        form["resource"] = values.text("aad.oauth2.resource.name")
    headers = dict(_FORM)
    client = values.text("client_id") or values.text("User")
    secret = values.text("Password")
    if not secret:
        form["client_id"] = client
    elif values.text("AuthType", "Basic") == "Form":
        form |= {"client_id": client, "client_secret": secret}
    else:
        headers["Authorization"] = basic(client, secret)
    return form, headers
