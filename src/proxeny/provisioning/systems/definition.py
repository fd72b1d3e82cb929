"""What a system is, before it is opened: the JSON that SAP Identity Provisioning exports, one file each."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from proxeny.documents import Document
from proxeny.provisioning.errors import DefinitionError, DefinitionProblem
from proxeny.transform.text import read_text

AccessMode = Literal["READ", "WRITE", "PROXY"]
Resolve = Callable[[str], str]
"""Replaces ``${env:…}`` and ``${file:…}`` in a value; raises ValueError with what is missing. Only for files on the
gateway's own disk (imported and API-made systems resolve nothing)."""

_KNOWN = frozenset(
    (
        *("id", "name", "description", "connectorTypeString", "accessMode", "state", "systemManagementType"),
        *("properties", "encryptedProperties", "sources", "destinationName", "tenantId", "emailSubscribers"),
        *("readTransformation", "writeTransformation", "fromImport", "automaticOutboundCertificateRenew"),
        *("transformationChanged", "readTransformationChanged", "writeTransformationChanged"),
        *("gitAllowedExpressions", "gitDisallowedExpressions"),
    )
)
_NAME_LIMIT = 100
_MOST_PROPERTIES = 1000
"""Far more than any system has: each is looked for among those that are known, and in the transformations."""
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_EVERY_SYSTEM = "*"
ACCESS_MODES: frozenset[str] = frozenset(get_args(AccessMode))


@dataclass(frozen=True, slots=True)
class TransformationText:
    """A transformation as written: its text, and what to call it in messages (a file name).

    ``placed`` is the text of one inside of a system file as it stands there, with blanks for what is before it, so that
    lines and columns are those of the file, and ``key`` where: ``readTransformation``.
    """

    name: str
    text: str
    key: str = ""
    placed: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SystemDefinition:
    """A system by its data. ``credentials`` are secret: never printed (``repr`` leaves them out) and never exported.

    A transformation that is None is left out: the default of the system's type is meant (``spec`` of the type).
    """

    id: str
    name: str
    type: str
    access_mode: AccessMode
    enabled: bool = True
    description: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    read: TransformationText | None = None
    write: TransformationText | None = None
    sources: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()
    origin: str = ""


class _Reading:
    """One document being read; collects every problem instead of stopping at the first."""

    def __init__(self, document: Document, file: str, folder: Path | None, resolve: Resolve, text: str) -> None:
        self.document = document
        self.file = file
        self.text_of_file = text
        self.folder = folder
        self.resolve = resolve
        self.problems: list[DefinitionProblem] = []

    def problem(self, place: str, message: str) -> None:
        self.problems.append(DefinitionProblem(self.file, place, message))

    def text(self, key: str, default: str | None = None) -> str:
        value = self.document.get(key, default)
        if isinstance(value, str) and value:
            return value
        if value is None or value == "":
            if default is None:
                self.problem(key, "is missing; a system needs it")
            return default or ""
        self.problem(key, f"must be text, not {type(value).__name__}")
        return ""

    def values(self, key: str) -> dict[str, str]:
        """A map of property values as text, placeholders resolved; null (an export's left-out secret) is left out."""
        raw = self.document.get(key) or {}
        if not isinstance(raw, dict):
            self.problem(key, "must be an object of property names and values")
            return {}
        if len(raw) > _MOST_PROPERTIES:
            self.problem(key, f"holds more than {_MOST_PROPERTIES} names")
            return {}
        found: dict[str, str] = {}
        for name, value in raw.items():
            if value is None:
                continue
            if isinstance(value, dict | list):
                self.problem(f"{key}.{name}", "must be text, a number or a boolean")
                continue
            found[name] = _as_text(value)
            try:
                found[name] = self.resolve(found[name])
            except ValueError as error:
                self.problem(f"{key}.{name}", str(error))
        return found

    def transformation(self, key: str) -> TransformationText | None:
        value = self.document.get(key)
        if value is None or value == {}:
            return None
        if isinstance(value, dict):
            return self._inside(key, value)
        if isinstance(value, str):
            return self._beside(key, value)
        self.problem(key, "must be a transformation (an object) or the name of a file beside this one")
        return None

    def _inside(self, key: str, value: Document) -> TransformationText:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        start = read_text(self.text_of_file).offsets.get((key,)) if self.text_of_file else None
        if start is None:
            return TransformationText(f"{self.file}: {key}", text)
        _, end = json.JSONDecoder().raw_decode(self.text_of_file, start)
        before = re.sub(r"[^\n]", " ", self.text_of_file[:start])
        return TransformationText(self.file, text, key, before + self.text_of_file[start:end])

    def _beside(self, key: str, name: str) -> TransformationText | None:
        if self.folder is None:
            self.problem(key, "names a file, which only a system file on the gateway's own disk may do")
            return None
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            self.problem(key, f"names {name!r}, which lies outside the folder of this file")
            return None
        try:
            return TransformationText(str(self.folder / name), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self.problem(key, f"names {name!r}, which cannot be read ({_why(error)})")
            return None


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def read_definition(
    document: Document, *, file: str, folder: Path | None = None, resolve: Resolve = lambda text: text
) -> SystemDefinition:
    """The definition in ``document``; raises DefinitionError with every problem. ``file`` is its name in messages."""
    definition, problems = _survey(document, file, folder, resolve)
    if problems:
        raise DefinitionError(problems)
    return definition


def _survey(
    document: Document, file: str, folder: Path | None, resolve: Resolve, text: str = ""
) -> tuple[SystemDefinition, tuple[DefinitionProblem, ...]]:
    """The definition as far as it can be read, and every problem of it; ``text`` is that of its file."""
    reading = _Reading(document, file, folder, resolve, text)
    for key in document.keys() - _KNOWN:
        reading.problem(key, "is not a key of a system")
    mode = reading.text("accessMode")
    if mode and mode not in ACCESS_MODES:
        reading.problem("accessMode", f"is {mode!r}; it must be READ (source), WRITE (target) or PROXY")
    name = reading.text("name", document.get("id"))
    system_id = reading.text("id", document.get("name"))
    for key, label in {"name": name, "id": system_id}.items():
        if len(label) > _NAME_LIMIT:
            reading.problem(key, f"is longer than {_NAME_LIMIT} characters")
        if _NOT_TEXT.search(label) or label == _EVERY_SYSTEM:
            reading.problem(key, f"must be text without control characters, and not {_EVERY_SYSTEM!r} alone")
    sources = document.get("sources") or []
    if not isinstance(sources, list) or not all(isinstance(source, str) for source in sources):
        reading.problem("sources", "must be a list of names or ids of source systems")
        sources = []
    subscribers = document.get("emailSubscribers") or []
    if not isinstance(subscribers, list):
        reading.problem("emailSubscribers", "must be a list of mail addresses")
        subscribers = []
    definition = SystemDefinition(
        id=system_id,
        name=name,
        type=reading.text("connectorTypeString"),
        access_mode=mode,  # type: ignore[arg-type]  # checked above; a wrong one is one of the problems
        enabled=reading.text("state", "ENABLED").upper() == "ENABLED",
        description=reading.text("description", ""),
        properties=reading.values("properties"),
        credentials=reading.values("encryptedProperties"),
        read=reading.transformation("readTransformation"),
        write=reading.transformation("writeTransformation"),
        sources=tuple(sources),
        subscribers=tuple(each for each in subscribers if isinstance(each, str)),
        origin=file,
    )
    return definition, tuple(reading.problems)


def _parse(path: Path) -> tuple[Document, str]:
    """What a file holds, and its text."""
    try:
        content = path.read_bytes()
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        problem = DefinitionProblem(str(path), "", f"is not JSON: {error.msg}", line=error.lineno, column=error.colno)
        raise DefinitionError((problem,)) from None
    except OSError as error:
        raise DefinitionError((DefinitionProblem(str(path), "", f"cannot be read: {error.strerror}"),)) from None
    if not isinstance(document, dict):
        raise DefinitionError((DefinitionProblem(str(path), "", "must hold one JSON object: a system"),))
    return document, content.decode()


def survey_definitions(
    folder: Path, resolve: Resolve
) -> tuple[tuple[SystemDefinition, ...], tuple[DefinitionProblem, ...]]:
    """The system in every ``*.json`` of the folder but those that a system names as its transformations, and all that
    is wrong with them. A definition with problems is there too, as far as it could be read, to be checked further."""
    problems: list[DefinitionProblem] = []
    documents: dict[Path, Document | DefinitionError] = {}
    texts: dict[Path, str] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            documents[path], texts[path] = _parse(path)
        except DefinitionError as error:
            documents[path] = error
    transformations = _named_files(folder, documents.values())
    found: list[SystemDefinition] = []
    for path, document in documents.items():
        if path.resolve() in transformations:
            continue
        if isinstance(document, DefinitionError):
            problems.extend(document.problems)
            continue
        definition, mistakes = _survey(document, str(path), folder, resolve, texts[path])
        found.append(definition)
        problems.extend(mistakes)
    problems.extend(_duplicates(found))
    return tuple(one for one in found if one.type), tuple(problems)


def _named_files(folder: Path, documents: Iterable[Document | DefinitionError]) -> set[Path]:
    return {
        (folder / name).resolve()
        for document in documents
        if isinstance(document, dict)
        for key in ("readTransformation", "writeTransformation")
        if isinstance(name := document.get(key), str)
    }


def _duplicates(definitions: list[SystemDefinition]) -> list[DefinitionProblem]:
    """Ids and names share one space, because an address may carry either."""
    seen: dict[str, str] = {}
    problems = []
    for definition in definitions:
        for label, place in {definition.name: "name", definition.id: "id"}.items():
            if label in seen:
                message = f"{label!r} is the id or name of the system in {seen[label]} too; every system needs its own"
                problems.append(DefinitionProblem(definition.origin, place, message))
            if label:
                seen[label] = definition.origin
    return problems
