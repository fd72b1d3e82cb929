"""An update as it is sent: whole, or as a PatchOp with what has no value taken away (decisions 22 and 23)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from proxeny.connectors.updates import patch_op, replacements
from proxeny.documents import Document
from proxeny.transform import EntityProgram
from proxeny.transform.usage import output_names

Names = tuple[str, ...]
_OURS = frozenset({"id", "schemas", "meta"})


@dataclass(frozen=True, slots=True)
class Writable:
    """What the mappings of a target may write in an update: the attributes that are taken away when they have no value.

    ``names`` are as written: ``("name", "givenName")``, ``("urn:…:User", "department")``.
    """

    names: tuple[Names, ...] = ()

    @classmethod
    def by(cls, program: EntityProgram | None) -> "Writable":
        if program is None:
            return cls()
        return cls(tuple(names for names in output_names(program, "update") if names and names[0] not in _OURS))

    @property
    def members(self) -> bool:
        return any(names[0] == "members" for names in self.names)

    def as_patch(self, document: Document, *, without: Iterable[str] = ()) -> Document | None:
        """The PatchOp of a full update; None if there is nothing to send."""
        left_out = frozenset(without)
        sent = {name: value for name, value in document.items() if name not in left_out}
        operations = [*replacements(sent), *self._removals(document, left_out)]
        return patch_op(operations) if operations else None

    def _removals(self, document: Document, without: frozenset[str]) -> Iterator[Document]:
        gone: set[str] = set()
        for names in self.names:
            path = None if names[0] in without else _missing(document, names)
            if path is not None and path not in gone:
                gone.add(path)
                yield {"op": "remove", "path": path}


def whole(document: Document, writable: Writable) -> Document:
    """The document of a full update: a backend may keep the members that it is not told of, so none is said."""
    if writable.members and "members" not in document:
        return {**document, "members": []}
    return document


def _missing(document: Document, names: Names) -> str | None:
    """The SCIM path of what has no value at ``names``, None if something is there; a list is looked at as a whole."""
    value: Any = document
    for depth, name in enumerate(names):
        value = value.get(name) if isinstance(value, dict) else None
        if value is None or value == {}:
            found = names[: depth + 1]
            return _path(names[:2] if depth == 0 and ":" in name and len(names) > 1 else found)
        if isinstance(value, list):
            return None
    return None


def _path(names: Names) -> str | None:
    first, *rest = names
    if ":" not in first:
        return ".".join(names)
    return f"{first}:{'.'.join(rest)}" if rest else None
