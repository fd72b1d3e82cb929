"""SCIM 2.0 servers over HTTP (RFC 7643, RFC 7644, RFC 9865), and the system types that speak SCIM."""

from proxeny.connectors.outbound.auth import PROPERTIES, sign_in_problems
from proxeny.connectors.scim2.connector import ScimConnector
from proxeny.connectors.spec import Spec

SPEC = Spec("scim2", "SCIM 2.0 server", PROPERTIES, ScimConnector, (sign_in_problems,))
