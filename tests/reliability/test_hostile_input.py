"""Hostile and odd input (reliability T50–T56, T59): refused or taken literally, at once, and nothing else happens.

Patterns of administrators (T51): tests/transform/regexes; bodies and connections (T53): tests/web/test_bodies.py and
test_server.py; log lines (T56): tests/test_logs.py. Here is what a client can send to a whole gateway.
"""

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from tests.fixtures.gateways import Site, is_error
from tests.quirks.conftest import names, person

from proxeny.logs import JsonLines

DEEP = 33
FILTERS = {
    "deep": "not(" * DEEP + "userName pr" + ")" * DEEP,
    "very deep": "not(" * 2_000 + "userName pr" + ")" * 2_000,
    "brackets": "(" * 2_000,
    "long": 'userName eq "' + "x" * 20_000 + '"',
    "terms": " or ".join(['userName eq "x"'] * 250),
    "nothing": " ",
    "quotes": '"' * 999,
    "backslashes": 'userName eq "' + "\\" * 999,
}


def test_t50_filters_beyond_the_limits_are_refused(site: Site) -> None:
    schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    for name, text in FILTERS.items():
        answer = site.call("POST", "/Users/.search", {"schemas": [schema], "filter": text})
        assert is_error(answer, 400, "invalidFilter"), name


def test_t50_a_path_of_3000_segments(site: Site) -> None:
    made = site.make("/Users", person("ann"))
    for path in ("a." * 3_000 + "b", "emails[" * 3_000, "urn:" * 3_000 + "x"):
        answer = site.patch(f"/Users/{made['id']}", {"op": "add", "path": path, "value": "x"})
        assert answer.status_code == 400, answer.text
        assert answer.json()["scimType"] in ("invalidPath", "invalidFilter")
    assert is_error(site.get("/" + "/".join("a" * 3_000)), 404)


def test_more_operations_than_a_patch_may_have_are_refused_before_any_is_looked_at(site: Site) -> None:
    made = site.make("/Users", person("ann"))
    operations = [
        {"op": "add", "path": "title", "value": "x"},
        *([{"op": "add", "path": "no[path", "value": 1}] * 5_000),
    ]
    answer = site.patch(f"/Users/{made['id']}", *operations)
    assert is_error(answer, 413)
    assert "5001 operations" in answer.json()["detail"]
    assert "title" not in site.get(f"/Users/{made['id']}").json()


BODIES = {
    "deep": '{"userName":' + "[" * 50_000 + "]" * 50_000 + "}",
    "huge number": '{"userName":"a","x":' + "9" * 1_000_000 + "}",
    "not a number": '{"userName":"a","x":NaN}',
    "half a surrogate": '{"userName":"\\ud800"}',
    "a list": "[" + ",".join(["{}"] * 1_000) + "]",
    "text": '"userName"',
    "cut off": '{"userName":"a"',
    "nothing": "",
    "a list for a name": '{"userName":["a","b"]}',
    "an object for a name": '{"userName":{"a":1}}',
    "a list in a list": '{"userName":"a","emails":[["x","y"]]}',
    "nul": '{"userName":"a\\u0000"}',
}


def test_t52_bodies_that_are_no_resource_are_refused_and_nothing_is_written(site: Site) -> None:
    for name, text in BODIES.items():
        answer = site.call("POST", "/Users", text.encode("utf-8", "surrogatepass"))
        assert answer.status_code == 400, (name, answer.text)
        assert is_error(answer, 400, answer.json().get("scimType")), name
    assert site.found("/Users") == []


def test_t52_of_two_equal_keys_none_counts(site: Site) -> None:
    answer = site.call("POST", "/Users", '{"userName":"first","userName":"last"}')
    assert is_error(answer, 400, "invalidSyntax")
    assert "userName" in answer.json()["detail"]
    assert site.found("/Users") == []


PAIRS = (
    ("straße", "STRASSE", True),
    ("\u00c5sa", "A\u030asa", True),
    ("ﬁne", "FINE", True),
    ("\uff41\uff42", "AB", True),
    ("İ", "i̇", True),
    ("ı", "i", False),
    ("a\u200db", "ab", True),
    ("\U0001f600", "\U0001f601", False),
    ("rtl\u202e", "RTL\u202e", True),
    ("Σίσυφος", "ΣΊΣΥΦΟΣ", True),
)


def test_t54_one_rule_of_comparison_in_create_and_filter(site: Site) -> None:
    for one, other, same in PAIRS:
        made = site.make("/Users", person(one, displayName=one))
        assert site.read(f"/Users/{made['id']}")["userName"] == one
        for attribute in ("userName", "displayName"):
            found = site.found("/Users", filter=f"{attribute} eq {json.dumps(other, ensure_ascii=False)}")
            assert [each["id"] for each in found] == ([made["id"]] if same else [])
        answer = site.call("POST", "/Users", person(other))
        assert answer.status_code == (409 if same else 201)
        for user in site.found("/Users"):
            site.call("DELETE", f"/Users/{user['id']}")


IDS = ("../Users", "..%2f", "%2e%2e", "a\r\nX-Evil: 1", "a?x=1", "a#b", "a/b", "\x00", "ü", "x" * 4_000, "*", "'--")


def test_t55_odd_ids_are_just_ids(site: Site) -> None:
    site.make("/Users", person("ann"))
    for entity_id in IDS:
        for method in ("GET", "DELETE"):
            answer = site.call(method, f"/Users/{quote(entity_id, safe='')}")
            assert is_error(answer, 404), entity_id
            assert "x-evil" not in answer.headers
    assert names(site.found("/Users")) == ["ann"]


def test_t56_what_a_client_writes_makes_no_log_line_of_its_own(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    evil = 'a\n{"level":"error","message":"fake"}\x1b[31m'
    site.make("/Users", person("ann", **{evil: 1}))
    site.call("GET", f"/Users/{quote(evil, safe='')}", headers={"User-Agent": 'x\t{"fake":1}'})
    lines = [JsonLines().format(record) for record in caplog.records]
    assert lines
    for line in lines:
        assert "\n" not in line
        assert "\x1b" not in line
        assert isinstance(json.loads(line), dict)


PAYLOADS = (
    "' OR 1=1 --", '" or "1"="1', "a%", "a_", "%", "_", "*", "a*)(uid=*", ")(|(uid=*))", "\\", "\\'", "a\\", "$where",
    "{{7*7}}", "${jndi:ldap://x}", "a;DROP TABLE users", "a\nb", "a\tb", "a\u0001b", "é' or ''='", "[a]", "a?", ".*",
    "^a", "a&count=9999", "a#", "a+b", "a b", "%27", "0x61", "a||'b'", "1 union select", "<a>", "a,b", "a=b", "a>b",
    "~a", "a!",
)  # fmt: skip


def test_t59_filters_compare_plain_text_whatever_is_in_it(site: Site) -> None:
    for number, payload in enumerate(PAYLOADS):
        more: dict[str, Any] = {"displayName": payload, "title": payload}
        site.make("/Users", person(f"{payload} {number}", **more))
    site.make("/Users", person("plain", displayName="plain", title="plain"))
    for number, payload in enumerate(PAYLOADS):
        text = json.dumps(payload)
        name = json.dumps(f"{payload} {number}")
        assert names(site.found("/Users", filter=f"userName eq {name}")) == [f"{payload} {number}"]
        for attribute in ("displayName", "title"):
            found = site.found("/Users", filter=f"{attribute} eq {text}", count=1000)
            assert {each[attribute].casefold() for each in found} == {payload.casefold()}, payload
            part = site.found("/Users", filter=f"{attribute} co {text}", count=1000)
            expected = {other for other in (*PAYLOADS, "plain") if payload.casefold() in other.casefold()}
            assert {each[attribute] for each in part} == expected, payload


@pytest.mark.parametrize("name", ["sortBy", "attributes", "excludedAttributes", "cursor"])
def test_t59_other_parameters_reach_no_backend_as_they_are(site: Site, name: str) -> None:
    site.make("/Users", person("ann"))
    for payload in PAYLOADS:
        answer = site.get("/Users", **{name: payload})
        assert answer.status_code in (200, 400), (payload, answer.text)
        if name in ("sortBy", "cursor") and payload.strip():
            assert answer.status_code == 400


def test_unknown_attributes_without_number_do_not_fill_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each took five times as long as all the rest, and a body of 8 MB wrote 100 MB."""
    site.make("/Users", person("ann", **{f"strange{number}": 1 for number in range(1_000)}))
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert sum("'strange" in line for line in told) == 20
    assert any("980 warnings more" in line for line in told)
