"""The print of a document: enough to see whether it changed since it was sent, and which attributes did.

Text: a digest of the whole, then a short sum for each attribute. No value can be read from it.
"""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import orjson

from proxeny.documents import Document, fingerprint

_DIGEST = 32


def same(known: str | None, document: Document) -> bool:
    """Whether the document is the one of which ``known`` is the print."""
    return known is not None and known[:_DIGEST] == fingerprint(document)


def print_of(document: Document) -> str:
    sums = " ".join(f"{name}={crc32(_bytes(value)):08x}" for name, value in _attributes(document))
    return f"{fingerprint(document)} {sums}"


def changed(known: str | None, document: Document) -> tuple[str, ...]:
    """Names of the attributes that differ, sorted; all of them if nothing is known."""
    before = _sums(known)
    after = {name: f"{crc32(_bytes(value)):08x}" for name, value in _attributes(document)}
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def _attributes(document: Document) -> Iterator[tuple[str, Any]]:
    """Top-level attributes, those of an extension one by one (``urn:…:User:department``)."""
    for name, value in document.items():
        if ":" in name and isinstance(value, dict):
            for inner, part in value.items():
                yield f"{name}:{inner}".replace(" ", "_"), part
        elif name not in ("schemas", "id"):
            yield name.replace(" ", "_"), value


def _sums(known: str | None) -> dict[str, str]:
    parts = known[_DIGEST:].split() if known else ()
    return dict(part.rsplit("=", 1) for part in parts)


def _bytes(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
