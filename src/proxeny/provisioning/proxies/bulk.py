"""Bulk requests on one system (RFC 7644 §3.7): the plan of scim/bulk.py, carried out step by step by the provider."""

from typing import TYPE_CHECKING

import orjson

from proxeny.documents import Document
from proxeny.provisioning.endpoints.exchange import Answer, Call
from proxeny.provisioning.proxies.describing import BULK_OPERATIONS
from proxeny.scim.bulk import BulkOutcome, BulkStep, parse_bulk, run_bulk
from proxeny.scim.errors import InvalidSyntaxError, ScimError
from proxeny.scim.messages import bulk_response

if TYPE_CHECKING:
    from proxeny.provisioning.proxy import Provider


async def carry_out(provider: "Provider", document: Document, call: Call) -> Answer:
    """200 with one result per operation; each operation succeeds or fails by itself."""
    if not isinstance(document, dict):
        raise InvalidSyntaxError("The body must be a JSON object.")
    steps = run_bulk(parse_bulk(document, max_operations=BULK_OPERATIONS))
    try:
        step = next(steps)
        while True:
            step = steps.send(await _outcome(provider, step, call))
    except StopIteration as end:
        return Answer(200, orjson.dumps(bulk_response(end.value)))


async def _outcome(provider: "Provider", step: BulkStep, call: Call) -> BulkOutcome:
    location = f"{call.base}{step.path}" if step.resource_id is not None else None
    try:
        answer = await _request(provider, step, call._replace(if_match=step.version, if_none_match=None))
    except ScimError as error:
        return BulkOutcome.of_error(error, location)
    where = answer.location or location
    return BulkOutcome(answer.status, _id_of(answer, step), where, answer.etag)


async def _request(provider: "Provider", step: BulkStep, call: Call) -> Answer:
    """One operation as the request that it stands for; the answer's body is not wanted."""
    endpoint, resource_id, data = step.endpoint, step.resource_id, step.data or {}
    if step.method == "POST":
        return await provider.create(endpoint, data, _ID_ONLY, call)
    if resource_id is None:
        raise InvalidSyntaxError(f"{step.method} needs a path with an id, such as /{endpoint}/1.")
    if step.method == "PUT":
        return await provider.replace(endpoint, resource_id, data, _ID_ONLY, call)
    if step.method == "PATCH":
        return await provider.patch(endpoint, resource_id, data, _ID_ONLY, call)
    return await provider.delete(endpoint, resource_id, call)


_ID_ONLY = (("attributes", "id"),)


def _id_of(answer: Answer, step: BulkStep) -> str | None:
    if step.method != "POST":
        return step.resource_id
    found = orjson.loads(answer.body)["id"] if answer.body is not None else None
    return str(found) if found is not None else None
