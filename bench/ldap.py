"""Reading 10,000 LDAP entries: the LDAP library alone, the connector, and the connector with the read transformation.

Each reads the same entries with the same filter, attributes and page size from one slapd, over and over in turns.

    python -m bench.ldap
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import ldap
from ldap.controls import SimplePagedResultsControl
from tests.connectors.directories import opened, slapd_properties
from tests.connectors.kit import connection
from tests.fixtures.slapd import ADMIN, PASSWORD, PEOPLE, Slapd, slapd

from bench import runner
from bench.runner import Goal, measure, report
from proxeny.connectors.ldap.connector import LdapConnector
from proxeny.transform import compile_transformation, load

ENTRIES = 10_000
PAGE = 1000
TYPE = "LDAP_SERVER"


def fill(server: Slapd, entries: int) -> None:
    speaker = server.admin()
    waiting = []
    for number in range(entries):
        uid = f"user{number:05}"
        attributes = {
            "objectClass": "inetOrgPerson",
            "uid": uid,
            "cn": f"Given Family {number}",
            "sn": f"Family {number}",
            "givenName": "Given",
            "displayName": f"Given Family {number}",
            "mail": f"{uid}@x.example",
            "mobile": f"+49 170 {number:05}",
            "telephoneNumber": f"+49 6227 {number:05}",
            "employeeNumber": str(number),
        }
        waiting.append(
            speaker.add_ext(f"uid={uid},{PEOPLE}", [(name, [value.encode()]) for name, value in attributes.items()])
        )
        if len(waiting) == 200:
            for message in waiting:
                speaker.result(message)
            waiting.clear()
    for message in waiting:
        speaker.result(message)


def library(server: Slapd, attributes: tuple[str, ...]) -> Callable[[], int]:
    """The library's own paged search; nothing is done with what it returns."""
    speaker = ldap.initialize(f"ldap://127.0.0.1:{server.port}")
    speaker.simple_bind_s(ADMIN, PASSWORD)

    def run() -> int:
        number, control = 0, SimplePagedResultsControl(True, size=PAGE, cookie=b"")
        while True:
            message = speaker.search_ext(
                PEOPLE,
                ldap.SCOPE_SUBTREE,
                "(&(objectClass=inetOrgPerson)(uid=*))",
                list(attributes),
                serverctrls=[control],
            )
            _, found, _, controls = speaker.result3(message)
            number += len(found)
            control.cookie = controls[0].cookie
            if not control.cookie:
                return number

    return run


def through(loop: asyncio.AbstractEventLoop, connector: LdapConnector, properties: dict[str, str]) -> Callable[[], int]:
    """The connector's stream, each entity through the default read transformation of a proxy."""
    made = connection("", properties, type_name=TYPE)
    text = made.type.transformation("proxy", "read", made.properties)
    assert text is not None
    compiled = compile_transformation(
        load(text, name="default"), properties=made.properties.public(), direction="read", role="proxy"
    )
    program = compiled.entity("user")
    assert program is not None
    variables = {"entityBaseLocation": "https://gateway.example/proxy/ldap/Users/"}

    async def read() -> int:
        number = 0
        async for entity in connector.read_all("user"):
            result = program.run("read", entity.document, variables)
            number += result.status == "ok"
        return number

    return lambda: loop.run_until_complete(read())


def alone(loop: asyncio.AbstractEventLoop, connector: LdapConnector) -> Callable[[], int]:
    async def read() -> int:
        number = 0
        async for _ in connector.read_all("user"):
            number += 1
        return number

    return lambda: loop.run_until_complete(read())


def main(entries: int = ENTRIES) -> int:
    runner.ROUNDS = 9
    loop = asyncio.new_event_loop()
    with slapd("memberof", "syncprov", verbose=False) as server:
        fill(server, entries)
        properties = slapd_properties(server, **{"ldap.page.size": str(PAGE)})
        context: Any = opened(properties)
        connector: LdapConnector = loop.run_until_complete(context.__aenter__())
        attributes = connector._searching._entries.attributes(connector._kind("user"))
        contestants = {
            "library": library(server, attributes),
            "connector": alone(loop, connector),
            "connector and transformation": through(loop, connector, properties),
        }
        for name, contestant in contestants.items():
            assert contestant() == entries, name
        measured = measure(contestants)
        loop.run_until_complete(context.__aexit__(None, None, None))
    measured.print(f"reading {entries} LDAP entries", "library")
    speed = 1 / measured.ratio("connector and transformation", "library")
    return report([Goal("speed through the read transformation, of the library's", speed, 0.3, at_least=True)])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES))
