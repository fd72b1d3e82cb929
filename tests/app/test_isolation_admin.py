"""Who is restricted to systems administers these and knows of no others: the whole table of routes, with the ids of
another system's runs, events, held deletions and technical users beside random ones (reliability T68)."""

import io
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.app.served import Whole, whole
from tests.app.test_authorisation import PARAMETERS, ROUTES

from proxeny.store import held, outcomes, runs
from proxeny.store.events import Sent
from proxeny.store.links import Pair
from proxeny.store.outcomes import Outcome, Statistic
from proxeny.store.runs import Note

EVERYTHING = ["proxy", "realtime", "admin"]
USERS: dict[str, dict[str, Any]] = {
    "red": {"permissions": EVERYTHING, "systems": ["red", "red-target"]},
    "named": {"permissions": EVERYTHING, "systems": ["Red", "Red-Target"]},
    "blue-user": {"permissions": EVERYTHING, "systems": ["blue", "blue-target"]},
    "root": {"permissions": EVERYTHING},
}
SYSTEMS = [
    {
        "id": f"{colour}{part}",
        "name": f"{colour}{part}".title(),
        "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY",
        "accessMode": mode,
        "properties": {},
        **({"sources": [colour]} if part else {}),
    }
    for colour in ("red", "blue")
    for part, mode in (("", "READ"), ("-target", "WRITE"))
]
TOGETHER = {**SYSTEMS[1], "id": "together", "name": "Together", "sources": ["red", "blue"]}


@dataclass
class Filled:
    """A gateway with runs, events and held deletions of both; ``theirs`` are those of blue."""

    whole: Whole
    runs: dict[str, list[int]]
    theirs: dict[str, str]

    async def ask(self, method: str, path: str, as_: str = "red", **more: Any) -> httpx.Response:
        return await self.whole.ask(method, path, as_, **more)

    async def items(self, path: str, as_: str = "red", **query: str) -> list[dict[str, Any]]:
        """All items of all pages, no page of which may be empty."""
        found: list[dict[str, Any]] = []
        following: str | None = ""
        while following is not None:
            params = {**query, **({"cursor": following} if following else {})}
            page = (await self.ask("GET", path, as_, params=params)).json()
            assert page["items"] or page["next"] is None
            found, following = found + page["items"], page["next"]
        return found


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Filled]:
    async with whole(tmp_path, [*SYSTEMS, TOGETHER], USERS, "[jobs]\nenabled = false\n") as gateway:
        yield await fill(gateway)


async def fill(gateway: Whole) -> Filled:
    made: dict[str, list[int]] = {"red": [], "blue": []}
    memory = gateway.gateway.provisioning.jobs.memory
    event = 0
    for number in range(4):
        for colour in made:
            run = await memory.runs.add(colour, "READ", "IMMEDIATE", colour)
            made[colour].append(run)
            claimed = await memory.runs.claim("worker")
            assert claimed is not None
            other = "together"
            rows = [
                Outcome(f"{colour}-{number}", system, "user", "create", "done", target_id=f"{system}-id")
                for system in (colour, f"{colour}-target", other)
            ]
            pair = Pair(colour, f"{colour}-target")
            shared = Pair(colour, other)
            deletions = [(f"{colour}-{number}", "t", "too-many")]
            await write(
                gateway,
                outcomes.put(run, rows),
                held.hold(pair, "user", run, deletions),
                held.hold(shared, "user", run, deletions),
                runs.lane(claimed, other, {"phase": "pages"}),
                runs.lane(claimed, f"{colour}-target", {"phase": "pages"}),
            )
            notes = [Note("held", other, "of together"), Note("held", f"{colour}-target", "of its own")]
            told = [Statistic(one.system, "user", "create", "done", 1) for one in rows]
            await memory.runs.finish(claimed, "success", notes, told)
            events = gateway.gateway.provisioning.realtime.events
            (event,) = await events.accept([Sent(colour, "user", f"{colour}-{number}", "put", {"id": "x"})])
    theirs = {
        "run": str(made["blue"][-1]),
        "event": str(event),
        "client": "blue-user",
        "system": "blue",
        "id": "their-user",
    }
    return Filled(gateway, made, theirs)


async def write(gateway: Whole, *requests: Any) -> None:
    def steps() -> Generator[Any, Any, None]:
        for request in requests:
            _ = yield request

    await gateway.gateway.store.database.transaction(steps)


RANDOM = {
    "run": "987654321987654",
    "event": "987654321",
    "client": "nobody-user",
    "system": "nowhere",
    "id": "some-user",
}


def path_of(template: str, names: dict[str, str]) -> str:
    path = template.replace("{*}", "a/b/c/d")
    for name, value in {**PARAMETERS, "certificate": "0123456789abcdef", **names}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def body_of(template: str, colour: str) -> dict[str, Any]:
    if "/held/" in template:
        return {"items": [{"source": colour, "target": f"{colour}-target", "entity_type": "user", "source_id": "1"}]}
    return {"Operations": []}


def alike(answer: httpx.Response, names: Iterable[str]) -> tuple[int, str]:
    """Status and body, without what the request itself named."""
    text = answer.text
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(re.escape(name), "…", text)
    return answer.status_code, text


async def test_whatever_is_of_another_system_is_as_unknown_as_what_does_not_exist(filled: Filled) -> None:
    wrong = []
    for template, methods in ROUTES.items():
        if not template.startswith(("/api/", "/ips", "/proxy")):
            continue
        for method in methods:
            answers = []
            for names, colour in ((filled.theirs, "blue"), (RANDOM, "nowhere")):
                body = body_of(template, colour) if method in ("POST", "PUT", "PATCH") else None
                answer = await filled.ask(method, path_of(template, names), json=body)
                answers.append(alike(answer, [*names.values(), colour]))
                if "{" not in template and "blue" in answer.text.casefold():
                    wrong.append((method, template, answer.text))
            if answers[0] != answers[1] or ("{" in template and answers[0][0] not in (403, 404)):
                wrong.append((method, template, *answers))
    assert wrong == []
    assert len(await filled.items("/api/v1/runs", "root")) == 8
    assert {one["status"] for one in await filled.items("/api/v1/held", "root")} == {"held"}


LISTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "/api/v1/runs": lambda one: one["source"],
    "/api/v1/events": lambda one: one["source"],
    "/api/v1/held": lambda one: f"{one['source']} {one['target']}",
    "/api/v1/systems": lambda one: one["id"],
    "/api/v1/clients": lambda one: one["id"],
}
SEEN = {
    "/api/v1/runs": ["red"] * 4,
    "/api/v1/events": ["red"] * 4,
    "/api/v1/held": ["red red-target"] * 4,
    "/api/v1/systems": ["red", "red-target"],
    "/api/v1/clients": ["named", "red"],
}


@pytest.mark.parametrize("as_", ["red", "named"])
@pytest.mark.parametrize("path", LISTS)
async def test_lists_hold_what_is_of_ones_own_systems_page_by_page(filled: Filled, path: str, as_: str) -> None:
    paged = path not in ("/api/v1/systems", "/api/v1/clients")
    for query in ({"limit": "1"}, {"limit": "3"}, {}) if paged else ({},):
        assert [LISTS[path](one) for one in await filled.items(path, as_, **query)] == SEEN[path]


async def test_without_a_restriction_everything_is_there(filled: Filled) -> None:
    counted = {path: len(await filled.items(path, "root")) for path in LISTS}
    assert counted == {
        "/api/v1/runs": 8,
        "/api/v1/events": 8,
        "/api/v1/held": 16,
        "/api/v1/systems": 5,
        "/api/v1/clients": 4,
    }


async def test_asking_for_another_source_is_refused_whether_or_not_it_exists(filled: Filled) -> None:
    for path in ("/api/v1/runs", "/api/v1/events", "/api/v1/held"):
        answers = [
            alike(await filled.ask("GET", path, params={"source": name}), [name]) for name in ("blue", "nowhere")
        ]
        assert answers[0] == answers[1]
        assert "blue-" not in answers[0][1]


@pytest.mark.parametrize("as_", ["red", "named"])
async def test_a_run_is_shown_without_what_it_did_in_systems_of_others(filled: Filled, as_: str) -> None:
    run = f"/api/v1/runs/{filled.runs['red'][0]}"
    shown = (await filled.ask("GET", run, as_)).json()
    assert {row["system"] for row in shown["statistics"]} == {"Red", "Red-Target"}
    assert [note["text"] for note in shown["notes"]] == ["of its own"]
    rows = await filled.items(f"{run}/outcomes", as_, limit="1")
    assert [row["system"] for row in rows] == ["red", "red-target"]
    assert await filled.items(f"{run}/outcomes", as_, system="together") == []
    progress = (await filled.ask("GET", f"{run}/progress", as_)).text
    assert ("red-target" in progress, "together" in progress) == (True, False)
    whole_run = (await filled.ask("GET", run, "root")).json()
    assert (len(whole_run["statistics"]), len(whole_run["notes"])) == (3, 2)
    assert len(await filled.items(f"{run}/outcomes", "root")) == 3


@pytest.mark.parametrize("log", ["commonLog", "createdEntitiesLog"])
@pytest.mark.parametrize("base", ["/api/v1/runs/{run}/logs", "/ips/service/publicapi/v1/jobLogs/{run}"])
async def test_logs_hold_no_entity_of_systems_of_others(filled: Filled, base: str, log: str) -> None:
    texts = {}
    for as_ in ("red", "root"):
        path = base.replace("{run}", str(filled.runs["red"][0]))
        answer = await filled.ask("GET", path, as_, params={"action": "export", "logType": log})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            texts[as_] = "".join(archive.read(name).decode() for name in archive.namelist()).casefold()
    assert "together" not in texts["red"]
    assert log != "commonLog" or ("red-target" in texts["red"] and "together" in texts["root"])


async def test_a_system_of_ones_own_gets_no_source_of_others(filled: Filled) -> None:
    made = {"name": "New", "connectorTypeString": "LOCAL_IDENTITY_DIRECTORY", "accessMode": "WRITE"}
    answers = [await filled.ask("POST", "/api/v1/systems", json={**made, **more}) for more in ({}, {"id": "new"})]
    reached = {**made, "id": "red-target", "name": "Red-Target", "sources": ["blue"]}
    answers.append(await filled.ask("PUT", "/api/v1/systems/red-target", json=reached))
    assert {answer.status_code for answer in answers} == {403}
    assert (await filled.ask("POST", "/api/v1/systems", "root", json=made)).status_code == 201


async def test_only_what_is_ones_own_is_decided(filled: Filled) -> None:
    for verb, expected in (("approve", "approved"), ("reject", "rejected")):
        key = {"entity_type": "user", "source_id": f"red-{int(verb == 'reject')}", "source": "red"}
        shared = {"items": [{**key, "target": "together"}]}
        assert (await filled.ask("POST", f"/api/v1/held/{verb}", json=shared)).status_code == 403
        own = {"items": [{**key, "target": "red-target"}]}
        assert (await filled.ask("POST", f"/api/v1/held/{verb}", json=own)).json() == {expected: 1}


@pytest.mark.parametrize("cursor", ["x", "e30", "WyJ4Il0", "W10", "WyItMSJd"])
async def test_a_made_up_cursor_is_refused_wherever_there_are_pages(filled: Filled, cursor: str) -> None:
    for path in ("/api/v1/audit", "/api/v1/runs", "/api/v1/held", "/api/v1/events"):
        for as_ in ("red", "root"):
            answer = await filled.ask("GET", path, as_, params={"cursor": cursor})
            assert answer.status_code == 400, path


async def test_a_cursor_of_somebody_else_shows_nothing_of_his(filled: Filled) -> None:
    for path in ("/api/v1/runs", "/api/v1/events", "/api/v1/held", "/api/v1/audit"):
        theirs = (await filled.ask("GET", path, "root", params={"limit": "1"})).json()["next"]
        if theirs is not None:
            answer = await filled.ask("GET", path, params={"cursor": theirs})
            assert (answer.status_code, "blue" in answer.text) == (200, False)


async def test_the_log_keeps_no_address_that_lets_in_whoever_knows_it(
    filled: Filled, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "proxeny.web.access")
    hook = "https%3A%2F%2Fhooks.example%2Fservices%2FT0-canary"
    await filled.ask("DELETE", f"/api/v1/systems/red/subscriptions/webhook/{hook}")
    told = str([vars(record) for record in caplog.records if record.name == "proxeny.web.access"])
    assert ("{address}" in told, "canary" in told) == (True, False)
