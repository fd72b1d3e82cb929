"""Bodies of requests: read within limits of size and time, and parsed as the JSON that SCIM speaks.

What is refused, and why: more nesting than any resource has, integers beyond 64 bits (they would silently lose digits),
NaN and lone surrogates (no JSON, no UTF-8), other encodings, and objects with a key twice, of which one value would be
dropped unseen (RFC 8259 §4).
"""

import asyncio
import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import orjson
from starlette.types import Receive

from proxeny.scim.errors import InvalidSyntaxError, PayloadTooLargeError, UnsupportedMediaTypeError
from proxeny.web.errors import RequestTimeoutError
from proxeny.web.settings import Limits

_MEDIA_TYPES = frozenset({b"application/scim+json", b"application/json", b"text/json"})
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b'"[]{}')))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CHUNK = 16_384
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_STRING_OR_INTEGER = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+', re.DOTALL)
_KEY_APART = re.compile(rb'"[ \t\r\n]+:')
_INTEGERS = range(-(2**63), 2**64)


def check_media_type(content_type: bytes | None, content_encoding: bytes | None) -> None:
    """Raises UnsupportedMediaTypeError unless the body is JSON in UTF-8 (or does not say what it is)."""
    if content_encoding and content_encoding.strip().lower() != b"identity":
        raise UnsupportedMediaTypeError("The body is compressed, which is not supported. Send it as it is.")
    if not content_type:
        return
    media_type, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    if media_type not in _MEDIA_TYPES and not (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    ):
        raise UnsupportedMediaTypeError(
            "The body must be JSON. Send it with Content-Type application/scim+json or application/json."
        )
    for parameter in parameters:
        if parameter.startswith(b"charset=") and parameter[8:].strip(b'"') not in (b"utf-8", b"utf8", b"us-ascii"):
            raise UnsupportedMediaTypeError("The body must be encoded in UTF-8.")


async def read_body(receive: Receive, declared: bytes | None, limits: Limits) -> bytes:
    """The whole body; raises PayloadTooLargeError, before reading it if its length was declared."""
    if declared is not None and (not declared.isdigit() or int(declared[:20]) > limits.body_bytes):
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _collect(receive, limits)
    except TimeoutError:
        raise RequestTimeoutError("The body did not arrive in time; nothing was changed. Send it again.") from None


async def _collect(receive: Receive, limits: Limits) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return _within(body, limits)
    chunks = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limits.body_bytes:
            raise _too_large(limits)
    return b"".join(chunks)


def _within(body: bytes, limits: Limits) -> bytes:
    if len(body) > limits.body_bytes:
        raise _too_large(limits)
    return body


def _too_large(limits: Limits) -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The body is larger than {limits.body_bytes} bytes; nothing was changed. Send less.")


def parse_json(body: bytes, depth: int) -> Any:
    """The JSON value; raises InvalidSyntaxError with what is wrong and where, never repeating the text itself."""
    if not body.strip():
        raise InvalidSyntaxError("The request needs a JSON body, and has none.")
    check_depth(body, depth)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidSyntaxError(f"The body is not valid JSON in UTF-8: {error}") from None
    check_integers(body)
    check_keys(body, value)
    return value


def check_keys(body: bytes, value: Any) -> None:
    """Refuses a key that stands twice in one object. ``value`` is what was read from the body.

    If no quote and its colon stand apart, there are as many ``":`` as keys at least; so if no more keys were read, each
    stands once. Any other body (a string that holds ``":`` itself) is read again, slowly, with all its keys.
    """
    if b"{" in body and (_KEY_APART.search(body) or body.count(b'":') != _keys(value)):
        json.loads(body, object_pairs_hook=_distinct)


def _keys(value: Any) -> int:
    """How many keys there are, at any depth."""
    found, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            found += len(one)
            one = one.values()
        elif type(one) is not list:
            continue
        waiting += [inner for inner in one if type(inner) is dict or type(inner) is list]
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    """What becomes of the object does not matter, only that no key of it stands twice."""
    seen = set[str]()
    for key, _ in pairs:
        if key in seen:
            raise InvalidSyntaxError(f"The body has the key {key[:60]!r} twice in one object. Send it once.")
        seen.add(key)


def check_depth(body: bytes, limit: int) -> None:
    """Refuses deeper nesting before anything is parsed, in linear time whatever the body."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return
    brackets = _brackets(body)
    depth = 0
    for start in range(0, len(brackets), _CHUNK):
        depths = list(accumulate(map(_STEPS.__getitem__, brackets[start : start + _CHUNK]), initial=depth))
        if max(depths) > limit:
            raise InvalidSyntaxError(f"The body is nested deeper than {limit} levels.")
        depth = depths[-1]


def _brackets(body: bytes) -> bytes:
    """Brackets outside of strings, in order. Neighbouring quotes are taken out first: no bracket stands between them,
    so what is inside of a string stays inside."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    pieces: Sequence[bytes] = body.translate(None, _NOT_BRACKETS).replace(b'""', b"").split(b'"')
    return b"".join(pieces[::2])


def check_integers(body: bytes) -> None:
    """Refuses integers that 64 bits cannot hold; nearly every body is cleared by one look for 19 digits in a row.

    ``body`` is valid JSON: each string ends, so each byte is looked at once. Of one that does not end, every quote
    inside would be tried as the beginning of another.
    """
    if _LONG_NUMBER not in body.translate(_DIGITS_ALIKE):
        return
    for hit in _STRING_OR_INTEGER.finditer(body):
        text = hit[0]
        if len(text) >= 19 and text.lstrip(b"-").isdigit() and (len(text) > 25 or int(text) not in _INTEGERS):
            raise InvalidSyntaxError("The body holds an integer that does not fit into 64 bits. Send it as a string.")
