"""The contract of the port, on OpenLDAP (with and without overlays) and on a domain controller."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.connectors.directories import domain_properties, opened, person, slapd_properties
from tests.fixtures.samba import Samba
from tests.fixtures.slapd import Slapd

from proxeny.connectors.contract import ConnectorContract
from proxeny.connectors.ldap.connector import LdapConnector
from proxeny.documents import Document


class TestOpenLdap(ConnectorContract):
    name_field = ("uid",)

    @pytest.fixture
    async def connector(self, openldap_server: Slapd) -> AsyncIterator[LdapConnector]:
        openldap_server.clear()
        async with opened(slapd_properties(openldap_server, **{"ldap.attribute.user.id": "entryUUID"})) as made:
            yield made

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: person(f"contract{number}")


class TestOpenLdapByTime(ConnectorContract):
    name_field = ("uid",)

    @pytest.fixture
    async def connector(self, bare_server: Slapd) -> AsyncIterator[LdapConnector]:
        bare_server.clear()
        properties = {"ldap.attribute.user.id": "entryUUID", "ldap.changes": "timestamp"}
        async with opened(slapd_properties(bare_server, **properties)) as made:
            yield made

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: person(f"contract{number}")


class TestGroups(ConnectorContract):
    """Groups without members, whose class demands one."""

    entity_type = "group"
    name_field = ("description",)

    @pytest.fixture
    async def connector(self, openldap_server: Slapd) -> AsyncIterator[LdapConnector]:
        openldap_server.clear()
        async with opened(slapd_properties(openldap_server)) as made:
            yield made

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        def group(number: int) -> Document:
            name = {} if number >= 1000 and number < 2000 else {"cn": [f"group{number}"]}
            return {**name, "description": [f"contract{number}"]}

        return group


class TestDomainController(ConnectorContract):
    name_field = ("sAMAccountName",)

    @pytest.fixture
    async def connector(self, domain_controller: Samba) -> AsyncIterator[LdapConnector]:
        domain_controller.clear()
        properties = domain_properties(domain_controller, **{"ldap.attribute.user.id": "objectGUID"})
        async with opened(properties, type_name="MICROSOFT_ACTIVE_DIRECTORY") as made:
            yield made

    @pytest.fixture
    def sample(self) -> Callable[[int], Document]:
        return lambda number: {"cn": [f"contract{number}"], "sAMAccountName": [f"contract{number}"], "sn": ["x"]}
