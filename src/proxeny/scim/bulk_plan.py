"""The plan of a bulk request: its operations, and what each refers to (RFC 7644 §3.7)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxeny.documents import Document
from proxeny.scim.errors import (
    BadRequestError,
    InvalidSyntaxError,
    InvalidValueError,
    PayloadTooLargeError,
    ScimError,
)
from proxeny.scim.messages import BULK_REQUEST_SCHEMA
from proxeny.scim.patch_operations import PATCH_SCHEMA
from proxeny.scim.resource import spelled_key

METHODS = ("POST", "PUT", "PATCH", "DELETE")
_PREFIX = "bulkId:"
_INSIDE = re.compile(r"bulkId:([\w.~-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """One operation as it was sent. ``path`` starts with a slash; ``error`` says what is wrong with it by itself;
    ``is_defining``: a POST whose ``bulk_id`` others may refer to."""

    index: int
    method: str
    path: str = ""
    bulk_id: str | None = None
    version: str | None = None
    data: Document | None = None
    error: ScimError | None = None
    is_defining: bool = False


@dataclass(frozen=True, slots=True)
class BulkPlan:
    operations: tuple[BulkOperation, ...]
    fail_on_errors: int | None = None


@dataclass(frozen=True, slots=True)
class BulkStep:
    """A request to carry out now: references resolved. ``version`` is an ETag as for If-Match."""

    method: str
    path: str
    data: Document | None
    version: str | None = None

    @property
    def endpoint(self) -> str:
        """``Users`` of ``/Users/1``."""
        return self.path.lstrip("/").partition("/")[0]

    @property
    def resource_id(self) -> str | None:
        """``1`` of ``/Users/1``; None for a POST to the collection."""
        return self.path.lstrip("/").partition("/")[2] or None


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What came of a step. ``response`` is the error document of a failure; ``version`` the new ETag."""

    status: int
    id: str | None = None
    location: str | None = None
    version: str | None = None
    response: Document | None = None

    @property
    def failed(self) -> bool:
        return self.status >= 400

    @classmethod
    def of_error(cls, error: ScimError, location: str | None = None) -> "BulkOutcome":
        return cls(error.status, location=location, response=error.to_document())


def parse_bulk(document: Document, *, max_operations: int) -> BulkPlan:
    """The plan of a bulk body. What is wrong with one operation is kept in it; the rest goes on.

    Raises InvalidSyntaxError for a body that is no BulkRequest, PayloadTooLargeError for too many operations.
    """
    schemas = document.get("schemas")
    if not isinstance(schemas, list) or BULK_REQUEST_SCHEMA not in schemas:
        raise InvalidSyntaxError(f"The body is not a bulk request: 'schemas' must hold {BULK_REQUEST_SCHEMA}.")
    raw = document.get("Operations")
    if not isinstance(raw, list):
        raise InvalidSyntaxError("The body is not a bulk request: 'Operations' must be a list.")
    if len(raw) > max_operations:
        raise PayloadTooLargeError(
            f"The bulk request has {len(raw)} operations, more than the limit of {max_operations}; send several."
        )
    limit = document.get("failOnErrors")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InvalidValueError("'failOnErrors' must be a whole number above 0.")
    taken: set[str] = set()
    operations = tuple(_parse_operation(index, each, taken) for index, each in enumerate(raw))
    defined = frozenset(str(operation.bulk_id) for operation in operations if operation.is_defining)
    return BulkPlan(tuple(_check_references(operation, defined) for operation in operations), limit)


def _parse_operation(index: int, raw: Any, taken: set[str]) -> BulkOperation:
    try:
        return _operation(index, raw, taken)
    except BadRequestError as error:
        method = raw.get("method") if isinstance(raw, dict) else None
        bulk_id = raw.get("bulkId") if isinstance(raw, dict) else None
        return BulkOperation(
            index, str(method or "")[:10], bulk_id=bulk_id if isinstance(bulk_id, str) else None, error=error
        )


def _operation(index: int, raw: Any, taken: set[str]) -> BulkOperation:
    if not isinstance(raw, dict):
        raise InvalidSyntaxError("Each bulk operation must be an object with 'method', 'path' and 'data'.")
    given = {
        name: raw[key] for name in ("method", "path", "bulkId", "version", "data") if (key := spelled_key(raw, name))
    }
    for name in ("method", "path", "bulkId", "version"):
        if given.get(name) is not None and not isinstance(given[name], str):
            raise InvalidSyntaxError(f"'{name}' of a bulk operation must be text.")
    method, path = str(given.get("method", "")).upper(), "/" + str(given.get("path") or "").strip().lstrip("/")
    if method not in METHODS:
        raise InvalidSyntaxError(f"'method' of a bulk operation must be one of {', '.join(METHODS)}.")
    data, bulk_id = given.get("data"), given.get("bulkId") or None
    if method == "PATCH" and isinstance(data, list):
        data = {"schemas": [PATCH_SCHEMA], "Operations": data}
    if method != "DELETE" and not isinstance(data, dict):
        raise InvalidSyntaxError(f"'data' of a bulk {method} must be an object.")
    _check_path(method, path, bulk_id)
    if bulk_id in taken:
        raise InvalidValueError(f"The bulkId {bulk_id!r} is used twice; each must be unique in the request.")
    if bulk_id is not None and method == "POST":
        taken.add(bulk_id)
    data = None if method == "DELETE" else data
    return BulkOperation(index, method, path, bulk_id, given.get("version"), data, is_defining=method == "POST")


def _check_path(method: str, path: str, bulk_id: str | None) -> None:
    _, _, resource_id = path[1:].partition("/")
    if method == "POST":
        if path == "/" or resource_id:
            raise InvalidSyntaxError("'path' of a bulk POST must be an endpoint, such as /Users.")
        if bulk_id is None:
            raise InvalidSyntaxError("A bulk POST needs a 'bulkId'.")
    elif not resource_id or "/" in resource_id:
        raise InvalidSyntaxError(f"'path' of a bulk {method} must name a resource, such as /Users/1.")


def _check_references(operation: BulkOperation, defined: frozenset[str]) -> BulkOperation:
    unknown = sorted(references(operation) - defined)
    if not unknown or operation.error is not None:
        return operation
    error = InvalidValueError(f"The bulkId {unknown[0][:100]!r} is not that of a POST in this request.")
    return replace(operation, error=error)


def references(operation: BulkOperation) -> frozenset[str]:
    """The bulkIds that an operation refers to in its path and its data."""
    return frozenset((*_INSIDE.findall(operation.path), *found(operation.data, "")))


def found(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from found(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from found(part, name)
    elif isinstance(value, str) and _PREFIX in value:
        if name in ("path", "$ref"):
            yield from _INSIDE.findall(value)
        elif value.startswith(_PREFIX):
            yield value.removeprefix(_PREFIX)


def resolve(value: Any, ids: Mapping[str, str], name: str = "") -> Any:
    """``value`` with the ids of resources in place of references; what has none is shared."""
    if isinstance(value, dict):
        return {key: resolve(part, ids, key) for key, part in value.items()}
    if isinstance(value, list):
        return [resolve(part, ids, name) for part in value]
    if not isinstance(value, str) or _PREFIX not in value:
        return value
    if name in ("path", "$ref"):
        return _INSIDE.sub(lambda match: ids.get(match[1], match[0]), value)
    return ids.get(value.removeprefix(_PREFIX), value) if value.startswith(_PREFIX) else value
