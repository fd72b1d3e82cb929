"""What a run keeps of the content of its entities (``ips.trace.*.content``), without secrets (operations.md 7).

Kept is what the far side has or was to get: at the source the native document, at a target the document that is sent,
or, where the transformation made none, the common one. Nothing is kept of a deletion: the entity is gone.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from proxeny.connectors.properties import CREDENTIALS, PropertyValues
from proxeny.connectors.spi import Connector
from proxeny.documents import Document
from proxeny.logs import MASK, redact
from proxeny.provisioning.deliveries.case import Case
from proxeny.provisioning.deliveries.origin import Item
from proxeny.store.contents import Content
from proxeny.store.outcomes import Outcome
from proxeny.transform.redaction import redacted

LIMIT = 150_000
"""Characters of one content, unless ``ips.trace.entity.content.unlimited``."""
PREFIX = "ips.trace"
KINDS = ("failed", "skipped", "created", "updated")
WISHES = tuple(f"{PREFIX}.{kind}.entity.content" for kind in KINDS)
UNLIMITED = f"{PREFIX}.entity.content.unlimited"
_WITH_UNLIMITED = (f"{PREFIX}.skipped.entity", WISHES[1], WISHES[0])
_SHORT = 4
_BY_ENDING = {"failed": "failed", "skipped": "skipped", "held": "skipped"}
_BY_ACTION = {"create": "created", "update": "updated", "correlate": "updated"}


def wishes_of(values: PropertyValues) -> dict[str, bool]:
    """Which contents a source wants, by the name of the property."""
    return {name: values.flag(name) for name in WISHES}


def kind_of(outcome: Outcome) -> str | None:
    """Under which of KINDS an outcome falls, if any."""
    if outcome.outcome == "done":
        return _BY_ACTION.get(outcome.action)
    return _BY_ENDING.get(outcome.outcome)


@dataclass(frozen=True, slots=True)
class Tracing:
    """What is kept: ``kinds`` of KINDS; ``limit`` in characters, None for all; ``secrets`` are values that are masked
    wherever they stand (short ones as a word of their own, or every text would be in shreds), also as numbers;
    ``names`` attributes (lower case) whose values are."""

    kinds: frozenset[str] = frozenset()
    limit: int | None = LIMIT
    secrets: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def at_source(self) -> bool:
        """Whether the source has to give the native document of what failed or was skipped."""
        return not self.kinds.isdisjoint(("failed", "skipped"))

    def of_items(self, rows: Iterable[tuple[Outcome, Item]]) -> Iterator[Content]:
        """What is kept of entities as the source gave them."""
        for outcome, item in rows if self.at_source else ():
            if kind_of(outcome) in self.kinds and item.native:
                yield self._content(outcome, item.native)

    def of_cases(self, cases: Iterable[Case]) -> Iterator[Content]:
        """What is kept of entities on their way to a target."""
        for case in cases if self.kinds else ():
            outcome = case.outcome
            if outcome is None or kind_of(outcome) not in self.kinds:
                continue
            document = case.crossed.document if case.crossed.status == "ok" else case.item.document
            if document:
                yield self._content(outcome, document)

    def shown(self, document: Document) -> str:
        """The content as it is kept."""
        clean = self._masked(redacted(redact(document, self.names)))
        try:
            text = orjson.dumps(clean).decode()
        except (TypeError, ValueError):  # a lone surrogate, a huge number
            text = json.dumps(clean, default=str)
        return text if self.limit is None else text[: self.limit]

    def _content(self, outcome: Outcome, document: Document) -> Content:
        return Content(outcome.system, outcome.entity_type, outcome.entity_id, self.shown(document))

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self.secrets:
                value = value.replace(secret, MASK) if len(secret) >= _SHORT else _word_masked(value, secret)
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if str(value) in self.secrets else value
        if isinstance(value, Mapping):
            return {key: self._masked(part) for key, part in value.items()}
        return [self._masked(part) for part in value] if isinstance(value, list) else value


NOTHING = Tracing()


def tracing(
    wanted: Iterable[str], source: PropertyValues, systems: Iterable[tuple[PropertyValues, Connector]]
) -> Tracing:
    """How a run keeps contents for these wishes, over the source and its targets (``systems``)."""
    kinds = frozenset(kind for kind, name in zip(KINDS, WISHES, strict=True) if name in set(wanted))
    if not kinds:
        return NOTHING
    unlimited = source.flag(UNLIMITED) and all(map(source.flag, _WITH_UNLIMITED))
    every = list(systems)
    secrets = {secret for values, _ in every for secret in _secrets(values)}
    names = frozenset(name for _, connector in every for name in _never_returned(connector))
    longest_first = tuple(sorted(secrets, key=lambda secret: (-len(secret), secret)))
    return Tracing(kinds, None if unlimited else LIMIT, longest_first, names)


def _secrets(values: PropertyValues) -> Iterator[str]:
    for name in values.secrets | CREDENTIALS:
        if secret := values.text(name):
            yield secret


def _word_masked(text: str, secret: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)


def _never_returned(connector: Connector) -> Iterator[str]:
    for entity_type in connector.entity_types.values():
        for schema in entity_type.schemas:
            yield from (one.name.lower() for one in schema.attributes if one.returned == "never")
