"""What the gateway knows of a protocol (Spec) and of a system type (SystemType) before any system is opened."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from proxeny.connectors.properties import CREDENTIALS, Property, PropertyProblem, PropertyValues, by_name
from proxeny.connectors.spi import Capabilities, Connector
from proxeny.connectors.switches import FAMILIES, GENERIC, SWITCHES

if TYPE_CHECKING:
    from proxeny.connectors.outbound.client import Outbound
    from proxeny.database import Database

Role = Literal["source", "target", "proxy"]
Direction = Literal["read", "write"]
AssignmentMethod = Literal["PUT", "PATCH", ""]
Transformations = Mapping[tuple[Role, Direction], str]
WHOLE = Capabilities(read=True, search=True, create=True, replace=True, delete=True)
"""What a connector that reads and writes implements, without PATCH and changes."""


@dataclass(frozen=True, slots=True)
class SystemType:
    """One row of the catalogue of system types, from ``types/<name>.json``.

    ``protocol`` is None while no connector speaks it. ``transformations`` are the texts of the default version;
    ``versions`` those of each API version, which the property ``version_property`` selects. ``predefined`` are the
    values that a new system of a role gets written down. ``quirks`` name what a connector does differently.
    """

    name: str
    number: int
    title: str
    prefixes: tuple[str, ...]
    protocol: str | None
    roles: tuple[Role, ...]
    properties: tuple[Property, ...] = ()
    assignment_method: AssignmentMethod = ""
    aliases: tuple[str, ...] = ()
    transformations: Transformations = field(default_factory=dict)
    version_property: str | None = None
    version: str | None = None
    versions: Mapping[str, Transformations] = field(default_factory=dict)
    predefined: Mapping[Role, Mapping[str, str]] = field(default_factory=dict)
    capabilities: Mapping[str, bool | int | str] = field(default_factory=dict)
    quirks: Mapping[str, bool | int | str] = field(default_factory=dict)
    far_side: str = ""
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Why no connector speaks this type, as one sentence; empty if one does."""
        return "" if self.protocol else next((note for note in self.notes if note.startswith("No connector")), "")

    @property
    def prefix(self) -> str:
        """The type's own prefix with its dot, or empty: ``scim.``."""
        return self.prefixes[0] if self.prefixes else ""

    def transformation(self, role: Role, direction: Direction, values: Mapping[str, str] | None = None) -> str | None:
        """The text of the default transformation for the API version that ``values`` name; None if there is none."""
        chosen = (values or {}).get(self.version_property or "") or self.version
        return self.versions.get(chosen or "", self.transformations).get((role, direction))

    def quirks_for(self, values: Mapping[str, str]) -> Mapping[str, bool | int | str]:
        """The quirks, with those of the API version that ``values`` name laid over them (``2:base_path``)."""
        chosen = values.get(self.version_property or "") or self.version
        common = {name: value for name, value in self.quirks.items() if not name[:2].endswith(":")}
        own = {name[2:]: value for name, value in self.quirks.items() if name.startswith(f"{chosen}:")}
        return {**common, **own}

    def values(self, plain: Mapping[str, str], secret: Mapping[str, str] | None = None) -> PropertyValues:
        """The values of a system of this type: what was given, over the type's and the generic defaults.

        Defaults are those of declared properties; a property without default is absent, so that ``%key%`` is null.
        """
        credentials = dict(secret or {})
        declared = by_name((*GENERIC, *SWITCHES, *self.properties))
        defaults = {name: item.default for name, item in declared.items() if item.default is not None}
        secrets = {*credentials, *(name for name in plain if name in CREDENTIALS or _secret(declared, name))}
        return PropertyValues({**plain, **credentials}, frozenset(secrets), self.prefixes, defaults)

    def misplaced(self, plain: Mapping[str, str]) -> tuple[PropertyProblem, ...]:
        """Secrets among the plain properties, where they would be shown and exported."""
        declared = by_name((*GENERIC, *SWITCHES, *self.properties))
        return tuple(
            PropertyProblem(name, "is a secret: put it among encryptedProperties", "warning")
            for name, value in plain.items()
            if value and (name in CREDENTIALS or _secret(declared, name))
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """All that a connector is built from."""

    system_id: str
    system_name: str
    type: SystemType
    properties: PropertyValues
    database: "Database"
    outbound: "Outbound"


@dataclass(frozen=True, slots=True)
class Spec:
    """A protocol: which properties it takes, and how to build a connector. ``rules`` look at several at once.

    ``does`` is what its connectors implement, known before one is built; by default what every one should."""

    protocol: str
    title: str
    properties: tuple[Property, ...]
    build: Callable[[Connection], Connector]
    rules: tuple[Callable[[Mapping[str, str]], Iterable[PropertyProblem]], ...] = ()
    does: Capabilities = WHOLE

    def declared(self, system_type: SystemType | None = None) -> dict[str, Property]:
        """Every declared property by name; the type's declaration wins over the protocol's, that over the generic."""
        own = system_type.properties if system_type else ()
        return by_name((*GENERIC, *SWITCHES, *self.properties, *own))

    def check(self, values: Mapping[str, str], system_type: SystemType | None = None) -> tuple[PropertyProblem, ...]:
        """Everything wrong with ``values``, at once and without connecting; warnings have severity ``warning``."""
        declared = self.declared(system_type)
        prefixes = system_type.prefixes if system_type else ()
        problems = [*_missing(declared, values), *_wrong(declared, values), *_unknown(declared, values, prefixes)]
        if not any(problem.severity == "error" for problem in problems):
            problems += [problem for rule in self.rules for problem in rule(values)]
        return tuple(problems)

    def unread(
        self, names: Iterable[str], system_type: SystemType, texts: Iterable[str]
    ) -> tuple[PropertyProblem, ...]:
        """A warning for each name that is declared nowhere and that no transformation in ``texts`` names (``%name%``).

        No more than that, as an export of another product may carry more than is known here.
        """
        declared, text = self.declared(system_type), "\n".join(texts)
        patterns = (*(name for name in declared if "*" in name), "ips.http.header.*")
        return tuple(
            PropertyProblem(name, f"is read by nothing here{_hint(name, declared)}", "warning")
            for name in sorted(names)
            if name not in declared and f"%{name}%" not in text and not any(fnmatchcase(name, one) for one in patterns)
        )


def _secret(declared: Mapping[str, Property], name: str) -> bool:
    return name in declared and declared[name].secret


def _missing(declared: Mapping[str, Property], values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    for name, item in declared.items():
        if item.required and not values.get(name, item.default):
            yield PropertyProblem(name, f"is missing and needed: {item.help or 'give it a value'}")


def _wrong(declared: Mapping[str, Property], values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    for name, value in values.items():
        item = declared.get(name)
        problem = item.problem(value) if item and value != "" else None
        if problem:
            yield problem


def _unknown(
    declared: Mapping[str, Property], values: Mapping[str, str], prefixes: tuple[str, ...]
) -> Iterable[PropertyProblem]:
    """Keys that nobody reads: an error among the switches, a warning under the type's prefix, else a free key.

    A declared name with ``*`` stands for every name that fits.
    """
    patterns = [name for name in declared if "*" in name]
    for name in values:
        if name in declared or any(fnmatchcase(name, pattern) for pattern in patterns):
            continue
        hint = _hint(name, declared)
        if name.startswith(FAMILIES):
            yield PropertyProblem(name, f"is no switch of this gateway{hint}")
        elif name.lower() in {known.lower() for known in declared}:
            yield PropertyProblem(name, f"is written in another case than the property it looks like{hint}")
        elif name.startswith(("ips.", *prefixes)) and hint and not name.startswith("ips.http.header."):
            yield PropertyProblem(name, f"is not a known property of this system type{hint}", "warning")


def _hint(name: str, declared: Mapping[str, Property]) -> str:
    near = get_close_matches(name, declared, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""
