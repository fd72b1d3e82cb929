"""The built-in functions by name: one table of what the rooms beside it bring."""

from collections.abc import Mapping
from types import MappingProxyType

from proxeny.transform.functions import casing, codes, collections, dates, encoding, entities, passwords, strings
from proxeny.transform.functions.registry import Function

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        function.name: function
        for module in (strings, casing, collections, dates, codes, entities, encoding, passwords)
        for function in module.FUNCTIONS
    }
)
