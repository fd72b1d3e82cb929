"""What the server says of itself: its kind, its controls, and how it compares each attribute (RFC 4512 §4, §5.1)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from proxeny.connectors.ldap.link import BASE, Link

Comparison = Literal["ignore", "exact", "dn", "integer", "boolean", "time", "uuid", "guid", "csn", "none"]

ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
SYNC = "1.3.6.1.4.1.4203.1.9.1.1"
ASSERTION = "1.3.6.1.1.12"
PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.1"  # noqa: S105  # the name of an operation
_SYNTAX = "1.3.6.1.4.1.1466.115.121.1."
_BY_RULE: Mapping[str, Comparison] = {
    "caseIgnoreMatch": "ignore",
    "caseIgnoreIA5Match": "ignore",
    "caseIgnoreListMatch": "none",
    "telephoneNumberMatch": "none",
    "numericStringMatch": "none",
    "caseExactMatch": "exact",
    "caseExactIA5Match": "exact",
    "distinguishedNameMatch": "dn",
    "integerMatch": "integer",
    "booleanMatch": "boolean",
    "generalizedTimeMatch": "time",
    "UUIDMatch": "uuid",
    "CSNMatch": "csn",
}
_BY_SYNTAX: Mapping[str, Comparison] = {"15": "ignore", "12": "dn", "27": "integer", "7": "boolean", "24": "time"}
"""For Active Directory, which publishes syntaxes and no rules; what is not here is not asked for."""

_NAMES = re.compile(r"NAME\s+(?:'([^']+)'|\(([^)]*)\))")
_WORD = re.compile(r"\b(SUP|EQUALITY|SUBSTR|SYNTAX)\s+'?([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """How the server compares an attribute; ``substrings``: whether it can look for parts of a value."""

    comparison: Comparison = "none"
    substrings: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """``attributes`` by lower-case name; one that is not there exists on no entry that we may see."""

    active_directory: bool = False
    controls: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    attributes: Mapping[str, Rule] = field(default_factory=dict)
    naming_context: str = ""
    service: str = ""

    @property
    def keeps_member_of(self) -> bool:
        """Whether entries carry the groups they are in (the memberOf overlay, Active Directory)."""
        return "memberof" in self.attributes


def read(link: Link) -> Server:
    """What the server behind a connection is; runs in a thread."""
    found = link.find(("", BASE, "(objectClass=*)", ("*", "+")))
    root = {name.lower(): values for name, values in found[0][1].items()} if found else {}
    directory = ACTIVE_DIRECTORY.encode() in root.get("supportedcapabilities", ())
    place = _first(root, "subschemasubentry")
    described = link.find((place, BASE, "(objectClass=*)", ("attributeTypes",))) if place else []
    texts = [text.decode("utf-8", "replace") for text in described[0][1].get("attributeTypes", ())] if described else []
    return Server(
        directory,
        frozenset(text.decode() for text in root.get("supportedcontrol", ())),
        frozenset(text.decode() for text in root.get("supportedextension", ())),
        rules(texts, directory),
        _first(root, "defaultnamingcontext") or _first(root, "namingcontexts"),
        _first(root, "dsservicename"),
    )


def _first(root: Mapping[str, list[bytes]], name: str) -> str:
    values = root.get(name) or [b""]
    return values[0].decode("utf-8", "replace")


def rules(texts: Iterable[str], active_directory: bool) -> dict[str, Rule]:
    """The rules of attribute type descriptions; what a description does not say it has from its superior."""
    words: dict[str, dict[str, str]] = {}
    for text in texts:
        named = _NAMES.search(text)
        if named is None:
            continue
        own = dict(_WORD.findall(text))
        for name in (named.group(1) or named.group(2)).replace("'", " ").split():
            words[name.lower()] = own
    if active_directory:
        return {name: _of_syntax(name, own) for name, own in words.items()}
    return {name: _of_rule(name, words) for name in words}


def _of_rule(name: str, words: Mapping[str, Mapping[str, str]]) -> Rule:
    found: dict[str, str] = {}
    following: str | None = name
    for _ in range(10):  # superiors of superiors; a loop among them must not be one here
        own = words.get(following or "")
        if own is None:
            break
        found = {**own, **found}
        following = own.get("SUP", "").lower()
    return Rule(_BY_RULE.get(found.get("EQUALITY", ""), "none"), "SUBSTR" in found)


def _of_syntax(name: str, own: Mapping[str, str]) -> Rule:
    if name == "objectguid":
        return Rule("guid")
    comparison = _BY_SYNTAX.get(own.get("SYNTAX", "").removeprefix(_SYNTAX), "none")
    return Rule(comparison, comparison == "ignore")
