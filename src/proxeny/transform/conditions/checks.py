"""The language's own conditional functions: ``isValidEmail`` and its like (spec §5, decision 43)."""

import re
from collections.abc import Callable
from typing import Any, Final

from proxeny.transform.conditions.environment import Environment
from proxeny.transform.values import MISSING, Evaluate, Run, Test

GROUP_SCHEMA: Final = "urn:ietf:params:scim:schemas:extension:sap:2.0:Group"
APPLICATION_PROPERTY: Final = "ips.application.id"

LONGEST_EMAIL: Final = 1000

# The published pattern, with its atomic groups and its typographic quote.
_NAME: Final = "a-zA-Z0-9!#$%&‘*+/=?^_`{|}~-"
_EMAIL: Final = re.compile(
    rf"['{_NAME}]+(?>\.[{_NAME}]+)*@(?>[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]?\.)+[a-zA-Z0-9](?>[a-zA-Z0-9-]*[a-zA-Z0-9])?"
)


def is_email(value: Any) -> bool:
    """Of a list, every element; of nothing and of an empty list, no."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, str) and is_email(item) for item in value)
    return isinstance(value, str) and len(value) <= LONGEST_EMAIL and _EMAIL.fullmatch(value) is not None


def _begins(value: Any, prefix: str) -> bool:
    if isinstance(value, list):
        return all(_begins(item, prefix) for item in value)
    return isinstance(value, str) and value.startswith(prefix)


def _absent(value: Any) -> bool:
    return value is MISSING or value is None or value == []


def group_attribute(root: Any, name: str) -> Any:
    """The attribute of the group's SAP extension, or MISSING; ``null`` counts as missing."""
    extension = root.get(GROUP_SCHEMA) if isinstance(root, dict) else None
    value = extension.get(name) if isinstance(extension, dict) else None
    return MISSING if value is None else value


def valid_email(get: Evaluate) -> Test:
    return lambda current, run: is_email(get(current, run))


def optional_prefix(get: Evaluate, prefix: str | None) -> Test:
    """True without the property and without the attribute."""
    if prefix is None:
        return lambda current, run: True

    def test(current: Any, run: Run) -> bool:
        value = get(current, run)
        return _absent(value) or _begins(value, prefix)

    return test


def mandatory_prefix(get: Evaluate, prefix: str | None) -> Test:
    """Needs the property and the attribute."""
    if prefix is None:
        return lambda current, run: False

    def test(current: Any, run: Run) -> bool:
        value = get(current, run)
        return not _absent(value) and _begins(value, prefix)

    return test


def regular_group(current: Any, run: Run) -> bool:
    """One of supportedOperations and applicationId is missing."""
    supported = group_attribute(run.root, "supportedOperations")
    return supported is MISSING or group_attribute(run.root, "applicationId") is MISSING


def application_group(application: str | None) -> Test:
    """The group's applicationId is the property ``ips.application.id``."""
    if application is None:
        return lambda current, run: False
    return lambda current, run: group_attribute(run.root, "applicationId") == application


PREFIX_CHECKS: dict[str, Callable[[Evaluate, str | None], Test]] = {
    "isAttributeWithOptionalPrefix": optional_prefix,
    "isAttributeWithMandatoryPrefix": mandatory_prefix,
}


def settled_check(function: str, key: str | None, environment: Environment) -> bool | None:
    """The result, if the properties alone decide it; else None."""
    if function == "isApplicationSpecificGroup" and environment.text(APPLICATION_PROPERTY) is None:
        return False
    if function in PREFIX_CHECKS and environment.text(key or "") is None:
        return function == "isAttributeWithOptionalPrefix"
    return None
