"""Versions of resources in HTTP (RFC 7644 §3.14, RFC 9110 §13): weak ETags, If-Match and If-None-Match."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from proxeny.scim.errors import InvalidVersionError, PreconditionFailedError

_TAG = re.compile(r"""\s*(?:W\\?/)?\\?"([^"]*?)\\?"\s*(?:,|\Z)""")
_ANY = "*"
_PLAIN = "!#$&'()*+,/:;<=>?@[]^`{|}"


def etag(version: str) -> str:
    """The ETag of a version: weak, as equal versions mean equal content, not equal bytes; odd characters escaped."""
    if version.isascii() and version.isalnum():
        return f'W/"{version}"'
    return f'W/"{quote(version, safe=_PLAIN)}"'


def opaque(version: str) -> str:
    """The version that a backend's own ETag names, so that it is not shown inside another one; any other version is as
    it is. Weak comparison ignores the rest (RFC 9110 §8.8.3.2)."""
    if not version.endswith('"'):
        return version
    match = _TAG.fullmatch(version)
    return match[1] if match is not None else version


def versions(header: str | None) -> frozenset[str] | None:
    """The versions that a header names, ``{"*"}`` for any, or None without a header; InvalidVersionError if unreadable.

    A header that is there and empty names no version, which no resource has (RFC 9110 §13.1.1): a client that lost the
    version it meant to send must not overwrite whatever there is. The form ``W\\/"…"`` of the RFC's own examples is
    read too, and a bare version without quotation marks.
    """
    if header is None:
        return None
    text = header.strip()
    if text == _ANY:
        return frozenset((_ANY,))
    if '"' not in text:
        return frozenset(unquote(part.strip()) for part in text.split(",") if part.strip())
    found, position = [], 0
    while position < len(text):
        match = _TAG.match(text, position)
        if match is None:
            raise InvalidVersionError(f"{text[:80]!r} is not a list of ETags; send what the ETag header said.")
        found.append(unquote(match[1]))
        position = match.end()
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a request says about the version that it expects."""

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    @classmethod
    def of(cls, if_match: str | None, if_none_match: str | None) -> "Preconditions":
        """From the two headers; InvalidVersionError if one cannot be read."""
        return cls(versions(if_match), versions(if_none_match))

    @property
    def is_empty(self) -> bool:
        """Whether the request says nothing, so that no version need be known."""
        return self.match is None and self.none_match is None

    def decide(self, current: str | None, *, reading: bool) -> Literal["proceed", "not-modified"]:
        """What to do, given the resource's version (None: there is no resource, or it has no version).

        ``reading`` (GET, HEAD): a version that the client has already is "not-modified". Otherwise
        PreconditionFailedError. Comparison is weak for both headers, for there are only weak ETags.
        """
        if self.match is not None and not _names(self.match, current):
            raise PreconditionFailedError(
                "The resource has another version than If-Match says, so nothing was done; read it again and retry."
            )
        if self.none_match is not None and _names(self.none_match, current):
            if reading:
                return "not-modified"
            raise PreconditionFailedError("The resource has a version that If-None-Match excludes; nothing was done.")
        return "proceed"


def _names(given: frozenset[str], current: str | None) -> bool:
    return current is not None and (_ANY in given or current in given)
