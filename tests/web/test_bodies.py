"""Bodies: limits of size, time and depth, and JSON that would not survive."""

import json
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.running import Running, running

from proxeny.scim.errors import InvalidSyntaxError
from proxeny.web.bodies import check_depth, parse_json
from proxeny.web.settings import Limits, WebSettings

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text()
    | st.text(alphabet='[]{}"\\a')
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth_of(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(item) for item in value), default=0)
    return 0


@given(JSON, st.integers(1, 8))
def test_nesting_is_judged_as_a_parser_would(value: object, limit: int) -> None:
    try:
        check_depth(orjson.dumps(value), limit)
        fits = True
    except InvalidSyntaxError:
        fits = False
    assert fits == (depth_of(value) <= limit)


@given(JSON)
def test_what_is_json_comes_through_unchanged(value: object) -> None:
    if orjson.dumps(value).strip():
        assert parse_json(orjson.dumps(value), 64) == orjson.loads(orjson.dumps(value))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'{"a":[' * 33 + b"]}" * 33,
        b"[{}," * 5000 + b"1" + b"]" * 5000,
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 18446744073709551616}',
        b'{"a": -9223372036854775809}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'[1234567890123456789,"' + b'\\"' * 100_000,
        b"[12345678901234567890" + b',""' * 100_000 + b',"]',
        b'{"a": "\\ud800"}',
        b'{"a": "\xed\xa0\x80"}',
        b"\xff\xfe{\x00}\x00",
        b'{"a": 1} {"b": 2}',
        b"'a'",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_what_is_no_json_or_would_lose_something_is_refused_at_once(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(InvalidSyntaxError):
        parse_json(body, 64)
    assert time.perf_counter() - started < 1  # generous: the point is that nothing here is quadratic


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a": "99999999999999999999999"}', {"a": "9" * 23}),
        (b'{"a": 0.12345678901234567890123}', {"a": 0.12345678901234568}),
        (b'{"a": {"a": 1}, "A": [{"a": 2}, {"a": 2}]}', {"a": {"a": 1}, "A": [{"a": 2}, {"a": 2}]}),
        (b'{"a": "[[[[\\"[[[[\\\\"}', {"a": '[[[["[[[[\\'}),
        (b"[" * 64 + b"]" * 64, None),
    ],
)
def test_what_only_looks_dangerous_is_taken(body: bytes, value: object) -> None:
    parsed = parse_json(body, 64)
    assert value is None or parsed == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a":1,"a" :2}',
        b'{"b": [{"x": {"a": 1,\n "a"\n:2}}]}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"b": "\\":", "a": 1, "a" : 2}',
        b'{"b": ":", "a": {}, "c": [], "a": []}',
    ],
)
def test_a_key_that_stands_twice_is_refused_and_named(body: bytes) -> None:
    with pytest.raises(InvalidSyntaxError, match="the key 'a' twice"):
        parse_json(body, 64)


@given(JSON, st.sampled_from(["plain", "spaced", "indented"]), st.data())
def test_a_key_is_found_twice_only_where_it_stands_twice(value: object, form: str, data: st.DataObject) -> None:
    if form == "plain":
        body = orjson.dumps(value)
    else:
        written = json.dumps(value, separators=(",", " : ") if form == "spaced" else None, indent=1)
        body = written.encode("utf-8", "surrogatepass")
    parse_json(body, 64)
    key = data.draw(st.text())
    twice = b'{"a":%b,%b:1,"b":"\\":",%b:2}' % (body, orjson.dumps(key), orjson.dumps(key))
    with pytest.raises(InvalidSyntaxError, match="twice"):
        parse_json(twice, 64)


async def test_a_body_with_a_key_twice_writes_nothing(gateway: Running) -> None:
    body = b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a","userName":"b"}'
    answer = await gateway.client.post(
        "/proxy/hr/Users", content=body, auth=gateway.auth(), headers={"Content-Type": "application/scim+json"}
    )
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")
    assert "userName" in answer.json()["detail"]


async def test_a_body_beyond_the_limit_is_refused_whether_or_not_it_says_its_length() -> None:
    async with running(WebSettings(limits=Limits(body_bytes=1000))) as gateway:

        async def chunks() -> object:
            for _ in range(20):
                yield b" " * 100

        for content in (b" " * 1001, chunks()):
            answer = await gateway.client.post("/proxy/hr/Users", content=content, auth=gateway.auth())
            assert answer.status_code == 413
            assert answer.json()["status"] == "413"
        small = await gateway.client.post("/proxy/hr/Users", content=b'{"userName": "a"}', auth=gateway.auth())
        assert small.status_code == 201


async def test_a_body_that_does_not_arrive_in_time_is_given_up() -> None:
    import asyncio

    async with running(WebSettings(limits=Limits(body_seconds=0.1))) as gateway:

        async def slow() -> object:
            yield b'{"userName":'
            await asyncio.sleep(1)
            yield b'"x"}'

        answer = await gateway.client.post("/proxy/hr/Users", content=slow(), auth=gateway.auth())
        assert answer.status_code == 408
        assert gateway.gateway.systems["hr"].resources["Users"] == {}


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
async def test_a_resource_must_be_an_object(gateway: Running, body: bytes) -> None:
    answer = await gateway.client.post("/proxy/hr/Users", content=body, auth=gateway.auth())
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")


async def test_ranges_and_multipart_meet_no_parser_of_ours(gateway: Running) -> None:
    ranges = "bytes=" + ",".join(f"{n}-{n + 1}" for n in range(5000))
    answer = await gateway.client.get("/proxy/hr/Users", headers={"Range": ranges}, auth=gateway.auth())
    assert answer.status_code == 200
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 5_000_000 + b"\r\n--x--"
    answer = await gateway.client.post(
        "/proxy/hr/Users",
        content=part,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        auth=gateway.auth(),
    )
    assert answer.status_code == 415
