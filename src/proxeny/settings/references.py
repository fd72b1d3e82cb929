"""References in configured text: ``${env:NAME}``, ``${env:NAME:-default}`` and ``${file:PATH}``.

They name a secret by its place, so that a configuration can be shown and versioned. They resolve only in files on the
gateway's own disk, never in what an API or an import brought.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from proxeny.errors import UnresolvedReferenceError

_REFERENCE = re.compile(r"\$\{(?P<kind>env|file):(?P<name>[^}]*?)(?P<fallback>:-[^}]*)?\}")


def resolve_text(text: str, environ: Mapping[str, str], base_dir: Path) -> str:
    """The text with its references replaced; other ``${…}`` stay as they are.

    As in a shell, a default stands in for a variable that is unset or empty. A file is UTF-8 text, taken without its
    last line break, and its relative path starts at ``base_dir``. UnresolvedReferenceError names what is missing.
    """
    if "${" not in text:
        return text

    def value(reference: re.Match[str]) -> str:
        name, fallback = reference["name"], reference["fallback"]
        if reference["kind"] == "file":
            return _content(base_dir / (name + (fallback or "")))
        found = environ.get(name)
        if found is None or (found == "" and fallback is not None):
            found = fallback[2:] if fallback is not None else None
        if found is None:
            raise UnresolvedReferenceError(f"the environment variable {name} is not set; set it and start again.")
        return found

    return _REFERENCE.sub(value, text)


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise UnresolvedReferenceError(f"the file {path} cannot be read ({error.strerror}); create it.") from error
    except UnicodeDecodeError as error:
        raise UnresolvedReferenceError(f"the file {path} is not UTF-8 text; write it as text.") from error
