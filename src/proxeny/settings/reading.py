"""From TOML text to frozen settings: look references up, check every section, report all mistakes together."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxeny.errors import Problem, SettingsError, UnresolvedReferenceError
from proxeny.settings.model import PERMISSIONS, Client, Section, Settings, is_permission
from proxeny.settings.places import key_lines, line_of
from proxeny.settings.references import resolve_text

Table = dict[str, Any]

_BY_TYPE = {
    "missing": "is missing. Add it.",
    "int": "must be a whole number.",
    "float": "must be a number.",
    "bool": "must be true or false.",
    "string_type": "must be text in quotes.",
    "tuple": "must be a list in square brackets.",
    "model": "must be a table.",
    "dict": "must be a table.",
    "path": "must be a path in quotes.",
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What could be read of a file, for ``check``: ``settings`` if nothing is wrong, and where the systems are."""

    problems: tuple[Problem, ...]
    settings: Settings | None = None
    systems: Path | None = None


def load_settings(path: Path, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the file ``path``; SettingsError holds every mistake in it.

    ``overrides`` are dotted keys from the command line (``server.port``), which win over the file.
    """
    survey = survey_settings(path, environ, overrides)
    if survey.settings is None:
        raise SettingsError(survey.problems)
    return survey.settings


def survey_settings(path: Path, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Survey:
    """As ``load_settings``, but with what is wrong beside what could be read."""
    path = path.absolute()
    try:
        text, document = _parsed(path)
    except SettingsError as error:
        return Survey(error.problems)
    for place, value in (overrides or {}).items():
        section, _, key = place.partition(".")
        document[section] = {**document.get(section, {}), key: value}
    reading = _Reading(path, text, environ)
    sections = reading.sections(document)
    systems = sections["systems"].directory if sections["systems"] else None
    if reading.found:
        return Survey(tuple(sorted(reading.found.values(), key=lambda problem: problem.line or 0)), systems=systems)
    return Survey((), Settings.model_construct(file=path, home=reading.home, **sections), systems)


class _Reading:
    """One reading of one file; gathers what is wrong, at most one problem for each place."""

    def __init__(self, path: Path, text: str, environ: Mapping[str, str]) -> None:
        self.path = path
        self.home = path.parent.parent if path.parent.name == "config" else path.parent
        self.environ = environ
        self.lines = key_lines(text)
        self.found: dict[str, Problem] = {}

    def sections(self, document: Table) -> dict[str, Any]:
        nested = _nested(Settings)
        resolved = self._resolved(document, "")
        for name in resolved.keys() - nested.keys():
            self.report(name, "is not a section." + _near(name, nested))
        sections = {name: self._child(kind, resolved.get(name), name) for name, kind in nested.items()}
        self._check_clients(sections["client"])
        return sections

    def report(self, place: str, message: str) -> None:
        what, _, remedy = message.partition(". ")
        problem = Problem(
            file=str(self.path),
            place=place,
            message=what if what.endswith(".") else f"{what}.",
            remedy=remedy,
            line=line_of(place, self.lines),
        )
        self.found.setdefault(place, problem)

    def _child(self, kind: tuple[type[Section], bool], value: object, place: str) -> Any:
        """A section, or a tuple of sections; None stands for one that cannot be read."""
        model, many = kind
        if not many:
            return self._section(model, {} if value is None else value, place)
        if not isinstance(value, list | None):
            self.report(place, f"must be a list of tables. Write [[{place}]] before each.")
        tables = value if isinstance(value, list) else []
        return tuple(self._section(model, table, f"{place}[{index}]") for index, table in enumerate(tables))

    def _section(self, model: type[Section], value: object, place: str) -> Section | None:
        if not isinstance(value, dict):
            self.report(place, "must be a table.")
            return None
        children = {
            name: self._child(kind, value[name], f"{place}.{name}")
            for name, kind in _nested(model).items()
            if name in value
        }
        whole = all(None not in (child if isinstance(child, tuple) else (child,)) for child in children.values())
        section = self._validated(model, {**value, **children} if whole else _without(value, children), place)
        if section is not None and whole:
            for key, message in section.problems():
                self.report(f"{place}.{key}" if key else place, message)
        return section if whole else None

    def _validated(self, model: type[Section], table: Table, place: str) -> Section | None:
        """The section; faulty keys are reported and their defaults stand in, so that checks between keys still run."""
        for _ in range(2):
            try:
                return model.model_validate(table, context={"home": self.home})
            except ValidationError as error:
                details = error.errors(include_url=False, include_input=False)
                for detail in details:
                    self.report(_place(place, detail["loc"]), _message(model, detail))
                table = _without(table, {str(detail["loc"][0]) for detail in details if detail["loc"]})
        return None

    def _check_clients(self, clients: Iterable[Client | None]) -> None:
        seen: set[str] = set()
        for index, client in enumerate(clients):
            if client is None:
                continue
            for number, permission in enumerate(client.permissions):
                if not is_permission(permission):
                    place = f"client[{index}].permissions[{number}]"
                    self.report(place, "is not a permission." + _near(permission, PERMISSIONS))
            if client.id in seen:
                self.report(f"client[{index}].id", "is the id of another client. Every client needs its own.")
            seen.add(client.id)

    def _resolved(self, value: Any, place: str) -> Any:
        """The value with references looked up; what is missing is reported and stands as some text."""
        if isinstance(value, dict):
            return {key: self._resolved(item, f"{place}.{key}".lstrip(".")) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        try:
            return resolve_text(value, self.environ, self.home)
        except UnresolvedReferenceError as error:
            self.report(place, str(error))
            return "unresolved"


def _parsed(path: Path) -> tuple[str, Table]:
    try:
        text = path.read_text("utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        remedy = "Name the file with --config or PROXENY_CONFIG."
        problem = Problem(str(path), "", f"cannot be read ({error.strerror}).", remedy)
    except UnicodeDecodeError:
        problem = Problem(str(path), "", "is not UTF-8 text.", "Save it as UTF-8.")
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        problem = Problem(str(path), "", f"is not TOML: {error}.", line=int(place[1]) if place else None)
    raise SettingsError([problem])


def _nested(model: type[Section]) -> dict[str, tuple[type[Section], bool]]:
    """Which keys of a section hold sections, and whether a list of them."""
    found = {}
    for name, information in model.model_fields.items():
        many = get_origin(information.annotation) is tuple
        for candidate in (information.annotation, *get_args(information.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, Section):
                found[name] = (candidate, many)
    return found


def _message(model: type[Section], detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "is not a key here." + _near(str(detail["loc"][-1]), model.model_fields)
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    by_type = _BY_TYPE.get(kind) or _BY_TYPE.get(kind.partition("_")[0])
    message = detail["msg"].removeprefix("Input should be ")
    return by_type if by_type and "_than" not in kind else f"must be {message}."


def _near(name: str, known: Iterable[str]) -> str:
    candidates = sorted(known)
    near = difflib.get_close_matches(name, candidates, n=1)
    return f" Did you mean {near[0]}?" if near else f" Known are {', '.join(candidates)}."


def _place(place: str, location: tuple[int | str, ...]) -> str:
    for part in location:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    return place


def _without(table: Table, names: Iterable[str]) -> Table:
    dropped = set(names)
    return {key: value for key, value in table.items() if key not in dropped}
