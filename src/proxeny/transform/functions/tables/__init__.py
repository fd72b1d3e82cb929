"""Code tables as data; each file names where its facts come from."""

from functools import cache
from importlib.resources import files
from typing import Any

import orjson


@cache
def table(name: str) -> dict[str, Any]:
    """The table ``<name>.json`` beside this module, as read: not to be changed."""
    content: dict[str, Any] = orjson.loads(files(__name__).joinpath(f"{name}.json").read_bytes())
    return content
