"""The proxy read of the Local Identity Directory (32 user mappings) on a user of 2.4 KB, against reading its JSON and
against JSONPath libraries whose paths are parsed beforehand.

    python -m bench.transform
"""

import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import orjson

from bench.runner import Goal, measure, report
from proxeny.transform import Transformation, compile_transformation, load_document

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SAP = "urn:ietf:params:scim:schemas:extension:sap:2.0:User"
CUSTOM = "urn:sap:cloud:scim:schemas:extension:custom:2.0:User"
VARIABLES = {"entityBaseLocation": "https://id.example/scim/Users/"}


def copy(source: str, target: str | None = None, **more: Any) -> dict[str, Any]:
    return {"sourcePath": source, "targetPath": target or source, **more}


def mappings() -> list[dict[str, Any]]:
    """The shapes of that transformation, in its order."""
    optional = {"optional": True}
    whole = {"optional": True, "preserveArrayWithSingleElement": True}
    enterprise = (
        "employeeNumber",
        "costCenter",
        "organization",
        "division",
        "department",
        "manager']['value",
        "manager']['displayName",
    )
    return [
        copy("$.id", targetVariable="entityIdSourceSystem"),
        {"sourceVariable": "entityBaseLocation", "targetVariable": "entityLocationSourceSystem",
         "targetPath": "$.meta.location", "functions": [{"type": "concatString", "suffix": "${entityIdSourceSystem}"}]},
        copy(f"$['{SAP}']['userUuid']"),
        copy("$.schemas", preserveArrayWithSingleElement=True),
        copy("$.userName", correlationAttribute=True, **optional),
        copy("$.emails[*].value", "$.emails[?(@.value)]", preserveArrayWithSingleElement=True),
        copy("$.emails[0].value"),
        {"sourcePath": "$.emails[?(@.primary== true)].value", "correlationAttribute": True},
        copy("$.active"),
        copy("$.userType", **optional),
        *(copy(f"$.name.{name}", **optional) for name in ("givenName", "middleName", "familyName", "honorificPrefix")),
        copy("$.addresses", **whole),
        copy("$.locale", **optional),
        copy("$.phoneNumbers", **whole),
        copy("$.timezone", **optional),
        copy("$.displayName", **optional),
        copy("$.sourceSystem", ignore=True),
        copy("$.groups", **whole),
        {"type": "remove", "targetPath": "$.groups[*].display"},
        {"type": "remove", "targetPath": "$.displayName", "condition": "$.displayName EMPTY true"},
        *(copy(f"$['{ENTERPRISE}']['{name}']", **optional) for name in enterprise),
        copy(f"$['{CUSTOM}']", **optional),
        copy("$.company", f"$['{ENTERPRISE}']['organization']", **optional),
    ]  # fmt: skip


def user() -> dict[str, Any]:
    """A person as the directory has it."""
    identity = "3f0c9f0e-6f1d-4b57-9a1a-0d6f3a5b7c2"
    return {
        "id": identity + "0", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE, SAP, CUSTOM],
        "meta": {"resourceType": "User", "created": "2026-01-10T08:00:00Z", "lastModified": "2026-02-11T09:30:00Z",
                 "location": f"https://directory.example/scim/Users/{identity}0", "version": 'W/"3f0c"'},
        "userName": "barbara.jensen", "displayName": "Barbara Jensen", "active": True, "userType": "employee",
        "name": {"givenName": "Barbara", "middleName": "Jane", "familyName": "Jensen", "honorificPrefix": "Ms.",
                 "formatted": "Ms. Barbara Jane Jensen"},
        "emails": [{"value": "barbara.jensen@work.example", "type": "work", "primary": True},
                   {"value": "babs@home.example", "type": "home"}],
        "phoneNumbers": [{"value": "+49 6227 700000", "type": "work"}, {"value": "+49 170 7000000", "type": "mobile"}],
        "addresses": [
            {"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
             "postalCode": "91608", "country": "US"},
            {"type": "home", "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA",
             "postalCode": "91608", "country": "US"}],
        "locale": "en-US", "timezone": "America/Los_Angeles",
        "groups": [{"value": f"{identity}{number}", "display": f"Group number {number}",
                    "$ref": f"https://directory.example/scim/Groups/{identity}{number}"} for number in range(1, 4)],
        SAP: {"userUuid": identity + "9", "userId": "P000042", "mailVerified": True,
              "validFrom": "2026-01-01T00:00:00Z"},
        ENTERPRISE: {"employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
                     "division": "Theme Park", "department": "Tour Operations",
                     "manager": {"value": identity + "8", "displayName": "John Smith"}},
        CUSTOM: {"attributes": [{"name": "customAttribute1", "value": "blue"},
                                {"name": "customAttribute2", "value": "green"}]},
    }  # fmt: skip


def jsonpath_ng() -> Callable[[Any], dict[str, Any]]:
    """The same mappings by jsonpath-ng: paths parsed once for reading and for writing."""
    from jsonpath_ng.ext import parse

    steps = [(parse(source), parse(target)) for source, target in plain_copies()]

    def run(document: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for source, target in steps:
            for match in source.find(document):
                target.update_or_create(out, match.value)
        return out

    return run


def python_jsonpath() -> Callable[[Any], dict[str, Any]]:
    """The same mappings by python-jsonpath, which only reads: what it finds is put into place by hand."""
    from jsonpath import compile as parse

    steps = [(parse(source), target) for source, target in plain_copies()]

    def run(document: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for source, target in steps:
            out[target] = source.findall(document)
        return out

    return run


def plain_copies() -> list[tuple[str, str]]:
    """Source and target of every mapping that copies, a wrap as the list that it makes."""
    return [
        (one["sourcePath"].replace("==", " =="), one.get("targetPath", "$.key").replace("[?(@.value)]", "[*].value"))
        for one in mappings()
        if "sourcePath" in one and not one.get("ignore")
    ]


def loaded(document: dict[str, Any]) -> Transformation:
    made = compile_transformation(
        load_document(document), properties={}, direction="read", role="proxy", needs_source_id=True
    )
    for program in made.entities.values():
        program.prepare(("read",))
    return made


def hundred_mappings() -> dict[str, Any]:
    return {
        "user": {
            "mappings": [
                *mappings(),
                *(copy(f"$.a{number}.b", f"$.c.d{number}", optional=True) for number in range(68)),
            ]
        }
    }


def memory_of(make: Callable[[], object]) -> float:
    """MB that stay allocated as long as what was made is kept."""
    tracemalloc.start()
    kept = make()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size / 1e6


def main() -> int:
    warnings.simplefilter("ignore")
    text = orjson.dumps(user())
    document = orjson.loads(text)
    program = loaded({"user": {"scimEntityEndpoint": "Users", "mappings": mappings()}}).entities["user"]
    result = program.run("read", document, VARIABLES)
    if result.status != "ok":
        raise SystemExit(result.message)
    ng, python = jsonpath_ng(), python_jsonpath()
    many = [orjson.loads(text) for _ in range(100)]
    times = measure(
        {
            "orjson.loads": lambda: orjson.loads(text),
            "proxeny": lambda: program.run("read", document, VARIABLES),
            "proxeny, 10 entities": lambda: [program.run("read", one, VARIABLES) for one in many[:10]],
            "proxeny, 100 entities": lambda: [program.run("read", one, VARIABLES) for one in many],
            "python-jsonpath, pre-parsed": lambda: python(document),
            "jsonpath-ng, pre-parsed": lambda: ng(document),
        }
    )
    times.print(f"proxy read, 32 mappings, a user of {len(text)} bytes", "orjson.loads")
    loads = []
    for _ in range(5):
        start = time.process_time()
        loaded(hundred_mappings())
        loads.append(time.process_time() - start)
    return report(
        [
            Goal("one run, to orjson.loads of the same bytes", times.ratio("proxeny", "orjson.loads"), 4, 2),
            Goal("faster than jsonpath-ng", times.ratio("jsonpath-ng, pre-parsed", "proxeny"), 20, at_least=True),
            Goal(
                "faster than python-jsonpath", times.ratio("python-jsonpath, pre-parsed", "proxeny"), 12, at_least=True
            ),
            Goal(
                "100 entities, to ten times 10", times.ratio("proxeny, 100 entities", "proxeny, 10 entities") / 10, 1.25
            ),
            Goal("loading 100 mappings", sorted(loads)[2] * 1e3, 50, unit="ms"),
            Goal(
                "a loaded transformation of 100 mappings", memory_of(lambda: loaded(hundred_mappings())), 1, unit="MB"
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
