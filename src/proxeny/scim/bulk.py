"""Bulk requests planned and walked without input or output (RFC 7644 §3.7).

``parse_bulk`` reads the message. ``run_bulk`` is a generator: it yields one request at a time and is sent its outcome,
so that whoever holds the backend carries them out. Operations keep their order, except that one waits for those whose
``bulkId`` it refers to, in its data or its path. Where resources refer to each other in a circle, one of them is
created without those references and gets them by a PATCH when the others exist (§3.7.1).
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any

from proxeny.documents import Document
from proxeny.scim.bulk_plan import (
    METHODS,
    BulkOperation,
    BulkOutcome,
    BulkPlan,
    BulkStep,
    found,
    parse_bulk,
    references,
    resolve,
)
from proxeny.scim.errors import ConflictingRequestError, ScimError
from proxeny.scim.patch_operations import PATCH_SCHEMA

__all__ = ["METHODS", "BulkOperation", "BulkOutcome", "BulkPlan", "BulkStep", "parse_bulk", "resolve", "run_bulk"]


def run_bulk(plan: BulkPlan) -> Generator[BulkStep, BulkOutcome, list[Document]]:
    """Yields the steps; send each one's outcome. Returns the results in the order of the request.

    After ``failOnErrors`` failures the operations that are left are not carried out and have no result.
    """
    walk = _Walk(plan)
    while (operation := walk.next()) is not None:
        step = walk.step(operation)
        outcome = BulkOutcome.of_error(step) if isinstance(step, ScimError) else (yield step)
        walk.record(operation, outcome)
        if plan.fail_on_errors is not None and walk.failures >= plan.fail_on_errors:
            break
    for operation, step in walk.completions():
        walk.complete(operation, (yield step))
    return walk.results()


class _Walk:
    """Where a bulk request stands."""

    def __init__(self, plan: BulkPlan) -> None:
        self.left = {operation.index: operation for operation in plan.operations}
        self.needs = {
            operation.index: frozenset() if operation.error else references(operation) for operation in plan.operations
        }
        self.definers = {
            operation.bulk_id: operation.index
            for operation in plan.operations
            if operation.bulk_id and operation.is_defining
        }
        self.ids: dict[str, str] = {}
        self.failed: set[str] = set()
        self.outcomes: dict[int, tuple[BulkOperation, BulkOutcome]] = {}
        self.postponed: dict[int, list[Document]] = {}
        self.failures = 0

    def _waits_for(self, index: int) -> list[int]:
        return [
            definer
            for name in self.needs[index]
            if name not in self.ids and name not in self.failed and (definer := self.definers[name]) != index
        ]

    def next(self) -> BulkOperation | None:
        """The first operation that waits for nothing, else one of a circle."""
        if not self.left:
            return None
        ready = next((index for index in self.left if not self._waits_for(index)), None)
        return self.left.pop(self._in_circle() if ready is None else ready)

    def _in_circle(self) -> int:
        index, seen = next(iter(self.left)), list[int]()
        while index not in seen:
            seen.append(index)
            index = min(self._waits_for(index))
        return min(seen[seen.index(index) :])

    def step(self, operation: BulkOperation) -> BulkStep | ScimError:
        """The request for an operation, or why it cannot be made."""
        if operation.error is not None:
            return operation.error
        lost = sorted(self.needs[operation.index] & self.failed)
        if lost:
            return ConflictingRequestError(f"The operation with bulkId {lost[0]!r} failed, so this one was not done.")
        data = operation.data
        missing = self.needs[operation.index] - self.ids.keys()
        if missing and data is not None:
            data, additions = _without(data, lambda value: bool(missing.intersection(found(value, ""))))
            self.postponed[operation.index] = additions
        path = resolve(operation.path, self.ids, "path")
        return BulkStep(operation.method, path, resolve(data, self.ids), operation.version)

    def record(self, operation: BulkOperation, outcome: BulkOutcome) -> None:
        self.outcomes[operation.index] = operation, outcome
        if outcome.failed:
            self.failures += 1
        if operation.bulk_id is None or self.definers.get(operation.bulk_id) != operation.index:
            return
        if outcome.failed or outcome.id is None:
            self.failed.add(operation.bulk_id)
        else:
            self.ids[operation.bulk_id] = outcome.id

    def completions(self) -> Iterator[tuple[BulkOperation, BulkStep]]:
        """The PATCHes that give created resources the references that had to wait."""
        for index, additions in self.postponed.items():
            operation, outcome = self.outcomes[index]
            if outcome.failed:
                continue
            resolved = resolve(additions, self.ids)
            patch = {"schemas": [PATCH_SCHEMA], "Operations": resolved}
            if any(found(resolved, "")):
                error = ConflictingRequestError("A resource that this one refers to was not created.")
                self.complete(operation, BulkOutcome.of_error(error))
                continue
            yield operation, BulkStep("PATCH", f"{operation.path}/{outcome.id}", patch)

    def complete(self, operation: BulkOperation, completion: BulkOutcome) -> None:
        """Take over the outcome of a completion: its error, or the new version."""
        before = self.outcomes[operation.index][1]
        if completion.failed:
            outcome = replace(completion, id=before.id, location=before.location)
        else:
            outcome = replace(before, version=completion.version or before.version)
        self.outcomes[operation.index] = operation, outcome

    def results(self) -> list[Document]:
        return [_result(*self.outcomes[index]) for index in sorted(self.outcomes)]


def _without(data: Document, waits: Callable[[Any], bool]) -> tuple[Document, list[Document]]:
    """The data without the values that wait, and the PATCH operations that add them later."""
    kept: Document = {}
    additions: list[Document] = []
    for name, value in data.items():
        if not waits(value):
            kept[name] = value
        elif name.lower().startswith("urn:") and isinstance(value, dict):
            inner, later = _without(value, waits)
            kept[name] = inner
            additions.extend({**each, "path": f"{name}:{each['path']}"} for each in later)
        elif isinstance(value, list):
            kept[name] = [each for each in value if not waits(each)]
            additions.append({"op": "add", "path": name, "value": [each for each in value if waits(each)]})
        else:
            additions.append({"op": "add", "path": name, "value": value})
    return kept, additions


def _result(operation: BulkOperation, outcome: BulkOutcome) -> Document:
    optional = {
        "bulkId": operation.bulk_id,
        "location": outcome.location,
        "version": outcome.version,
        "response": outcome.response,
    }
    document: Document = {"method": operation.method, "status": str(outcome.status)}
    return document | {name: value for name, value in optional.items() if value is not None}
