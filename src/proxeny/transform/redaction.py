"""What a trace must not show: secrets, recognised by the name of the attribute (decision 32).

The transformation does not know schemas, so names decide: ``password``, ``userPassword``, ``BAPIPWD``,
``clientSecret``; not
``passwordDetails``, which says when it was changed.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

HIDDEN: Final = "***"

_SECRET: Final = re.compile(r"(?:.*(?:password|passwd|passphrase|pwd|secret|privatekey)|.*[._-]?token)", re.IGNORECASE)
_LAST_NAME: Final = re.compile(r"""([A-Za-z0-9_$@%-]+)(?:['"]?\]|\[[^\]]*\])*\s*$""")


def is_secret(name: str) -> bool:
    """Whether an attribute of this name holds a secret."""
    return _SECRET.fullmatch(name) is not None


def any_secret(names: Iterable[Any]) -> bool:
    """Whether one of the keys of a path names a secret; indexes are passed over."""
    return any(isinstance(name, str) and is_secret(name) for name in names)


def redacted(value: Any) -> Any:
    """A copy in which every secret, also the value of a PatchOp operation on a secret's path, is ``***``."""
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if isinstance(value, dict):
        hidden_value = _path_is_secret(value.get("path"))
        return {
            key: HIDDEN if is_secret(key) or (hidden_value and key == "value") else redacted(item)
            for key, item in value.items()
        }
    return value


def hidden_at(value: Any, names: tuple[str, ...]) -> Any:
    """A copy in which what stands at the names, in every element of lists on the way, is ``***``."""
    if isinstance(value, list):
        return [hidden_at(item, names) for item in value]
    if not names:
        return HIDDEN
    if isinstance(value, dict) and names[0] in value:
        return {**value, names[0]: hidden_at(value[names[0]], names[1:]) if names[1:] else HIDDEN}
    return value


def _path_is_secret(path: Any) -> bool:
    if not isinstance(path, str):
        return False
    found = _LAST_NAME.search(path)
    return found is not None and is_secret(found[1])
