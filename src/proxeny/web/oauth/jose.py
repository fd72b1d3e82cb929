"""Signed tokens, read strictly (RFC 7515, RFC 8725): asymmetric algorithms only, no key or address out of the token.

Whoever verifies brings the keys; ``kid`` chooses among them, and nothing in a header can bring another.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from proxeny.web.errors import InvalidTokenError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
LONGEST = 16 * 1024

_FORBIDDEN = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"})
_HEADER = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256", "cty", "nonce", "rh"})
_SKEW = 60

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class Opened:
    """A token whose signature was not looked at yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def open_unverified(token: str) -> Opened:
    """Header and claims, to choose who verifies; raises InvalidTokenError for what nobody needs to verify."""
    if len(token) > LONGEST:
        raise InvalidTokenError("token is too long")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts[:2]):
        raise InvalidTokenError("token is not a signed JWT")
    try:
        header, claims = (orjson.loads(urlsafe_b64decode(part.encode())) for part in parts[:2])
    except (ValueError, UnicodeError):
        raise InvalidTokenError("token cannot be decoded") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise InvalidTokenError("token cannot be decoded")
    _check_header(header)
    return Opened(header, claims)


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("alg") not in ALGORITHMS:
        raise InvalidTokenError("token algorithm is not allowed")
    if header.keys() & _FORBIDDEN:
        raise InvalidTokenError("token header holds a key, an address or crit")
    if header.keys() - _HEADER or not isinstance(header.get("kid", ""), str):
        raise InvalidTokenError("token header is not understood")


def verify(token: str, header: Mapping[str, Any], keys: Mapping[str, PublicKey]) -> dict[str, Any]:
    """The claims, once the signature holds under the key of the token's ``kid`` (or the only key there is)."""
    kid = header.get("kid")
    key = keys.get(kid) if kid is not None else (next(iter(keys.values())) if len(keys) == 1 else None)
    if key is None:
        raise InvalidTokenError("token key is unknown")
    try:
        return dict(jwt.decode(token, key, algorithms=[header["alg"]]).claims)
    except (JoseError, ValueError, TypeError):
        raise InvalidTokenError("token signature does not hold") from None


def check_times(claims: Mapping[str, Any], *, now: float | None = None) -> float:
    """When the token ends; raises InvalidTokenError if that is over, unsaid, or the token is not yet to be used."""
    moment = time.time() if now is None else now
    expires = _number(claims.get("exp"))
    if expires is None:
        raise InvalidTokenError("token says no end")
    if expires <= moment:
        raise InvalidTokenError("token has expired")
    for name in ("nbf", "iat"):
        start = _number(claims.get(name, 0))
        if start is None or start > moment + _SKEW:
            raise InvalidTokenError("token is not yet valid")
    return expires


def check_audience(claims: Mapping[str, Any], accepted: frozenset[str]) -> None:
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if not any(isinstance(one, str) and one in accepted for one in audiences):
        raise InvalidTokenError("token is for another audience")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def public_keys(document: Any) -> dict[str, PublicKey]:
    """The signature keys of a JWK Set by ``kid``; symmetric keys, encryption keys and what is not understood are left
    out. Raises InvalidTokenError if it is no JWK Set."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidTokenError("not a JWK Set")
    found: dict[str, PublicKey] = {}
    for number, entry in enumerate(entries):
        key = _public_key(entry)
        if key is not None:
            found[str(entry.get("kid", f"#{number}"))] = key
    return found


def _public_key(entry: Any) -> PublicKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        (key,) = KeySet.import_key_set({"keys": [entry]}).keys
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
