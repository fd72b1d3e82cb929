"""What one run of one entity gives: a document, or the reason why there is none."""

from dataclasses import dataclass, field
from typing import Any, Literal

from proxeny.documents import Document
from proxeny.transform.errors import EntityFailedError

Status = Literal["ok", "skipped", "failed"]


@dataclass(slots=True)
class Result:
    """The outcome of a run.

    ``ok``: ``document`` (never shares anything with the input), ``variables`` as the mappings left them and
    ``correlation_keys``,
    one for each value of a ``correlationAttribute``. ``skipped`` and ``failed``: ``reason`` is a stable code,
    ``message`` a sentence without values
    of the entity, ``mapping`` the number of the mapping that failed.
    """

    status: Status
    document: Document = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    correlation_keys: tuple[Any, ...] = ()
    reason: str | None = None
    message: str | None = None
    mapping: int | None = None


def skipped(reason: str, message: str) -> Result:
    return Result("skipped", reason=reason, message=message)


def failed(error: Exception, entity_type: str, mapping: int) -> Result:
    """The result of an entity that could not cross because of ``error`` at ``mapping`` (0: before the first)."""
    number = mapping or None
    where = f"{entity_type} mapping {mapping}: " if mapping else f"{entity_type}: "
    if isinstance(error, EntityFailedError):
        return Result("failed", reason=error.reason, message=where + str(error), mapping=error.mapping or number)
    if isinstance(error, RecursionError):
        return Result("failed", reason="too-deep", message=where + "the document is nested too deeply", mapping=number)
    message = f"{where}an internal error ({type(error).__name__}); the entity was not changed, please report it"
    return Result("failed", reason="internal-error", message=message, mapping=number)


def missing(entity_type: str, mapping: int, target: str, source: str) -> Result:
    """The result of an entity without the value that a mapping needs."""
    what = f"{entity_type} mapping {mapping}: mandatory attribute {target} is missing"
    message = f"{what} ({source or 'the function'} gives no value); make it optional or add a defaultValue"
    return Result("failed", reason="missing-attribute", message=message, mapping=mapping)
