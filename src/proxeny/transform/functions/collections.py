"""Functions on objects and lists: keys copied, renamed, put; an element taken."""

from typing import Any

from proxeny.transform.errors import ParameterError
from proxeny.transform.functions.registry import Core, Function, Given, Parameter
from proxeny.transform.values import MISSING, Run


def fresh(value: Any) -> Any:
    """A copy of a value of the transformation, so that two outputs never share it."""
    if type(value) is dict:
        return {key: fresh(part) for key, part in value.items()}
    return [fresh(part) for part in value] if type(value) is list else value


def _element_at(given: Given) -> Core:
    index = given["index"]
    if index is MISSING:
        raise ParameterError("'index' has no value", "index")

    def element(value: Any, run: Run) -> Any:
        if type(value) is not list:
            return value if index == 0 else MISSING
        return value[index] if 0 <= index < len(value) else MISSING

    return element


def _copy_entry(given: Given) -> Core:
    source, target = given["sourceKey"], given["targetKey"]
    return lambda value, run: {**value, target: fresh(value[source])} if source in value else value


def _rename_entry(given: Given) -> Core:
    source, target = given["sourceKey"], given["targetKey"]

    def rename(value: Any, run: Run) -> Any:
        if source not in value or source == target:
            return value
        kept = ((key, part) for key, part in value.items() if key != target)
        return {target if key == source else key: part for key, part in kept}

    return rename


def _put(*, present: bool) -> Any:
    """A key without a value, or with ``null``, is absent."""

    def prepare(given: Given) -> Core:
        key, default = given["key"], given["defaultValue"]
        if default is MISSING:
            return lambda value, run: value
        return lambda value, run: {**value, key: fresh(default)} if (value.get(key) is not None) is present else value

    return prepare


_KEYS = (
    Parameter("sourceKey", required=True, accepts_path=False),
    Parameter("targetKey", required=True, accepts_path=False),
)
_DEFAULT = (
    Parameter("key", required=True, accepts_path=False),
    Parameter("defaultValue", "any", required=True, accepts_variables=False),
)

FUNCTIONS = (
    Function("elementAt", (Parameter("index", "integer", required=True),), _element_at, on="list"),
    Function("copyMapEntry", _KEYS, _copy_entry, on="object"),
    Function("renameMapEntry", _KEYS, _rename_entry, on="object"),
    Function("putIfAbsent", _DEFAULT, _put(present=False), on="object"),
    Function("putIfPresent", _DEFAULT, _put(present=True), on="object"),
)
