"""Who asks at the token endpoint: the five ways of RFC 6749 §2.3, RFC 8705 §2 and RFC 7523 §2.2, one in a request."""

import base64
import binascii
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from proxeny.scim.errors import TooManyRequestsError
from proxeny.web.auth.basic import SecretChecker
from proxeny.web.auth.caller import ClientSource, TechnicalUser
from proxeny.web.auth.certificate import CertificateUsers, Presented
from proxeny.web.auth.lockout import LockOuts
from proxeny.web.errors import InvalidClientError, InvalidTokenError, NotAuthenticatedError, OAuthError, SlowDownError
from proxeny.web.oauth import jose
from proxeny.web.oauth.ports import TokenStore

METHODS = (
    "client_secret_basic",
    "client_secret_post",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "private_key_jwt",
)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_LONGEST_ID = 256
_ASSERTION_LIFETIME = 3660  # an hour, as common libraries make them, and their clock


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request to the token endpoint brings to show who asks. ``audiences``: what an assertion may be for."""

    form: Mapping[str, str]
    authorization: list[bytes] | None
    presented: Presented | None
    address: str
    audiences: frozenset[str]


class ClientAuthentication:
    def __init__(
        self,
        source: ClientSource,
        checker: SecretChecker,
        certificates: CertificateUsers,
        store: TokenStore,
        lock_outs: LockOuts,
    ) -> None:
        self._source = source
        self._checker = checker
        self._certificates = certificates
        self._store = store
        self._lock_outs = lock_outs

    async def user(self, asking: Asking) -> TechnicalUser:
        """Who asks; raises InvalidClientError, SlowDownError, or OAuthError for two ways at once."""
        form = asking.form
        ways = [asking.authorization is not None, "client_secret" in form, "client_assertion" in form]
        if sum(ways) > 1:
            raise OAuthError("Use one way of client authentication, not several.")
        try:
            user = await self._by(asking)
        except NotAuthenticatedError as error:
            raise InvalidClientError(error.reason, client=error.client, locks=error.locks) from None
        except TooManyRequestsError as error:
            seconds = int(dict(error.headers).get("Retry-After", "1"))
            raise SlowDownError(seconds, client=form.get("client_id", "")) from None
        if form.get("client_id", user.id) != user.id:
            raise InvalidClientError("client_id is not who authenticated", client=user.id)
        return user

    async def _by(self, asking: Asking) -> TechnicalUser:
        form = asking.form
        if asking.authorization is not None:
            client_id, secret = _pair(asking.authorization)
            return (await self._checker.check(client_id, secret, asking.address))[0]
        if "client_secret" in form:
            return (await self._checker.check(form.get("client_id", ""), form["client_secret"], asking.address))[0]
        if "client_assertion" in form:
            return await self._by_assertion(asking)
        if asking.presented is None:
            raise InvalidClientError("no credentials", client=form.get("client_id", ""))
        if "client_id" not in form:
            raise OAuthError("With a client certificate, client_id is required.")
        return await self._certificates.find(asking.presented.certificate)

    async def _by_assertion(self, asking: Asking) -> TechnicalUser:
        """RFC 7523 §3: signed by a registered key, for us, short-lived, and never seen before."""
        if asking.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError(f"client_assertion_type must be {ASSERTION_TYPE}.")
        token = asking.form["client_assertion"]
        client_id = ""
        try:
            opened = jose.open_unverified(token)
            client_id = str(opened.claims.get("sub", ""))
            if wait := self._lock_outs.remaining(asking.address, client_id[:_LONGEST_ID]):
                raise SlowDownError(wait, client=client_id)
            user = await self._source.find(client_id)
            if user is None or not user.enabled or not user.keys:
                raise InvalidTokenError("assertion is of an unknown client or one without keys")
            claims = jose.verify(token, opened.header, jose.public_keys(user.keys))
            await self._check_assertion(claims, asking.audiences)
        except InvalidTokenError as error:
            locked = self._lock_outs.failed(asking.address, client_id[:_LONGEST_ID])
            raise InvalidClientError(str(error), client=client_id, locks=locked) from None
        return user

    async def _check_assertion(self, claims: Mapping[str, Any], audiences: frozenset[str]) -> None:
        if claims.get("iss") != claims.get("sub"):
            raise InvalidTokenError("assertion has another issuer than subject")
        jose.check_audience(claims, audiences)
        expires = jose.check_times(claims)
        if expires > time.time() + _ASSERTION_LIFETIME:
            raise InvalidTokenError("assertion lives too long")
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not 0 < len(token_id) <= 256:
            raise InvalidTokenError("assertion has no jti")
        if not await self._store.use_once(f"{claims['sub']} {token_id}", expires):
            raise InvalidTokenError("assertion was used before")


def _pair(authorization: list[bytes]) -> tuple[str, str]:
    """Id and secret of client_secret_basic. RFC 6749 §2.3.1 has both form-encoded; most clients send them plain, so
    only what holds a percent-encoded byte is decoded."""
    if len(authorization) > 1:
        raise OAuthError("The Authorization header came twice.")
    scheme, _, rest = authorization[0].strip().partition(b" ")
    if scheme.lower() != b"basic":
        raise InvalidClientError("unknown authentication scheme")
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidClientError("Basic: the credentials are not base64 of UTF-8") from None
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise InvalidClientError("Basic: the credentials are not id:secret")
    return _plain(client_id), _plain(secret)


def _plain(text: str) -> str:
    return unquote_plus(text) if _ENCODED.search(text) else text
