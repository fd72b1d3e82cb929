"""Native filter → LDAP filter (RFC 4515), which admits at least what is asked for.

A server compares by its own rules, which are mostly wider than ours (case, insignificant spaces) and sometimes
narrower (case-exact attributes, ``ß`` and ``ss``). So every comparison is looked at: what the server would see too
narrowly is widened, at worst to "has a value"; and what is wider than asked is never negated.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import assert_never
from uuid import UUID

from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, Field, NativeFilter, Negation
from proxeny.connectors.ldap import names
from proxeny.connectors.ldap.layout import DN, ENABLED, KindName, Layout
from proxeny.connectors.ldap.schema import Rule, Server
from proxeny.scim.comparison import key
from proxeny.scim.values import moment

NOBODY = "(!(objectClass=*))"
Reference = tuple[KindName | None, str]
_DISABLED = "(userAccountControl:1.2.840.113556.1.4.803:=2)"
_SUBSTRINGS = frozenset({"co", "sw", "ew"})
_VARIANTS = 8


@dataclass(frozen=True, slots=True)
class Said:
    """A filter text; ``exact``: it admits just what was asked for."""

    text: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """Who is asked, and which DNs the ids in the filter stand for. ``further``: what a filter for such an id must admit
    besides (primary groups)."""

    layout: Layout
    server: Server
    dns: Mapping[Reference, Sequence[str]]
    further: Mapping[Reference, Sequence[str]] = field(default_factory=dict)

    def say(self, where: NativeFilter) -> Said | None:
        """The filter, or None if nothing of it can be said."""
        match where:
            case Compare():
                return self._compare(where)
            case AnyElement(field, inner):
                named = isinstance(inner, Compare) and inner.field == ("value",) and inner.operator == "eq"
                return self._reference(field, inner) if named and isinstance(inner, Compare) else None
            case AllOf(terms):
                return _all([self.say(term) for term in terms])
            case AnyOf(terms):
                return _any([self.say(term) for term in terms])
            case Negation(term):
                inner_said = self.say(term)
                return Said(f"(!{inner_said.text})", True) if inner_said is not None and inner_said.exact else None
            case _:
                assert_never(where)

    def _compare(self, where: Compare) -> Said | None:
        name = where.field[0]
        if self.layout.active_directory and name == ENABLED:
            return _enabled(where)
        if name in (self.layout.member, self.layout.member_of):
            return self._reference(where.field, where)
        if len(where.field) != 1 or not names.DESCRIPTION.fullmatch(name):
            return None
        if name == DN and not self.layout.active_directory:
            name = "entryDN"
        rule = self.server.attributes.get(name.partition(";")[0].lower())
        if rule is None:
            return Said(NOBODY) if where.operator == "eq" else None
        if where.operator == "pr":
            return Said(f"({name}=*)", exact=name != "entryDN")
        return None if where.operator == "ne" else Said(_compared(name, rule, where))

    def _reference(self, field: Field, where: Compare) -> Said | None:
        """``members.value eq id`` and ``groups.value eq id``: by the DN behind the id."""
        name = field[0]
        if name == self.layout.member_of and not self.server.keeps_member_of:
            return None
        if where.operator == "pr":
            return None if self.layout.active_directory else Said(f"({name}=*)")
        if where.operator != "eq" or not isinstance(where.value, str) or field[1:] not in ((), ("value",)):
            return None
        reference = (_kind_of(name, self.layout), where.value)
        terms = [f"({name}={names.escaped(dn)})" for dn in self.dns.get(reference, ())]
        return Said(_or([*terms, *self.further.get(reference, ())]) or NOBODY)


def references(where: NativeFilter, layout: Layout) -> Iterator[Reference]:
    """The ids in a filter whose DNs must be known before it can be said."""
    match where:
        case Compare((name, *_), "eq", str() as value) if name in (layout.member, layout.member_of):
            yield _kind_of(name, layout), value
        case AnyElement((name, *_), Compare(("value",), "eq", str() as value)) if name in (
            layout.member,
            layout.member_of,
        ):
            yield _kind_of(name, layout), value
        case AllOf(terms) | AnyOf(terms):
            for term in terms:
                yield from references(term, layout)
        case Negation(term):
            yield from references(term, layout)
        case _:
            return


def _kind_of(name: str, layout: Layout) -> KindName | None:
    return "group" if name == layout.member_of else None


def joined(*texts: str | None) -> str:
    """All of the filters that there are; one written without parentheses gets them."""
    given = [text.strip() for text in texts if text and text.strip()]
    return f"(&{''.join(text if text.startswith('(') else f'({text})' for text in given)})"


def _all(parts: Sequence[Said | None]) -> Said | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    text = known[0].text if len(known) == 1 else f"(&{''.join(part.text for part in known)})"
    return Said(text, len(known) == len(parts) and all(part.exact for part in known))


def _any(parts: Sequence[Said | None]) -> Said | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return Said(_or(part.text for part in known) or NOBODY, all(part.exact for part in known))


def _or(texts: Iterable[str]) -> str:
    found = list(dict.fromkeys(texts))
    return found[0] if len(found) == 1 else f"(|{''.join(found)})" if found else ""


def _enabled(where: Compare) -> Said | None:
    wanted = where.value in (True, "true", "True")
    if where.operator not in ("eq", "ne") or (not wanted and where.value not in (False, "false", "False")):
        return None
    return Said(f"(!{_DISABLED})" if wanted == (where.operator == "eq") else _DISABLED, exact=True)


def _compared(name: str, rule: Rule, where: Compare) -> str:
    """What the server can be asked about ``name operator value``; at worst whether there is a value."""
    value = where.value
    present = f"({name}=*)"
    match rule.comparison:
        case "ignore" | "exact" if isinstance(value, str):
            narrow = rule.comparison == "exact" and not where.case_exact and value.lower() != value.upper()
            return present if narrow else _text(name, rule, where.operator, value) or present
        case "time" if isinstance(value, str):
            return _moment(name, where.operator, value) or present
        case "integer":
            ordered = where.operator == "eq" or where.type in ("integer", "decimal")
            return (_number(name, where.operator, value) if ordered else None) or present
        case "dn" if where.operator == "eq" and isinstance(value, str):
            return f"({name}={names.escaped(value)})" if names.is_dn(value) else NOBODY
        case "uuid" if where.operator == "eq" and isinstance(value, str):
            return f"({name}={value})" if _is_uuid(value) else NOBODY
        case "guid" if where.operator == "eq" and isinstance(value, str):
            octets = names.guid_bytes(value)
            return f"({name}={names.octets(octets)})" if octets else NOBODY
        case _:
            return present


def _text(name: str, rule: Rule, operator: str, value: str) -> str | None:
    if operator == "eq" and value.strip():
        spelled = _spellings(value)
        return _or(f"({name}={names.escaped(each)})" for each in spelled) if spelled else None
    if operator not in _SUBSTRINGS or not rule.substrings:
        return None
    pieces = [piece for piece in re.split(r"[^\x21-\x7e]+|[sS]{2}", value) if piece]
    if not pieces:
        return None
    whole = "*".join(map(names.escaped, pieces))
    starts = operator == "sw" and value.startswith(pieces[0])
    ends = operator == "ew" and value.endswith(pieces[-1])
    return f"({name}={'' if starts else '*'}{whole}{'' if ends else '*'})"


def _spellings(value: str) -> list[str]:
    """The writings that we take for the same and a server does not: ``ss`` and ``ß``, composed and folded letters."""
    parts = re.split("ss|ß|ẞ", value, flags=re.IGNORECASE)
    if 2 ** (len(parts) - 1) > _VARIANTS:
        return []
    found = []
    for between in product(("ss", "ß"), repeat=len(parts) - 1):
        found.append("".join(part + link for part, link in zip(parts, (*between, ""), strict=True)))
    return [*found, *([] if value.isascii() else [key(value)])]


def _moment(name: str, operator: str, value: str) -> str | None:
    """Generalised time, of which servers keep whole seconds: the second before or after, to be on the safe side."""
    stamp = generalized(value)
    if stamp is None or operator in _SUBSTRINGS:
        return None
    bounds = {"eq": (">=", "<="), "gt": (">=",), "ge": (">=",), "lt": ("<=",), "le": ("<=",)}[operator]
    terms = [f"({name}{sign}{stamp})" for sign in bounds]
    return terms[0] if len(terms) == 1 else f"(&{''.join(terms)})"


def generalized(text: str) -> str | None:
    """An RFC 3339 time as generalised time in UTC, whole seconds; None if it is none."""
    when = moment(text)
    return None if when is None else f"{when.year:04}{when:%m%d%H%M%S}.0Z"


def _number(name: str, operator: str, value: object) -> str | None:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,18}", text):
        return None
    signs = {"eq": "=", "gt": ">=", "ge": ">=", "lt": "<=", "le": "<="}
    return f"({name}{signs[operator]}{int(text)})" if operator in signs else None


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
