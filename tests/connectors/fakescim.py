"""Stateful stand-ins for SCIM servers that cannot be had: they hold entities and check every request to the letter.

``FakeScim`` is RFC 7644 as the SAP cloud systems document it: bulk requests, member lists that are cut off.
``FakeUaa`` is the SCIM 1.1 of Cloud Foundry's UAA as its API documentation has it. Filters are those that the gateway
sends to such servers (one ``eq``, or an ``or`` of them). Not covered: sorting, attributes other than whole, versions
that change, schema checks of resources, the vendors' own rules for attributes.
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
from tests.connectors.farside import FarSide, Request, document, listing, raw

Resource = dict[str, Any]
CORE = "urn:ietf:params:scim:schemas:core:2.0"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
_EQ = re.compile(r'(\w+)(?:\.(\w+))? eq "((?:[^"\\]|\\.)*)"')


@dataclass
class FakeScim:
    """``wrong`` lists what a request did that the contract forbids; tests want it empty."""

    bulk: dict[str, Any] | None = field(default_factory=lambda: {"supported": True, "maxOperations": 100})
    most: int = 10_000
    """More operations in a bulk request are answered with 413."""
    cut: int = 10_000
    """Members, and groups of a user, that an answer holds at most."""
    filters_members: bool = True
    base: str = ""
    kinds: dict[str, dict[str, Resource]] = field(default_factory=lambda: {"Users": {}, "Groups": {}})
    wrong: list[str] = field(default_factory=list)
    bulks: list[int] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    number: int = 0

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.001)
        parts = request.path.removeprefix(self.base).strip("/").split("/")
        self.calls[f"{request.method} {parts[0]}"] += 1
        if request.body and request.headers.get("content-type") != "application/scim+json":
            self.wrong.append(f"{request.method} {request.path}: content type {request.headers.get('content-type')}")
        if parts[0] == "ServiceProviderConfig":
            said = {} if self.bulk is None else {"bulk": self.bulk}
            writer.write(document(200, {"patch": {"supported": True}, "filter": {"supported": True}, **said}))
        elif parts[0] == "Bulk" and self.bulk is None:
            writer.write(document(404, {"detail": "no such endpoint"}))
        elif parts[0] == "Bulk":
            writer.write(self._bulk(request))
        else:
            body = orjson.loads(request.body) if request.body else None
            status, answer = self.one(request.method, parts, request.query, body)
            writer.write(raw(204, b"") if answer is None else document(status, answer))

    def one(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> tuple[int, Resource | None]:
        held = self.kinds[parts[0]]
        if len(parts) == 1:
            return self._create(parts[0], body) if method == "POST" else self._list(parts[0], query)
        known = held.get(parts[1])
        if known is None:
            return 404, {"detail": "no such resource"}
        if method == "GET":
            return 200, self._shown(parts[0], known)
        if method == "DELETE":
            del held[parts[1]]
        elif method == "PUT":
            held[parts[1]] = {**body, "id": parts[1]}
        else:
            self._patch(known, body)
        return 204, None

    def _create(self, kind: str, body: Resource) -> tuple[int, Resource]:
        name = "userName" if kind == "Users" else "displayName"
        if "id" in body:
            self.wrong.append("a create names the id")
        if any(one[name].lower() == body[name].lower() for one in self.kinds[kind].values()):
            return 409, {"detail": f"{body[name]} is taken", "scimType": "uniqueness"}
        self.number += 1
        made = {**body, "id": f"{kind[0].lower()}{self.number}"}
        self.kinds[kind][made["id"]] = made
        return 201, made

    def _list(self, kind: str, query: dict[str, str]) -> tuple[int, Resource]:
        text, start, count = query.get("filter"), int(query.get("startIndex", "1")), int(query.get("count", "100"))
        if text is not None and not self.filters_members and ".value eq" in text:
            return 400, {"detail": "this attribute cannot be filtered", "scimType": "invalidFilter"}
        found = [
            self._shown(kind, one) for one in self.kinds[kind].values() if text is None or self._matches(text, one)
        ]
        return 200, listing(found[start - 1 : start - 1 + count], len(found), start)

    def _matches(self, text: str, one: Resource) -> bool:
        return any(self._has(one, *found.groups()) for found in _EQ.finditer(text))

    def _has(self, one: Resource, name: str, sub: str | None, value: str) -> bool:
        held = self._groups_of(one["id"]) if name == "groups" else one.get(name)
        if sub is None:
            return str(held).lower() == value.lower()
        return any(str(item.get(sub)) == value for item in held or ())

    def _groups_of(self, member: str) -> list[Resource]:
        groups = self.kinds["Groups"].values()
        direct = [one["id"] for one in groups if any(item["value"] == member for item in one.get("members", ()))]
        above = [one for group in direct for one in self._groups_of(group)]
        found = {one["value"]: {"value": one["value"], "type": "indirect"} for one in above}
        return [*({**found, **{one: {"value": one, "type": "direct"} for one in direct}}).values()]

    def _shown(self, kind: str, one: Resource) -> Resource:
        if kind == "Users":
            return {**one, "groups": self._groups_of(one["id"])[: self.cut]}
        return {**one, "members": one.get("members", [])[: self.cut]}

    def _patch(self, known: Resource, body: Resource) -> None:
        if body.get("schemas") != [f"{MESSAGES}:PatchOp"]:
            self.wrong.append("a PATCH without its schema")
        members = known.setdefault("members", [])
        for operation in body["Operations"]:
            named = re.fullmatch(r'members\[value eq "(.*)"\]', operation.get("path", ""))
            if named:
                members[:] = [one for one in members if one["value"] != named[1]]
            elif operation["path"] == "members":
                members += [one for one in operation["value"] if one not in members]
            else:
                known[operation["path"]] = operation.get("value")

    def _bulk(self, request: Request) -> bytes:
        body = orjson.loads(request.body)
        operations = body["Operations"]
        self.bulks.append(len(operations))
        if len(operations) > self.most:
            return document(413, {"detail": f"more than {self.most} operations"})
        if body["schemas"] != [f"{MESSAGES}:BulkRequest"] or "failOnErrors" in body:
            self.wrong.append("a bulk request of another shape")
        ids = [one.get("bulkId") for one in operations]
        if len(set(ids)) != len(ids) or None in ids:
            self.wrong.append("a bulkId is missing or there twice")
        answers = [self._operation(one) for one in operations]
        return document(200, {"schemas": [f"{MESSAGES}:BulkResponse"], "Operations": answers[::-1]})

    def _operation(self, one: Resource) -> Resource:
        parts = one["path"].strip("/").split("/")
        if (one["method"] in ("POST", "PUT", "PATCH")) != ("data" in one):
            self.wrong.append(f"data of a bulk {one['method']}")
        status, answer = self.one(one["method"], parts, {}, one.get("data"))
        made: Resource = {"method": one["method"], "status": str(status)}
        made["bulkId"] = one["bulkId"]
        if status == 201 and answer is not None:
            made["location"] = f"https://far.example/{parts[0]}/{answer['id']}"
        elif len(parts) > 1:
            made["location"] = f"https://far.example{one['path']}"
        if status >= 400:
            made["response"] = answer
        return made


@dataclass
class FakeUaa:
    """Users with an origin, groups with members; ``log`` has method and path of every write."""

    users: dict[str, Resource] = field(default_factory=dict)
    groups: dict[str, Resource] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def __call__(self, side: FarSide, request: Request, writer: asyncio.StreamWriter) -> None:
        status, answer = self._answer(request)
        writer.write(document(status, answer))

    def _answer(self, request: Request) -> tuple[int, Resource]:
        kind, *rest = request.path.strip("/").split("/")
        if kind not in ("Users", "Groups"):
            self.wrong.append(f"{request.path} does not exist")
            return 404, {"error": "not_found"}
        held = self.users if kind == "Users" else self.groups
        if request.method == "GET" and not rest:
            text = request.query.get("filter")
            self.filters += [text] if text else []
            found = [one for one in held.values() if text is None or _uaa_matches(text, one)]
            return 200, {"resources": [], **listing(found, len(found))}
        if rest and rest[0] not in held:
            return 404, {"error": "scim_resource_not_found", "message": "no such resource"}
        if request.method == "GET":
            return 200, held[rest[0]]
        self.log.append(f"{request.method} {request.path}")
        body = orjson.loads(request.body) if request.body else {}
        if len(rest) > 1:
            return self._membership(request.method, self.groups[rest[0]], rest, body)
        return self._write(request, held[rest[0]], body)

    def _write(self, request: Request, known: Resource, body: Resource) -> tuple[int, Resource]:
        if request.headers.get("if-match") is None:
            return 400, {"error": "scim", "message": "Missing If-Match"}
        if request.method == "PUT":
            gone = [name for name in known if name not in ("id", "meta")]
            for name in gone:
                del known[name]
            known.update(body)
            return 200, known
        if "Operations" in body:
            self.wrong.append("SCIM 1.1 knows no PatchOp")
        for name in (body.get("meta") or {}).get("attributes", ()):
            known.pop(name, None)
        members = {one["value"]: one for one in known.get("members", ())}
        for one in body.get("members", ()):
            if one.get("operation") == "delete":
                members.pop(one["value"], None)
            else:
                members[one["value"]] = one
        known.update({name: value for name, value in body.items() if name not in ("meta", "members")})
        if "members" in body:
            known["members"] = list(members.values())
        return 200, known

    def _membership(self, method: str, group: Resource, rest: list[str], body: Resource) -> tuple[int, Resource]:
        members: list[Resource] = group.setdefault("members", [])
        if method == "POST":
            if not {"value", "type"} <= body.keys():
                self.wrong.append(f"a member without value or type: {body}")
            if any(one["value"] == body["value"] for one in members):
                return 409, {"error": "member_already_exists"}
            members.append(body)
            return 201, body
        found = next((one for one in members if one["value"] == rest[2]), None)
        if found is None:
            return 404, {"error": "scim_resource_not_found"}
        members.remove(found)
        return 200, found


def _uaa_matches(text: str, one: Resource) -> bool:
    """An ``and`` of brackets, each an ``or`` of comparisons: as the gateway narrows lists by origin."""
    return all(
        any(str(one.get(found[1], "")).lower() == found[3].lower() for found in _EQ.finditer(part))
        for part in text.split(" and ")
    )
