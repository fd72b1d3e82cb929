"""SCIM 2.0 servers over HTTP (RFC 7643, RFC 7644, RFC 9865), and the system types that speak SCIM."""

from collections.abc import Mapping
from dataclasses import replace

from proxeny.connectors.outbound.auth import PROPERTIES, sign_in_problems
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.scim2.origins import origin_problems
from proxeny.connectors.scim2.uaa import UaaConnector
from proxeny.connectors.spec import WHOLE, Connection, Spec

CONNECTORS: Mapping[str, type[ScimConnector]] = {"": ScimConnector, "uaa": UaaConnector}
"""By the quirk ``flavour`` of the system type."""


def build(connection: Connection) -> ScimConnector:
    """The connector for the flavour of SCIM that the system type speaks."""
    return CONNECTORS[str(connection.type.quirks.get("flavour", ""))](connection)


DOES = replace(WHOLE, patch=True, changes=True)
SPEC = Spec("scim2", "SCIM 2.0 server", PROPERTIES, build, (sign_in_problems, origin_problems), DOES)
