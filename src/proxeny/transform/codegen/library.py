"""What generated source calls by name."""

from typing import Any, Final

from proxeny.transform.copying import copied, settled
from proxeny.transform.errors import EntityFailedError
from proxeny.transform.paths.assign import HOLE, finish
from proxeny.transform.results import Result, failed, missing, skipped
from proxeny.transform.values import MISSING, Run, is_empty


def put(array: list[Any], index: int, value: Any) -> bool:
    """Write at ``index``, growing the list; whether that left holes, which ``finish`` removes at the end."""
    if index < len(array):
        array[index] = value
        return False
    holes = index - len(array)
    array.extend([HOLE] * holes)
    array.append(value)
    return holes > 0


def wrap_texts(document: dict[str, Any], name: str, key: str, value: Any) -> bool:
    """``document[name] = [{key: text}, …]``, if there is no such list yet and all elements are different texts.

    Else False, and nothing is done.
    """
    if value.__class__ is not list or not value or name in document:
        return False
    made = [{key: text} for text in value if text.__class__ is str]
    if len(made) != len(value) or (len(made) > 1 and len(set(value)) != len(made)):
        return False
    document[name] = made
    return True


def pop_each(value: Any, key: str) -> None:
    """``remove`` of ``[*].key`` in the list or object."""
    for item in value.values() if value.__class__ is dict else value if value.__class__ is list else ():
        if item.__class__ is dict:
            item.pop(key, None)


def correlate(keys: list[Any], value: Any) -> None:
    """Note a correlation key; each element of a list is one (decision 18)."""
    if value.__class__ is list:
        keys.extend(copied(value))
    else:
        keys.append(copied(value))


def not_an_object(entity_type: str) -> Result:
    return failed(EntityFailedError("the document is not an object", reason="bad-document"), entity_type, 0)


_CALLED: Final[tuple[Any, ...]] = (
    MISSING,
    Result,
    Run,
    copied,
    settled,
    put,
    wrap_texts,
    pop_each,
    finish,
    correlate,
    failed,
    missing,
    skipped,
    not_an_object,
    is_empty,
)
_BUILTINS: Final = (len, Exception, KeyError, TypeError, AttributeError, list, dict, str, tuple)


def names() -> dict[str, Any]:
    """A fresh set of globals for one generated function: what is here, and nothing else of Python."""
    called = {getattr(one, "__name__", "MISSING"): one for one in _CALLED}
    return {"__builtins__": {one.__name__: one for one in _BUILTINS}, "NO_OBJECT": {}, "NO_LIST": (), **called}
