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
            held = value_at(document, names)
            kept = names if held in _NULL_AS_TEXT else _kept(value_at(self.before, names), held, names)
            if kept is not None:
                raise MutabilityError(
                    f"The backend of this system keeps {'.'.join(kept)!r} as {value_at(document, kept)!r:.80} when it "
                    f"is removed. {then}"
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


def _kept(before: Any, held: Any, names: Names) -> Names | None:
    """Where what was there is there as it was: the value itself, or the first such part of an object."""
    if not is_present(held):
        return None
    if held == before or not (isinstance(before, dict) and isinstance(held, dict)):
        return names if held == before else None
    parts = (_kept(part, held.get(name), (*names, name)) for name, part in before.items())
    return next((part for part in parts if part is not None), None)


def value_at(document: Document | None, names: Names) -> Any:
    """The value that ``names`` lead to, or None."""
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
