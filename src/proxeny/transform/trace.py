"""What each mapping did with one entity: recorded by the compiled program itself when it is asked to explain.

The program that production runs is generated a second time with a call into this report after each step; nothing is
interpreted a second way. Secrets are hidden when the report is shown, by the name of target or source (decision 32).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

from proxeny.documents import Document
from proxeny.transform.redaction import HIDDEN, hidden_at, is_secret, redacted
from proxeny.transform.results import Result
from proxeny.transform.values import MISSING, to_text

Outcome = Literal[
    "written",
    "default",
    "removed",
    "renamed",
    "optional",
    "nothing",
    "failed",
    "condition",
    "scope",
    "ignored",
    "not reached",
]

_SAYS: Final[dict[Outcome, str]] = {
    "written": "written",
    "default": "no value: default written",
    "removed": "removed",
    "renamed": "renamed",
    "optional": "no value: optional, left out",
    "nothing": "no value: nothing to write",
    "failed": "failed",
    "condition": "condition false",
    "scope": "not in the scope of this operation",
    "ignored": "ignored",
    "not reached": "not reached",
}
_LONGEST: Final = 160
Operands = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Label:
    """What a mapping is called in a trace: its number from 1, what it reads and where it writes, as written in the
    file."""

    number: int
    kind: str
    source: str
    target: str | None
    variable: str | None
    secret: bool


@dataclass(slots=True)
class FunctionTrace:
    """One function: the value before and after; both equal when its condition was false."""

    name: str
    before: Any
    after: Any


@dataclass(slots=True)
class MappingTrace:
    """One mapping. ``operands`` are the values its condition compared, ``value`` what was read, ``result`` what was
    written."""

    label: Label
    outcome: Outcome = "not reached"
    operands: Operands = ()
    value: Any = MISSING
    functions: list[FunctionTrace] = field(default_factory=list)
    result: Any = MISSING
    message: str | None = None

    def to_document(self) -> Document:
        """The mapping as JSON; keys without a value are left out."""
        label = self.label
        hide = label.secret
        entries: dict[str, Any] = {
            "mapping": label.number,
            "type": label.kind,
            "source": label.source or None,
            "targetPath": label.target,
            "targetVariable": label.variable,
            "outcome": self.outcome,
            "operands": [
                {"operand": text, "value": _shown(value, is_secret(_last(text)))} for text, value in self.operands
            ]
            or None,
            "functions": [
                {"function": one.name, "before": _shown(one.before, hide), "after": _shown(one.after, hide)}
                for one in self.functions
            ]
            or None,
            "message": self.message,
        }
        document = {key: value for key, value in entries.items() if value is not None}
        if self.value is not MISSING:
            document["value"] = _shown(self.value, hide)
        if self.result is not MISSING:
            document["written"] = _shown(self.result, hide)
        return document


@dataclass(slots=True)
class Trace:
    """One entity through one program. ``operands`` are those of the entity's condition; ``result`` is the run's own
    result; ``secret_places`` are where in its document secrets may stand, whatever their names there."""

    entity_type: str
    operation: str
    mappings: list[MappingTrace]
    operands: Operands = ()
    result: Result = field(default_factory=lambda: Result("failed"))
    secret_places: tuple[tuple[str, ...], ...] = ()

    def condition(self, index: int, operands: Operands, held: bool) -> bool:
        """Note the operands of a mapping's condition (index -1: the entity's), and pass on whether it held."""
        if index < 0:
            self.operands = operands
            return held
        mapping = self.mappings[index]
        mapping.operands = operands
        if not held:
            mapping.outcome = "condition"
        return held

    def read(self, index: int, value: Any) -> None:
        """Note what was read; ``None`` from a path means no value."""
        self.mappings[index].value = value

    def function(self, index: int, name: str, before: Any, after: Any) -> None:
        ran = not (_is_no_value(before) and _is_no_value(after))  # without a value it does not run (spec §3 step 6)
        if ran:
            self.mappings[index].functions.append(FunctionTrace(name, before, after))

    def end(self, index: int, outcome: Outcome, value: Any = MISSING) -> None:
        """Note how the mapping ended and what it wrote."""
        mapping = self.mappings[index]
        mapping.outcome = outcome
        mapping.result = value

    def finish(self, result: Result) -> "Trace":
        """Take over the run's result; the mapping that failed gets the reason."""
        self.result = result
        for mapping in self.mappings:
            if result.status == "failed" and mapping.label.number == result.mapping:
                mapping.outcome = "failed"
                mapping.message = result.message
        return self

    def to_document(self) -> Document:
        """The whole trace as JSON, secrets hidden."""
        result = self.result
        document: Document = {
            "entityType": self.entity_type,
            "operation": self.operation,
            "status": result.status,
            "operands": [
                {"operand": text, "value": _shown(value, is_secret(_last(text)))} for text, value in self.operands
            ],
            "mappings": [mapping.to_document() for mapping in self.mappings],
            "variables": {
                name: HIDDEN if name in self._secret_variables() else _shown(value, is_secret(name))
                for name, value in result.variables.items()
            },
        }
        if result.status == "ok":
            output = result.document
            for names in self.secret_places:
                output = hidden_at(output, names) if names else {}
            document["document"] = _shown(output, False)
        else:
            document |= {"reason": result.reason, "message": result.message}
        return document

    def render(self) -> str:
        """The trace for people: a line for each mapping, its steps indented under it."""
        return "\n".join(_lines(self.to_document())) + "\n"

    def _secret_variables(self) -> frozenset[str]:
        return frozenset(
            mapping.label.variable
            for mapping in self.mappings
            if mapping.label.secret and mapping.label.variable is not None
        )


def _lines(document: Document) -> Iterator[str]:
    why = f": {document['message']}" if document.get("message") else ""
    yield f"{document['entityType']} · {document['operation']} · {document['status']}{why}"
    for operand in document["operands"]:
        yield f"      {operand['operand']} = {_short(operand['value'])}"
    for mapping in document["mappings"]:
        yield from _mapping_lines(mapping)
    if "document" in document:
        yield "output:"
        yield orjson.dumps(document["document"], option=orjson.OPT_INDENT_2).decode()


def _mapping_lines(mapping: Document) -> Iterator[str]:
    places = [mapping["targetPath"]] if "targetPath" in mapping else []
    if "targetVariable" in mapping:
        places.append("${" + mapping["targetVariable"] + "}")
    what = " → ".join(part for part in (mapping.get("source", ""), ", ".join(places)) if part)
    kind = "" if mapping["type"] == "set" else mapping["type"] + " "
    written = f"  {_short(mapping['written'])}" if "written" in mapping else ""
    message = f": {mapping['message']}" if "message" in mapping else ""
    yield f"{mapping['mapping']:4}  {kind}{what}  [{_SAYS[mapping['outcome']]}{message}]{written}"
    for operand in mapping.get("operands", ()):
        yield f"        {operand['operand']} = {_short(operand['value'])}"
    for one in mapping.get("functions", ()):
        yield f"        {one['function']}: {_short(one['before'])} → {_short(one['after'])}"


def _shown(value: Any, hidden: bool) -> Any:
    if value is None or value is MISSING:
        return None
    return HIDDEN if hidden else _printable(redacted(value))


def _printable(value: Any) -> Any:
    if isinstance(value, bytes):
        return to_text(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return {key: _printable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _short(value: Any) -> str:
    text = orjson.dumps(value, default=to_text).decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _last(operand: str) -> str:
    names = operand.replace("[", ".").replace("]", "").replace("'", "").replace('"', "").split(".")
    return next((name for name in reversed(names) if name and not name.startswith(("*", "?"))), "")


def _is_no_value(value: Any) -> bool:
    return value is None or value is MISSING
