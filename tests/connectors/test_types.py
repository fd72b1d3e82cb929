"""The catalogue of system types: complete, consistent, and with default transformations that compile."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from proxeny.connectors import registry
from proxeny.connectors.errors import PropertyError
from proxeny.connectors.offers import offer
from proxeny.connectors.outbound.client import Outbound
from proxeny.connectors.outbound.settings import OutboundSettings
from proxeny.connectors.spec import Connection, Direction, Role, Spec, SystemType
from proxeny.connectors.spi import Capabilities
from proxeny.database import Database
from proxeny.transform.compiler import check_transformation

TYPES = registry.system_types()
SPEAKING = [known for known in TYPES if known.protocol in registry.BUILT_IN]
TEXTS = [
    (known, version, role, direction)
    for known in TYPES
    for version, texts in (known.versions or {"": known.transformations}).items()
    for role, direction in texts
]


def name_of(value: object) -> str:
    return value.name if isinstance(value, SystemType) else str(value)


OWN = {"SQL_DATABASE", "FILE"}
LDAP = {"ldap.url": "ldaps://x.example", "ldap.user.path": "ou=people,dc=x", "ldap.group.path": "ou=groups,dc=x"}
CONNECTIONS = {
    "SAP_CONCUR": {"URL": "https://x.example", "User": "u", "Password": "p", "concur.company.id": "c"},
    "SQL_DATABASE": {"URL": "postgresql://x.example/hr", "sql.user.table": "person", "sql.user.key": "id"},
    "FILE": {"file.user.path": "people.csv"},
    "LDAP_SERVER": LDAP,
    "MICROSOFT_ACTIVE_DIRECTORY": LDAP,
}


def test_the_catalogue_is_complete() -> None:
    """The 58 of SAP Identity Provisioning under their numbers, then our own."""
    assert [known.number for known in TYPES] == list(range(1, 59 + len(OWN)))
    assert {known.name for known in TYPES[58:]} == OWN
    sap = TYPES[:58]
    assert Counter(role for known in sap for role in known.roles) == {"source": 54, "target": 56, "proxy": 53}
    methods = Counter(known.assignment_method for known in sap if "proxy" in known.roles)
    assert methods == {"PATCH": 13, "PUT": 39, "": 1}


def test_most_types_can_be_used_now() -> None:
    assert len(SPEAKING) >= 40
    assert {known.name for known in SPEAKING} >= {"LOCAL_IDENTITY_DIRECTORY", "SCIM_SYSTEM", "SAP_ANALYTICS_CLOUD"}


def test_what_works_of_a_type_is_told() -> None:
    told = {known.name: offer(known) for known in TYPES}
    assert told["SCIM_SYSTEM"].words == "read, write, proxy, delta, bulk"
    assert told["SAP_ENTERPRISE_PORTAL"].words == "read, delta"
    assert told["SAP_COMMERCE_CLOUD"].words == "read, write, proxy, PATCH"
    assert told["SAP_APPLICATION_SERVER_ABAP"].usable is False
    assert "RFC library" in told["SAP_APPLICATION_SERVER_ABAP"].words
    assert [name for name, offered in told.items() if offered.usable] == [known.name for known in SPEAKING]


@pytest.mark.parametrize("known", SPEAKING, ids=name_of)
async def test_a_protocol_says_of_its_connectors_what_they_implement(known: SystemType, tmp_path: Path) -> None:
    """Without building one, which may need a library that is not installed."""
    spec = registry.spec(known.protocol or "")
    given = CONNECTIONS.get(known.name, {"URL": "https://x.example"}) | {"sql.user.modified": "changed"}
    database = await Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    made = Connection("x", "X", known, known.values(given), database, Outbound(OutboundSettings(files="/")))
    assert Capabilities.of(spec.build(made)) == spec.does
    await database.close()
    assert offer(known).delta == bool(known.capabilities.get("delta") and "source" in known.roles)


@pytest.mark.parametrize("known", TYPES, ids=name_of)
def test_a_type_is_consistent(known: SystemType) -> None:
    assert known.far_side
    assert set(known.roles) <= set(get_args(Role))
    assert set(known.predefined) <= set(known.roles) | {"source", "target", "proxy"}
    names = [declared.name for declared in known.properties]
    assert len(names) == len(set(names))
    for declared in known.properties:
        assert declared.help.endswith(".")
        if declared.default is not None:
            assert declared.problem(declared.default) is None, declared
    if known.version_property:
        assert known.version in known.versions
        assert known.version_property in names
    if known.protocol is None:
        assert len(known.missing) > len("No connector yet."), "people are told why it cannot be used"
        assert known.missing.endswith(".")


@pytest.mark.parametrize(("known", "version", "role", "direction"), TEXTS, ids=name_of)
def test_a_default_transformation_has_no_mistake(
    known: SystemType, version: str, role: Role, direction: Direction
) -> None:
    chosen = {known.version_property: version} if known.version_property else {}
    text = known.transformation(role, direction, chosen)
    assert text is not None
    values = known.values({"ips.application.id": "a", **complete(known)})
    problems = check_transformation(text, properties=values, direction=direction, role=role)
    assert list(problems) == []


def complete(known: SystemType) -> dict[str, str]:
    """A value for every property without a default, so that no placeholder stays open."""
    return {declared.name: "x" for declared in known.properties if declared.default is None}


@pytest.mark.parametrize("known", SPEAKING, ids=name_of)
def test_a_type_that_can_be_used_has_every_transformation_of_its_roles(known: SystemType) -> None:
    needed = {"source": ["read"], "target": ["write"], "proxy": ["read", "write"]}
    for role in known.roles:
        for direction in needed[role]:
            assert known.transformation(role, direction), (role, direction)


@pytest.mark.parametrize("known", SPEAKING, ids=name_of)
def test_a_system_of_a_type_passes_the_check_with_its_connection_alone(known: SystemType) -> None:
    spec = registry.spec(known.protocol or "")
    given = CONNECTIONS.get(known.name, {"URL": "https://x.example"})
    assert [problem for problem in spec.check(given, known) if problem.severity == "error"] == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SCIM_SYSTEM", "SCIM_SYSTEM"),
        ("scim system", "SCIM_SYSTEM"),
        ("SAP S/4HANA Cloud Public Edition", "SAP_S_4HANA_CLOUD_PUBLIC_EDITION"),
        ("Microsoft Azure Active Directory", "MICROSOFT_ENTRA_ID"),
        ("Sales Cloud – Analytics & AI", "SALES_CLOUD_ANALYTICS_AI"),
        ("LDAP", "LDAP_SERVER"),
    ],
)
def test_types_are_found_by_name_title_and_alias(written: str, meant: str) -> None:
    assert registry.system_type(written).name == meant


def test_an_unknown_type_is_answered_with_what_was_perhaps_meant() -> None:
    with pytest.raises(PropertyError, match="SCIM_SYSTEM"):
        registry.system_type("SCIM_SYSTM")
    with pytest.raises(PropertyError, match="system list --types"):
        registry.system_type("qqqqqqqqq")


def test_a_protocol_is_loaded_by_name() -> None:
    assert isinstance(registry.spec("scim2"), Spec)
    with pytest.raises(PropertyError, match="No installed connector speaks 'gopher'"):
        registry.spec("gopher")


def test_the_version_chooses_transformation_and_base_path() -> None:
    known = registry.system_type("IDENTITY_AUTHENTICATION")
    first, second = ({"ias.api.version": version} for version in "12")
    assert known.transformation("source", "read", first) != known.transformation("source", "read", second)
    assert known.transformation("source", "read") == known.transformation("source", "read", second)
    assert known.quirks_for(first)["base_path"] == "/service/scim"
    assert known.quirks_for(second)["base_path"] == "/scim"
