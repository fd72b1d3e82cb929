"""Groups and their members on the way in: ids in documents and filters, DNs in the directory, found many at once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from proxeny.connectors.errors import RefusedError
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.filter import NOBODY, Reference, joined
from proxeny.connectors.ldap.layout import DN, Kind, Layout
from proxeny.connectors.ldap.link import BASE, SUBTREE, Link, Lookup
from proxeny.connectors.ldap.portions import portions
from proxeny.connectors.ldap.references import References


class Members:
    """Runs in threads, on the link of the call."""

    def __init__(self, layout: Layout, references: References) -> None:
        self._layout = layout
        self._references = references

    def dns(self, link: Link, wanted: Iterable[Reference]) -> dict[Reference, list[str]]:
        """The DNs behind ids; an id of no kind may be a user's or a group's."""
        layout, found = self._layout, dict[Reference, list[str]]()
        references = list(dict.fromkeys(wanted))
        for kind in (layout.users, layout.groups):
            ids = [entry_id for name, entry_id in references if name in (None, kind.name)]
            for entry_id, dn in self._with_ids(link, kind, ids):
                for name in (None, kind.name):
                    found.setdefault((name, entry_id), []).append(dn)
        return found

    def _with_ids(self, link: Link, kind: Kind, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        if kind.id == DN:
            inside = [text for text in ids if names.is_dn(text) and kind.has(names.normal(text))]
            lookups: list[Lookup] = [(dn, BASE, joined(kind.class_filter), ("1.1",)) for dn in inside]
            for dn, found in zip(inside, link.find_many(lookups), strict=True):
                yield from ((dn, each) for each, _ in found)
            return
        for part in portions(ids):
            text = "".join(self.id_filter(kind, entry_id) for entry_id in part)
            asked = {entry_id: entry_id for entry_id in part} | {entry_id.lower(): entry_id for entry_id in part}
            for dn, attributes in link.find((kind.base, SUBTREE, joined(kind.class_filter, f"(|{text})"), (kind.id,))):
                for value in (value for values in attributes.values() for value in values):
                    shown = self._references.text(kind.id, value)
                    if shown in asked or shown.lower() in asked:
                        yield asked.get(shown) or asked[shown.lower()], dn

    def id_filter(self, kind: Kind, entry_id: str) -> str:
        """Whose id is this; an impossible one is nobody's."""
        if kind.id.lower() == "objectguid":
            octets = names.guid_bytes(entry_id)
            return f"(objectGUID={names.octets(octets)})" if octets else NOBODY
        if kind.id.lower() == "entryuuid" and names.guid_bytes(entry_id) is None:
            return NOBODY
        return f"({kind.id}={names.escaped(entry_id)})" if entry_id.strip() else NOBODY

    def members(self, link: Link, values: Sequence[Any]) -> list[str]:
        """The values of the member attribute for what a document names; RefusedError naming those that do not exist."""
        if not self._references.by_dn:
            return [str(each["value"] if isinstance(each, dict) else each) for each in values]
        wanted = [self._meant(each) for each in values]
        texts = [text for kind, text in wanted if kind is None and self._is_entry(text)]
        found = self.dns(link, (each for each in wanted if each[1] not in texts))
        there = {names.normal(raw[0]): raw[0] for raw in self._references.entries(link, texts)} if texts else {}
        made: dict[str, str] = {}
        missing: list[str] = []
        for kind, text in wanted:
            at = [there[names.normal(text)]] if names.normal(text) in there else found.get((kind, text), [])
            if not at:
                missing.append(text)
            for dn in at[:1]:
                made.setdefault(names.normal(dn), dn)
        if missing and not self._layout.skip_unknown:
            raise RefusedError(f"Members that do not exist: {', '.join(missing[:10])}. Nothing was changed.")
        return list(made.values())

    def _meant(self, value: Any) -> Reference:
        """Kind and id of a member; a DN that a mapping put together from an id is taken apart again.

        ``uid=<id>,<ldap.user.path>`` made by joining texts holds the id unescaped, and names the wrong entry when that
        entry lies deeper.
        """
        kind_name = None
        if isinstance(value, dict):
            given = str(value.get("type") or "").lower()
            kind_name = given if given in self._layout.kinds else None
            value = value.get("value")
        text = str(value or "")
        for kind in self._layout.kinds.values():
            head, tail = f"{kind.id}=".lower(), f",{kind.base}".lower()
            if text.lower().startswith(head) and text.lower().endswith(tail) and len(text) > len(head) + len(tail):
                middle = text[len(head) : -len(tail)]
                if not names.is_dn(text) or "," not in middle:
                    return kind.name, names.unescaped(text, middle)
        return ("group" if kind_name == "group" else "user" if kind_name == "user" else None), text

    def _is_entry(self, text: str) -> bool:
        normal = names.normal(text)
        return names.is_dn(text) and any(kind.has(normal) for kind in self._layout.kinds.values())
