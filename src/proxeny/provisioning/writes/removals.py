"""What a PATCH takes away, said to a backend that gets a full update instead, and looked for in what it then holds.

A full update that leaves an attribute out does not say that it is to go: a backend may keep what it is not told of
(``put.active=keep``, RFC 7644 §3.5.1 lets it). So what a client removed is sent as null (RFC 7643 §2.5), and an
attribute that is still there afterwards is told to the client: a 2xx would be untrue.
"""

from dataclasses import dataclass
from typing import Any

from proxeny.documents import Document
from proxeny.scim.errors import MutabilityError
from proxeny.scim.values import is_present

Names = tuple[str, ...]
_NULL_AS_TEXT = ("null", "None")
"""What a careless backend makes of null."""


@dataclass(frozen=True, slots=True)
class Removals:
    """The native attributes that a client removed, and the native document that had them."""

    names: tuple[Names, ...] = ()
    before: Document | None = None

    def said(self, document: Document) -> Document:
        """The full update with null for each attribute that is gone as a whole."""
        gone = [names[0] for names in self.names if len(names) == 1 and names[0] not in document]
        return {**document, **dict.fromkeys(gone)} if gone else document

    def require(self, document: Document, then: str) -> None:
        """MutabilityError if the backend has kept one as it was, or took null for a word; ``then`` says what has become
        of the request."""
        for names in self.names:
            held = _at(document, names)
            if is_present(held) and (held == _at(self.before, names) or held in _NULL_AS_TEXT):
                raise MutabilityError(
                    f"The backend of this system keeps {'.'.join(names)!r} as {held!r:.80} when it is removed. {then}"
                )


def vanished(before: Document, after: Document, head: Names = ()) -> tuple[Names, ...]:
    """Where ``before`` has a value and ``after`` has none; of an object that is gone only the object itself."""
    found: list[Names] = []
    for name, value in before.items():
        left = after.get(name)
        if not is_present(value):
            continue
        if not is_present(left):
            found.append((*head, name))
        elif isinstance(value, dict) and isinstance(left, dict):
            found += vanished(value, left, (*head, name))
    return tuple(found)


def _at(document: Document | None, names: Names) -> Any:
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
