"""System types and protocols by name: what is shipped as data, then what installed packages add.

A protocol is imported on first use, so a gateway without LDAP systems needs no LDAP library. Packages add protocols
with the entry point group ``proxeny.connectors`` (name = protocol, object = Spec) and system types with the group
``proxeny.system_types`` (object = a callable that returns SystemType values).
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module, resources
from importlib.metadata import entry_points
from typing import Any

import orjson

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.families import expand
from proxeny.connectors.properties import Property
from proxeny.connectors.spec import Spec, SystemType, Transformations
from proxeny.documents import Document

BUILT_IN: Mapping[str, str] = {
    "directory": "proxeny.connectors.directory",
    "ldap": "proxeny.connectors.ldap",
    "file": "proxeny.connectors.file",
    "scim2": "proxeny.connectors.scim2",
    "sql": "proxeny.connectors.sql",
}
"""Protocol → module that holds its ``SPEC``."""


def system_types() -> tuple[SystemType, ...]:
    """Every known system type, in the order of the catalogue."""
    types = {known.name: known for known in _by_name().values()}
    return tuple(sorted(types.values(), key=lambda known: (known.number, known.name)))


def system_type(name: str) -> SystemType:
    """The type of that name or alias, in any case, also with spaces; else PropertyError with near matches."""
    types = _by_name()
    found = types.get(_key(name))
    if found is None:
        near = get_close_matches(_key(name), types, n=3, cutoff=0.6)
        names = ", ".join(dict.fromkeys(types[key].name for key in near))
        hint = f" Did you mean {names}?" if near else " `proxeny system list --types` shows all."
        raise PropertyError(f"There is no system type {name[:80]!r}.{hint}")
    return found


@cache
def spec(protocol: str) -> Spec:
    """The spec of a protocol, imported on first use; PropertyError if nothing installed speaks it."""
    if protocol in BUILT_IN:
        loaded = import_module(BUILT_IN[protocol]).SPEC
    else:
        found = entry_points(group="proxeny.connectors", name=protocol)
        if not found:
            raise PropertyError(f"No installed connector speaks {protocol!r}. Known: {', '.join(protocols())}.")
        loaded = next(iter(found)).load()
    if not isinstance(loaded, Spec):
        raise PropertyError(f"The connector {protocol!r} is broken: its entry point is no Spec.")
    return loaded


def protocols() -> tuple[str, ...]:
    """The names of all protocols that can be used now."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group="proxeny.connectors"))}))


def forget() -> None:
    """Look at what is installed again, the next time somebody asks."""
    spec.cache_clear()
    _by_name.cache_clear()


@cache
def _by_name() -> Mapping[str, SystemType]:
    types: dict[str, SystemType] = {}
    for known in (*_shipped(), *_installed()):
        for name in (known.name, known.title, *known.aliases):
            types.setdefault(_key(name), known)
    return types


def _shipped() -> Iterable[SystemType]:
    folder = resources.files("proxeny.connectors").joinpath("types")
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".json"):
            yield load(orjson.loads(file.read_bytes()))


def _installed() -> Iterable[SystemType]:
    for point in entry_points(group="proxeny.system_types"):
        yield from point.load()()


def _key(name: str) -> str:
    return "_".join("".join(char if char.isalnum() else " " for char in name).upper().split())


def load(document: Document) -> SystemType:
    """A system type from the JSON of its file."""
    versions = document.get("versions", {})
    default = versions.get("default")
    texts = {number: _texts(by_role) for number, by_role in versions.get("transformations", {}).items()}
    prefixes = tuple(document.get("prefixes", ()))
    return SystemType(
        name=document["name"],
        number=document["number"],
        title=document["title"],
        prefixes=prefixes,
        protocol=document.get("protocol"),
        roles=tuple(document["roles"]),
        properties=(*expand(document.get("families", {}), prefixes), *map(_property, document.get("properties", ()))),
        assignment_method=document.get("assignment_method", ""),
        aliases=tuple(document.get("aliases", ())),
        transformations=texts[default] if default in texts else _texts(document.get("transformations", {})),
        version_property=versions.get("property"),
        version=default,
        versions=texts,
        predefined=document.get("predefined", {}),
        capabilities=document.get("capabilities", {}),
        quirks=document.get("quirks", {}),
        far_side=document.get("far_side", ""),
        notes=tuple(document.get("notes", ())),
    )


def _texts(by_place: Mapping[str, Any]) -> Transformations:
    """``{"proxy.read": {…}}`` as texts by role and direction, indented for people to edit."""
    texts: dict[Any, str] = {}
    for place, body in by_place.items():
        role, direction = place.split(".")
        texts[role, direction] = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    return texts


def _property(document: Mapping[str, Any]) -> Property:
    fields: dict[str, Any] = {key: tuple(value) if key == "choices" else value for key, value in document.items()}
    return Property(**fields)
