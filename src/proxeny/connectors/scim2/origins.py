"""Users of some identity providers only: the origin filter of UAA servers (``*.origin.filter.enabled``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proxeny.connectors.errors import NotFoundError, PropertyError
from proxeny.connectors.properties import PropertyProblem, PropertyValues
from proxeny.connectors.spi import Entity
from proxeny.scim.filter.ast import AttributePath, Comparison, Filter, Or
from proxeny.scim.filter.render import render

_ENABLED = "origin.filter.enabled"


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins whose users are read; none: all users. A UAA server keeps one user for each origin of a person."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: PropertyValues) -> "Origins":
        """PropertyError if the filter is on and no origin is named: nobody would be read, and all seem to be gone."""
        if not values.family_flag(_ENABLED):
            return cls()
        names = _split(values.family("origin") or "")
        if not names:
            named = values.family_names(_ENABLED)[0]
            raise PropertyError(f"Property {named} is true, and {named.removesuffix('.filter.enabled')} names none.")
        return cls(names)

    def within(self, entity_type: str, native_filter: str | None) -> str | None:
        """The system's own filter, narrowed to users of these origins."""
        own = native_filter.strip() if native_filter else ""
        if not self.names or entity_type != "user":
            return own or None
        terms: list[Filter] = [Comparison(AttributePath("origin"), "eq", name) for name in self.names]
        text = render(terms[0] if len(terms) == 1 else Or(tuple(terms)))
        return f"({own}) and {f'({text})' if len(terms) > 1 else text}" if own else text

    def check(self, entity_type: str, entity: Entity) -> None:
        """NotFoundError for a user of another origin, whom a list would not show either."""
        if self.names and entity_type == "user" and entity.document.get("origin") not in self.names:
            raise NotFoundError(f"User {entity.id!r} is not of the origins {', '.join(self.names)}.")


def origin_problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """An origin filter without origin."""
    for name, value in values.items():
        if name.endswith(f".{_ENABLED}") and value.strip().lower() in ("true", "enabled", "yes", "1"):
            origin = name.removesuffix(".filter.enabled")
            if not _split(values.get(origin, "")):
                yield PropertyProblem(origin, f"is missing: {name} is true, so name the origins, with ; between them")


def _split(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(";") if (name := part.strip()))
