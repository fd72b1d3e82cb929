"""The server: heads of requests, headers of answers, log lines, health, and stopping."""

import asyncio
import json
import logging
import re

import httpx
import pytest
from tests.web.running import Running, running

from proxeny.web.ports import Health
from proxeny.web.settings import Limits, WebSettings


async def raw(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_answers_name_no_product_and_forbid_what_browsers_might_do(gateway: Running) -> None:
    answer = await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-123", True), ("a" * 101, False), ("a b", False), ('a"b', False), ("", False)],
)
async def test_a_harmless_request_id_is_kept_and_others_are_replaced(gateway: Running, given: str, kept: bool) -> None:
    answer = await gateway.client.get("/health/live", headers={"X-Request-Id": given})
    assert (answer.headers["x-request-id"] == given) == kept
    assert answer.headers["x-request-id"]


async def test_each_request_is_one_log_line_without_its_query(
    gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "proxeny.web.access")
    await gateway.client.get('/proxy/hr/Users?filter=userName eq "secret.person"', auth=gateway.auth())
    [record] = [record for record in caplog.records if record.name == "proxeny.web.access"]
    fields = vars(record)["vouched"]
    assert (fields["method"], fields["path"], fields["status"]) == ("GET", "/proxy/hr/Users", 200)
    assert (fields["caller"], fields["address"]) == ("idm", "127.0.0.1")
    assert fields["milliseconds"] > 0
    assert "secret.person" not in str(fields)


async def test_a_head_beyond_the_limit_is_refused(gateway: Running) -> None:
    answer = await gateway.client.get("/health/live", headers={"X-Long": "a" * 70_000})
    assert answer.status_code == 431
    endless = await raw(gateway.server.port, b"GET / HTTP/1.1\r\nX: " + b"a" * 400_000)
    assert endless == b"" or endless.startswith(b"HTTP/1.1 431 "), "cut, with or without an answer"


async def test_a_head_that_does_not_arrive_in_time_is_given_up() -> None:
    async with running(WebSettings(limits=Limits(header_seconds=0.1))) as gateway:
        late = await raw(gateway.server.port, b"GET / HTT")
        assert late.startswith(b"HTTP/1.1 408 ")
        assert json.loads(late.partition(b"\r\n\r\n")[2])["status"] == "408"
        assert (await raw(gateway.server.port, b"")).startswith(b"HTTP/1.1 408 ")
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            for _ in range(3):
                assert (await client.get("/health/live")).status_code == 200
                await asyncio.sleep(0.15)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /proxy/hr/Users?filter=\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /proxy/hr/Users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_refused(gateway: Running, request_text: bytes) -> None:
    answer = await raw(gateway.server.port, request_text)
    assert answer.startswith(b"HTTP/1.1 400 ")
    refusal = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert refusal["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert refusal["status"] == "400"
    assert "Percent-encode" in refusal["detail"]


async def test_what_follows_a_request_and_is_no_http_is_not_taken_for_its_answer(gateway: Running) -> None:
    answer = await raw(gateway.server.port, b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_readiness_names_the_parts_that_are_not_well_and_life_goes_on(gateway: Running) -> None:
    assert (await gateway.client.get("/health/ready")).json() == {"status": "ok", "warnings": []}
    gateway.gateway.state = Health({"database": "cannot open /var/x: denied"}, {"certificate": "ends in 3 days"})
    answer = await gateway.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "parts": ["database"]})
    assert (await gateway.client.get("/health/live")).status_code == 200


async def test_metrics_stay_few_whatever_is_asked(gateway: Running) -> None:
    for number in range(60):
        await gateway.client.get(f"/proxy/sys{number}/Kind{number}/{number}", auth=gateway.auth())
        await gateway.client.get(f"/any/{number}/<script>")
        await gateway.client.request("LOCK", "/health/live")
    text = (await gateway.client.get("/metrics", auth=gateway.auth("boss"))).text
    assert len(text.splitlines()) < 120
    assert 'proxeny_requests_total{method="GET",route="/proxy/{system}/{endpoint}/{id}",status="404"} 60' in text
    assert 'proxeny_requests_total{method="other",route="/health/live",status="405"} 60' in text
    assert not re.search(r"sys\d|Kind|script|idm", text)


async def test_metrics_may_be_opened() -> None:
    async with running(WebSettings(metrics_open=True)) as gateway:
        assert (await gateway.client.get("/metrics")).status_code == 200


async def test_stopping_lets_a_running_request_end() -> None:
    async with running() as gateway:
        await gateway.client.get("/proxy/hr/Users", auth=gateway.auth())
        gateway.gateway.systems["hr"].slow = 0.3
        slow = asyncio.create_task(gateway.client.get("/proxy/hr/Users", auth=gateway.auth()))
        await asyncio.sleep(0.1)
        gateway.server.stop()
        assert (await slow).status_code == 200


async def test_what_does_not_end_in_the_time_for_stopping_is_cancelled() -> None:
    async with running() as gateway:
        gateway.server.config.timeout_graceful_shutdown = 0
        gateway.gateway.systems["hr"].slow = 30
        slow = asyncio.create_task(gateway.client.get("/proxy/hr/Users", auth=gateway.auth()))
        await asyncio.sleep(0.2)
        gateway.server.stop()
        answer = await asyncio.gather(slow, return_exceptions=True)
        assert isinstance(answer[0], httpx.TransportError) or answer[0].status_code >= 500
