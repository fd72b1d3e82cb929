"""From a raw path to a route: a tree of segments, each decoded by itself, so that an id may hold an encoded slash."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from proxeny.web.request import Route


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None
    name: str = ""
    rest: Route | None = None
    route: Route | None = None


class Match(NamedTuple):
    """``segments`` are raw, ``params`` decoded."""

    route: Route | None
    segments: list[str]
    params: dict[str, str]


class Router:
    """Built once from a table; a literal segment wins over a variable one, and both over ``{*}``."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.template.split("/")[1:]:
            if segment == "{*}":
                node.rest = route
                return
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
                node.name = segment[1:-1]
            else:
                node = node.literals.setdefault(segment, _Node())
        node.route = route

    def match(self, raw_path: str) -> Match:
        """The route; empty segments do not count, so a doubled or trailing slash is forgiven."""
        segments = [segment for segment in raw_path.split("/") if segment]
        params: dict[str, str] = {}
        node = self._root
        rest: Route | None = None
        for segment in segments:
            rest = node.rest or rest
            decoded = _decoded(segment) if "%" in segment else segment
            if decoded is None:
                return Match(rest, segments, params)
            following = node.literals.get(decoded)
            if following is None:
                if (following := node.variable) is None:
                    return Match(rest, segments, params)
                params[following.name] = decoded
            node = following
        return Match(node.route or node.rest or rest, segments, params)


def _decoded(segment: str) -> str | None:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return None
