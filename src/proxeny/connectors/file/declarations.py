"""The properties of File systems, declared once."""

from collections.abc import Iterable, Mapping
from itertools import chain

from proxeny.connectors.places import parse_place
from proxeny.connectors.properties import Property, PropertyProblem

NAMES: Mapping[str, str] = {"user": "userName", "group": "displayName"}
"""Entity type → the field on which no two entities agree, unless the system says otherwise."""
FORMATS = ("csv", "jsonl")


def _of_entity(name: str, unique: str) -> Iterable[Property]:
    of = f"file.{name}"
    yield Property(
        f"{of}.path",
        help=f"File with one {name} a line, below the folder that the operator named in [systems] files.",
    )
    yield Property(
        f"{of}.format",
        "choice",
        default="auto",
        choices=("auto", *FORMATS),
        help="CSV with a header of places (emails[0].value), or JSON lines; auto: by the ending .csv or .jsonl.",
    )
    yield Property(f"{of}.key", default="id", help=f"Field that identifies a {name}; a new one gets a UUID if empty.")
    yield Property(f"{of}.unique", "list", default=unique, help="Fields on which no two entities agree.")
    yield Property(f"{of}.boolean", "list", default="active", help="Fields of a CSV file that are true or false.")


PROPERTIES: tuple[Property, ...] = (
    *chain.from_iterable(_of_entity(name, unique) for name, unique in NAMES.items()),
    Property(
        "file.delimiter",
        "choice",
        default="comma",
        choices=("comma", "semicolon", "tab"),
        help="What stands between the cells of a CSV file.",
    ),
)


def problems(values: Mapping[str, str]) -> Iterable[PropertyProblem]:
    """What is wrong with the properties together."""
    paths = {name: values.get(f"file.{name}.path") for name in NAMES}
    if not any(paths.values()):
        yield PropertyProblem("file.user.path", "is missing and needed: the file of the users")
    for name, path in paths.items():
        if path and values.get(f"file.{name}.format", "auto") == "auto" and format_of(path) is None:
            yield PropertyProblem(f"file.{name}.path", f"ends in neither .csv nor .jsonl; set file.{name}.format")
        for key in (f"file.{name}.key", f"file.{name}.unique", f"file.{name}.boolean"):
            yield from _places(key, values.get(key, ""))


def _places(key: str, text: str) -> Iterable[PropertyProblem]:
    for part in filter(None, map(str.strip, text.split(","))):
        try:
            parse_place(part)
        except ValueError as error:
            yield PropertyProblem(key, str(error))


def format_of(path: str) -> str | None:
    """The format by the ending of a file's name."""
    ending = path.rpartition(".")[2].lower()
    return {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}.get(ending)
