"""LDAP directories (RFC 4511): OpenLDAP and its kin, and Microsoft Active Directory. Needs the extra ``ldap``."""

from dataclasses import replace

from proxeny.connectors.errors import PropertyError
from proxeny.connectors.ldap.settings import PROPERTIES, problems
from proxeny.connectors.spec import WHOLE, Connection, Spec
from proxeny.connectors.spi import Connector


def _build(connection: Connection) -> Connector:
    try:
        from proxeny.connectors.ldap.connector import LdapConnector
    except ModuleNotFoundError as error:
        raise PropertyError("LDAP needs a library that is not installed: pip install 'proxeny[ldap]'.") from error
    return LdapConnector(connection)


SPEC = Spec("ldap", "LDAP directory", PROPERTIES, _build, (problems,), replace(WHOLE, changes=True))
