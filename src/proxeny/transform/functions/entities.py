"""``resolveEntityIds``: ids of the source system become ids of the target system; in a proxy they stay as they are."""

from collections.abc import Callable
from typing import Any

from proxeny.transform.errors import EntityFailedError
from proxeny.transform.functions.registry import Core, Function, Given, Lookup, Parameter
from proxeny.transform.values import MISSING, Run, to_text


def _resolve(given: Given) -> Core:
    if given.environment.role == "proxy":
        return lambda value, run: value

    def unanswered(value: Any, run: Run) -> Any:
        raise EntityFailedError("resolveEntityIds was run without the store's answers", reason="function-failed")

    return unanswered


def _question(given: Given) -> Callable[[Any], Lookup | None]:
    kind = "user" if given["entityType"] is MISSING else given["entityType"]
    source, target = (given[name] or None for name in ("sourceSystemName", "targetSystemName"))

    def ask(value: Any) -> Lookup | None:
        identity = to_text(value)
        return Lookup(kind, identity, source, target) if identity else None

    return ask


FUNCTIONS = (
    Function(
        "resolveEntityIds",
        (
            Parameter("entityType", "choice", default="user", choices=("user", "group"), accepts_path=False),
            Parameter("sourceSystemName", accepts_path=False),
            Parameter("targetSystemName", accepts_path=False),
        ),
        _resolve,
        question=_question,
        default_attribute="value",
    ),
)
