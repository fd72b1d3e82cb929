"""The endpoints: token (RFC 6749 §4.4), metadata (RFC 8414), keys, introspection (RFC 7662), revocation (RFC 7009)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from proxeny.web.auth.caller import TechnicalUser
from proxeny.web.auth.forwarded import presented
from proxeny.web.auth.remembered import Remembered
from proxeny.web.errors import (
    InvalidScopeError,
    InvalidTargetError,
    InvalidTokenError,
    OAuthError,
    UnsupportedGrantTypeError,
)
from proxeny.web.oauth.clients import METHODS, Asking, ClientAuthentication
from proxeny.web.oauth.jose import ALGORITHMS
from proxeny.web.oauth.tokens import Tokens
from proxeny.web.request import Operation, Request, Route
from proxeny.web.responses import Response, document

_FORM = b"application/x-www-form-urlencoded"
_FIELDS = 30
_LONGEST = 64 * 1024
_PUBLIC = b"public, max-age=300"
_TOLD = ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "cnf")


@dataclass(frozen=True, slots=True)
class OAuthEndpoints:
    clients: ClientAuthentication
    tokens: Tokens
    remembered: Remembered

    def routes(self) -> Iterator[Route]:
        """Each authenticates by itself: errors are those of OAuth."""
        for path, method, handler in (
            ("/oauth2/token", "POST", self.token),
            ("/oauth2/introspect", "POST", self.introspect),
            ("/oauth2/revoke", "POST", self.revoke),
            ("/oauth2/jwks", "GET", self.jwks),
            ("/.well-known/oauth-authorization-server", "GET", self.metadata),
        ):
            yield Route(path, "oauth", {method: Operation(handler, None, own_authentication=method == "POST")})

    async def token(self, request: Request) -> Response:
        form = await _form(request)
        grant_type = form.get("grant_type")
        if grant_type is None:
            raise OAuthError("grant_type is missing.")
        asking = _asking(request, form)
        user = await self._user(request, asking)
        if grant_type != "client_credentials":
            raise UnsupportedGrantTypeError("Only the grant client_credentials is offered.")
        if form.get("resource", request.origin.base).rstrip("/") != request.origin.base:
            raise InvalidTargetError("Tokens are given for this gateway only.")
        thumbprint = asking.presented.certificate.thumbprint if asking.presented else None
        if user.bind_tokens and thumbprint is None:
            raise OAuthError("Tokens of this client are bound to its certificate: use it for this request.")
        issued = await self.tokens.issue(
            user,
            issuer=request.origin.base,
            scope=_scope(form.get("scope"), user),
            opaque=_is_opaque(form.get("token_format"), user),
            thumbprint=thumbprint if user.bind_tokens else None,
        )
        return document(
            {
                "access_token": issued.token,
                "token_type": "Bearer",
                "expires_in": self.tokens.lifetime,
                "scope": issued.claims["scope"],
            }
        )

    async def introspect(self, request: Request) -> Response:
        """What a client may know of its own tokens; administrators of clients, of all."""
        form = await _form(request)
        user = await self._user(request, _asking(request, form))
        claims = await self._claims(form, request, user)
        if claims is None:
            return document({"active": False})
        told = {name: claims[name] for name in _TOLD if name in claims}
        return document({"active": True, "token_type": "Bearer", **told})

    async def revoke(self, request: Request) -> Response:
        """200 also for a token that is unknown or another client's: nothing is told by the difference."""
        form = await _form(request)
        user = await self._user(request, _asking(request, form))
        claims = await self._claims(form, request, user)
        if claims is not None:
            await self.tokens.revoke(claims)
            self.remembered.forget_id(str(claims["jti"]))
        return Response(200)

    async def _user(self, request: Request, asking: Asking) -> TechnicalUser:
        user = await self.clients.user(asking)
        request.caller = user.caller("basic")  # for the log
        return user

    async def _claims(self, form: Mapping[str, str], request: Request, user: TechnicalUser) -> Mapping[str, Any] | None:
        if "token" not in form:
            raise OAuthError("token is missing.")
        try:
            claims = await self.tokens.claims(form["token"], request.origin.base)
        except InvalidTokenError:
            return None
        mine = claims.get("client_id") == user.id or user.permissions & {"admin", "admin.clients"}
        return claims if mine else None

    async def jwks(self, request: Request) -> Response:
        response = document(await self.tokens.keys.document())
        response.cache = _PUBLIC
        return response

    async def metadata(self, request: Request) -> Response:
        base = request.origin.base
        response = document(
            {
                "issuer": base,
                "token_endpoint": f"{base}/oauth2/token",
                "jwks_uri": f"{base}/oauth2/jwks",
                "introspection_endpoint": f"{base}/oauth2/introspect",
                "revocation_endpoint": f"{base}/oauth2/revoke",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "token_endpoint_auth_methods_supported": METHODS,
                "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
                "introspection_endpoint_auth_methods_supported": METHODS,
                "revocation_endpoint_auth_methods_supported": METHODS,
                "tls_client_certificate_bound_access_tokens": True,
            }
        )
        response.cache = _PUBLIC
        return response


def _asking(request: Request, form: Mapping[str, str]) -> Asking:
    base = request.origin.base
    return Asking(
        form=form,
        authorization=request.headers.get(b"authorization"),
        presented=presented(
            request.scope, request.headers, request.settings.certificate_header, trusted=request.origin.trusted
        ),
        address=request.origin.address,
        audiences=frozenset({base, f"{base}/oauth2/token"}),
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of the form; each at most once (RFC 6749 §3.2), empty ones as if absent."""
    content_type = (request.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if content_type != _FORM:
        raise OAuthError(f"The body must be {_FORM.decode()}.")
    body = await request.body()
    if len(body) > _LONGEST:
        raise OAuthError(f"The form is longer than {_LONGEST} bytes.")
    try:
        fields = parse_qsl(body.decode("utf-8"), errors="strict", max_num_fields=_FIELDS)
    except ValueError:
        raise OAuthError("The form cannot be read.") from None
    form = dict(fields)
    if len(form) != len(fields):
        raise OAuthError("A field of the form came twice.")
    return form


def _scope(asked: str | None, user: TechnicalUser) -> str:
    """The permissions that the token carries: all of the user's, or those asked for."""
    if asked is None:
        return " ".join(sorted(user.permissions))
    wanted = set(asked.split())
    if not wanted <= user.permissions:
        raise InvalidScopeError("The client does not hold every permission that scope names.", client=user.id)
    return " ".join(sorted(wanted))


def _is_opaque(asked: str | None, user: TechnicalUser) -> bool:
    if asked not in (None, "jwt", "opaque"):
        raise OAuthError("token_format is jwt or opaque.")
    return (asked or user.token_format) == "opaque"
