"""The limits that ServiceProviderConfig tells are those that hold (RFC 7643 §5)."""

from pathlib import Path

import orjson
from tests.fixtures.gateways import Site, client, is_error, running, system

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def bulk(operations: int) -> bytes:
    document = {"schemas": [BULK], "Operations": [{"method": "DELETE", "path": "/Users/nobody"}] * operations}
    return orjson.dumps(document)


def test_a_bulk_request_may_be_as_large_as_is_told_and_no_larger(tmp_path: Path) -> None:
    limited = "[limits]\nbody_bytes = 9000"
    with client() as speaking, running(tmp_path / "gw", systems=(system("hr"),), more=limited) as gateway:
        for base in ("/scim", "/proxy/hr"):
            site = Site(gateway.url + base, speaking)
            told = site.get("/ServiceProviderConfig").json()["bulk"]
            assert told == {"supported": True, "maxOperations": 100, "maxPayloadSize": 9000}
            full = bulk(told["maxOperations"]).ljust(told["maxPayloadSize"])
            assert site.call("POST", "/Bulk", full).status_code == 200
            assert is_error(site.call("POST", "/Bulk", full + b" "), 413)
            assert is_error(site.call("POST", "/Bulk", bulk(told["maxOperations"] + 1)), 413)
