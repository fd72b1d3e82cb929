"""JSON documents: their type, canonical bytes and fingerprint."""

import hashlib
from typing import Any

import orjson

Document = dict[str, Any]
"""A JSON object as orjson reads it: str keys; values are dict, list, str, int, float, bool or None."""


def canonical(document: Document) -> bytes:
    """The document as UTF-8 JSON with sorted keys: equal documents give equal bytes."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def fingerprint(document: Document) -> str:
    """A short, stable digest (32 hexadecimal digits) of the canonical form, to see whether something changed."""
    return hashlib.blake2b(canonical(document), digest_size=16).hexdigest()
