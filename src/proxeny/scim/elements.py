"""The values of one multi-valued attribute while a PatchOp is applied: found by hash, changed without shifting."""

from bisect import insort
from collections.abc import Iterable
from typing import Any

from proxeny.scim.errors import PayloadTooLargeError
from proxeny.scim.filter.ast import And, Comparison, Filter
from proxeny.scim.filter.evaluate import compile_element_filter
from proxeny.scim.schema import Attribute
from proxeny.scim.values import comparable

MOST_LOOKS = 1_000_000
"""At values, by the operations of one request on one attribute: a second, in which nobody else is answered."""


class Elements:
    """An ordered set of numbered values; a number stays with its value, so removals do not shift the others.

    The index by ``value`` is made when it is first needed, once for all operations, so that many changes to a large
    group cost as much as one walk through it. The values handed in are never changed: a change puts a new one.
    """

    def __init__(self, attribute: Attribute, values: Iterable[Any]) -> None:
        self._attribute = attribute
        self._values: dict[int, Any] = dict(enumerate(values))
        self._next = len(self._values)
        self._looks = 0
        named = attribute.sub("value")
        self._convert = comparable(named or attribute)
        self._named = named is not None
        self._index: dict[Any, int | list[int]] | None = None
        self.by_identity = named is not None and named.mutability == "immutable"

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, number: int) -> bool:
        return number in self._values

    def __getitem__(self, number: int) -> Any:
        return self._values[number]

    def numbers(self) -> list[int]:
        """Of all values, to be looked at one by one."""
        self._look(len(self._values))
        return list(self._values)

    def to_list(self) -> list[Any]:
        return list(self._values.values())

    def _look(self, values: int) -> None:
        """Raises PayloadTooLargeError for operations that look at values over and over."""
        self._looks += values
        if self._looks > MOST_LOOKS:
            raise PayloadTooLargeError(
                f"The PATCH compares the values of '{self._attribute.name}' more than {MOST_LOOKS} times; nothing was "
                "changed. Send several with fewer operations, or choose values by 'value eq'."
            )

    def _key(self, value: Any) -> Any:
        if self._named:
            value = value.get("value") if isinstance(value, dict) else None
        return None if value is None else self._convert(value)

    def _bucket(self, key: Any) -> list[int]:
        """The numbers under a key, in order; makes the index at the first call."""
        if self._index is None:
            self._index = {}
            for number, value in self._values.items():
                self._enter(number, value)
        numbers = self._index.get(key, [])
        return [numbers] if isinstance(numbers, int) else numbers

    def put(self, number: int, value: Any) -> None:
        """Another value under the same number."""
        self._unindex(number)
        self._values[number] = value
        self._enter(number, value)

    def append(self, value: Any) -> int:
        number = self._next
        self._next += 1
        self._values[number] = value
        self._enter(number, value)
        return number

    def _enter(self, number: int, value: Any) -> None:
        """Most keys have one number, so a list is made only for those that have more."""
        if self._index is None:
            return
        key = self._key(value)
        present = self._index.setdefault(key, number)
        if present == number:
            return
        if isinstance(present, int):
            self._index[key] = sorted((present, number))
        else:
            insort(present, number)

    def _unindex(self, number: int) -> None:
        if self._index is None:
            return
        key = self._key(self._values[number])
        present = self._index[key]
        if isinstance(present, int):
            del self._index[key]
        else:
            present.remove(number)

    def remove(self, number: int) -> None:
        self._unindex(number)
        del self._values[number]

    def clear(self) -> None:
        self._values, self._index = {}, None

    def add(self, value: Any) -> int:
        """The number of a value that says at least as much as ``value``, which is added if there is none.

        Values of an attribute whose ``value`` is immutable (members) are the same when their ``value`` is.
        """
        alike = self._bucket(self._key(value))
        self._look(len(alike))
        for number in alike:
            if self.by_identity or _says(self._values[number], value):
                return number
        return self.append(value)

    def select(self, tree: Filter) -> list[int]:
        """The numbers of the values that meet the filter; a filter on ``value eq`` does not walk through all."""
        exact = _value_comparison(tree)
        if exact is None:
            matches = compile_element_filter(tree, self._attribute)
            return [number for number in self.numbers() if matches(self._values[number])]
        found = list(self._bucket(self._convert(exact.value)))
        if isinstance(tree, Comparison) or not found:
            return found
        self._look(len(found))
        matches = compile_element_filter(tree, self._attribute)
        return [number for number in found if matches(self._values[number])]


def _value_comparison(tree: Filter) -> Comparison | None:
    for term in tree.terms if isinstance(tree, And) else (tree,):
        if isinstance(term, Comparison) and term.operator == "eq" and term.path.name.lower() == "value":
            return term if term.value is not None else None
    return None


def _says(existing: Any, value: Any) -> bool:
    if isinstance(existing, dict) and isinstance(value, dict):
        return all(existing.get(name) == part for name, part in value.items())
    return bool(existing == value)
