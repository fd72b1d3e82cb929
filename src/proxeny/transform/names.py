"""Attribute paths as SCIM writes them (``emails.value``, ``urn:…:User:manager.value``) as tuples of names.

Names compare without regard to case, as SCIM wants it. An index or a filter in brackets is left out: a question about
an
attribute means any of its elements (decision 10).
"""

import re
from collections.abc import Iterable

from proxeny.transform.shapes import Names

_BRACKETS = re.compile(r"\[[^\]]*\]")
_CORE = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:[A-Za-z]+:", re.IGNORECASE)


def folded(names: Names) -> Names:
    """The names for comparison."""
    return tuple(name.casefold() for name in names)


def attribute_names(path: str | Names, extensions: Iterable[str] = ()) -> Names:
    """The names of an attribute path as it spells them. ``extensions`` are the top-level names with colons that are
    known, to
    tell where a URN ends; of an unknown one the last colon ends it."""
    if not isinstance(path, str):
        return path
    text = _CORE.sub("", _BRACKETS.sub("", path), count=1)
    lower = text.lower()
    if not lower.startswith("urn:"):
        return tuple(text.split("."))
    known = [urn for urn in map(str.lower, extensions) if lower == urn or lower.startswith((urn + ":", urn + "."))]
    size = len(max(known, key=len)) if known else text.rfind(":")
    rest = text[size + 1 :]
    return (text[:size], *rest.split(".")) if rest else (text[:size],)


def within(inner: Names, outer: Names) -> bool:
    """Whether ``inner`` is ``outer`` or stands below it."""
    return inner[: len(outer)] == outer


def overlap(one: Names, other: Names) -> bool:
    return within(one, other) or within(other, one)
