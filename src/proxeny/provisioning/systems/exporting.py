"""A system as others import it: the JSON of SAP Identity Provisioning, and a repository of SAP Identity Management.

Credentials are left out of both: whoever imports enters them. The repository's columns are those of SAP's own export;
the values that SAP asks to be filled in by hand (AUTH_USER, AUTH_PASSWORD) are empty.
"""

from urllib.parse import quote, urlsplit

from proxeny.connectors.registry import system_type
from proxeny.connectors.spec import AssignmentMethod
from proxeny.documents import Document
from proxeny.provisioning.systems.definition import SystemDefinition, TransformationText
from proxeny.provisioning.systems.whereabouts import misplaced
from proxeny.transform.text import read_text

SAP_PATH = "/ipsproxy/service/api/v1/scim"

_SCHEME_PORTS = {"https": 443, "http": 80}
_MILLISECONDS = "60000"


def sap_export(definition: SystemDefinition) -> Document:
    """The system as SAP Identity Provisioning exports one; a transformation that is left out stays ``{}``. A secret is
    left out wherever it stands."""
    secrets = misplaced(definition.type, definition.properties)
    return {
        "id": definition.id,
        "connectorTypeString": definition.type,
        "accessMode": definition.access_mode,
        "destinationName": None,
        "gitAllowedExpressions": [],
        "gitDisallowedExpressions": [],
        "emailSubscribers": list(definition.subscribers),
        "name": definition.name,
        "description": definition.description,
        "tenantId": None,
        "state": "ENABLED" if definition.enabled else "DISABLED",
        "systemManagementType": "CUSTOMER_MANAGED",
        "properties": {name: value for name, value in definition.properties.items() if name not in secrets},
        "encryptedProperties": dict.fromkeys((*definition.credentials, *sorted(secrets))),
        **({"sources": list(definition.sources)} if definition.sources else {}),
        "automaticOutboundCertificateRenew": False,
        "transformationChanged": bool(definition.read or definition.write),
        "readTransformationChanged": definition.read is not None,
        "writeTransformationChanged": definition.write is not None,
        "fromImport": False,
        "readTransformation": _transformation(definition.read),
        "writeTransformation": _transformation(definition.write),
    }


def idm_repository(definition: SystemDefinition, base_url: str) -> str:
    """A SCIM repository for SAP Identity Management: a line of column names and a line of values, each followed by a
    comma. ``base_url`` is what Identity Management calls the gateway by."""
    columns = _repository(definition, base_url)
    names = "".join(f"{name}," for name in columns)
    values = "".join(f"{_quoted(value)}," for value in columns.values())
    return f"{names}\n{values}\n"


def _repository(definition: SystemDefinition, base_url: str) -> dict[str, str]:
    url = urlsplit(base_url)
    method: AssignmentMethod = system_type(definition.type).assignment_method
    return {
        "Name": definition.name,
        "Description": definition.description,
        "Type": "",
        "Disabled": "0" if definition.enabled else "1",
        "TypeQN": "com.sap.idm.connector.scim:reptype.SCIM",
        "AUTH_PASSWORD": "",
        "AUTH_TYPE": "basic",
        "AUTH_USER": "",
        "CONNECT_TIMEOUT": _MILLISECONDS,
        "CONNECTION_KEEPALIVE": _MILLISECONDS,
        "MX_PRIV_GROUPING_ATTRIBUTE": "",
        "OAUTH_URL": "",
        "PROXY_HOST": "",
        "PROXY_PASSWORD": "",
        "PROXY_PORT": "",
        "PROXY_USER": "",
        "READ_TIMEOUT": _MILLISECONDS,
        "SCIM_ASSIGNMENT_METHOD": method,
        "SCIM_HOST": url.hostname or "",
        "SCIM_PATH": f"{url.path.rstrip('/')}{SAP_PATH}/{quote(definition.id, safe='')}",
        "SCIM_PORT": str(url.port or _SCHEME_PORTS[url.scheme]),
        "SCIM_PROTOCOL": url.scheme,
        "SYSTEM_PRIVILEGE": f"PRIV:SYSTEM:{definition.name}",
        "TRUSTSTORE": "",
        "TRUSTSTORE_PASSWORD": "",
    }


def _quoted(value: str) -> str:
    text = value.replace('"', '""').replace("\r", " ").replace("\n", " ")
    return f'"{text}"' if text else ""


def _transformation(text: TransformationText | None) -> Document:
    """The transformation as strict JSON: comments and trailing commas are gone, everything else is as written."""
    if text is None:
        return {}
    document: Document = read_text(text.text).value
    return document
