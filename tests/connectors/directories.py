"""LDAP directories of the tests, and connectors to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.connectors.kit import connection
from tests.fixtures import samba as domain
from tests.fixtures import slapd as openldap
from tests.fixtures.samba import Samba
from tests.fixtures.slapd import Slapd

from proxeny.connectors.ldap.connector import LdapConnector
from proxeny.connectors.outbound.settings import OutboundSettings

PATHS = {"ldap.user.path": "ou=people,dc=x", "ldap.group.path": "ou=groups,dc=x"}
"""For connectors that meet no server."""


def slapd_properties(server: Slapd, **more: str) -> dict[str, str]:
    given = {
        "ldap.url": server.url,
        "ldap.user": openldap.ADMIN,
        "ldap.user.path": openldap.PEOPLE,
        "ldap.group.path": openldap.GROUPS,
    }
    return {**given, **{name.replace("_", "."): value for name, value in more.items()}}


def domain_properties(server: Samba, **more: str) -> dict[str, str]:
    given = {
        "ldap.url": server.secure_url,
        "ldap.user": domain.USER,
        "ldap.user.path": domain.STAFF,
        "ldap.group.path": domain.TEAMS,
        "ca.certificate": server.ca,
    }
    return {**given, **{name.replace("_", "."): value for name, value in more.items()}}


@asynccontextmanager
async def opened(
    properties: dict[str, str],
    secret: dict[str, str] | None = None,
    *,
    type_name: str = "LDAP_SERVER",
    settings: OutboundSettings | None = None,
) -> AsyncIterator[LdapConnector]:
    """An open connector; the password is that of the server's administrator unless another is given."""
    password = domain.PASSWORD if type_name == "MICROSOFT_ACTIVE_DIRECTORY" else openldap.PASSWORD
    made = LdapConnector(
        connection("", properties, secret or {"ldap.password": password}, type_name=type_name, settings=settings)
    )
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def person(uid: str, **more: Any) -> dict[str, Any]:
    return {"uid": [uid], "cn": [f"Person {uid}"], "sn": [uid], "mail": [f"{uid}@x.example"], **more}
