"""Discovery documents (RFC 7643 §5–§7, RFC 7644 §4, RFC 9865 §4), made from what a system really can do."""

from dataclasses import dataclass
from typing import Literal

from proxeny.documents import Document
from proxeny.scim.errors import ForbiddenToAllError
from proxeny.scim.schema import Attribute, ResourceType, Schema

_CORE = "urn:ietf:params:scim:schemas:core:2.0:"


@dataclass(frozen=True, slots=True)
class AuthenticationScheme:
    """A way to sign in; ``type`` as RFC 7643 §5 names them (httpbasic, oauthbearertoken, oauth2 …)."""

    type: str
    name: str
    description: str
    spec_uri: str | None = None
    documentation_uri: str | None = None
    primary: bool = False

    def to_document(self) -> Document:
        document: Document = {"type": self.type, "name": self.name, "description": self.description}
        if self.spec_uri:
            document["specUri"] = self.spec_uri
        if self.documentation_uri:
            document["documentationUri"] = self.documentation_uri
        if self.primary:
            document["primary"] = True
        return document


BASIC = AuthenticationScheme(
    "httpbasic", "HTTP Basic", "Name and password of a technical user.", "https://www.rfc-editor.org/info/rfc7617"
)
BEARER = AuthenticationScheme(
    "oauthbearertoken",
    "OAuth Bearer Token",
    "An access token of a technical user.",
    "https://www.rfc-editor.org/info/rfc6750",
    primary=True,
)
CERTIFICATE = AuthenticationScheme(
    "httpclientcertificate",
    "Client certificate",
    "A certificate of a technical user in the TLS handshake.",
    "https://www.rfc-editor.org/info/rfc8446",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the service provider before one system can do. Sizes in bytes, the time-out of cursors in seconds."""

    patch: bool = True
    filter: bool = True
    max_results: int = 100
    default_page_size: int = 25
    sort: bool = True
    etag: bool = True
    change_password: bool = False
    bulk: bool = True
    bulk_max_operations: int = 100
    bulk_max_payload_size: int = 1_048_576
    index_pagination: bool = True
    cursor_pagination: bool = True
    cursor_timeout: int | None = None
    default_pagination: Literal["index", "cursor"] = "index"
    documentation_uri: str | None = None
    authentication_schemes: tuple[AuthenticationScheme, ...] = (BEARER, BASIC, CERTIFICATE)


def service_provider_config(features: Features, base: str) -> Document:
    """The ServiceProviderConfig; ``base`` is the SCIM base URL without a slash at the end."""
    document: Document = {
        "schemas": [_CORE + "ServiceProviderConfig"],
        "patch": {"supported": features.patch},
        "bulk": {
            "supported": features.bulk,
            "maxOperations": features.bulk_max_operations if features.bulk else 0,
            "maxPayloadSize": features.bulk_max_payload_size if features.bulk else 0,
        },
        "filter": {"supported": features.filter, "maxResults": features.max_results},
        "changePassword": {"supported": features.change_password},
        "sort": {"supported": features.sort},
        "etag": {"supported": features.etag},
        "pagination": _pagination(features),
        "authenticationSchemes": [scheme.to_document() for scheme in features.authentication_schemes],
        "meta": _meta("ServiceProviderConfig", f"{base}/ServiceProviderConfig"),
    }
    if features.documentation_uri:
        document["documentationUri"] = features.documentation_uri
    return document


def _pagination(features: Features) -> Document:
    document: Document = {
        "cursor": features.cursor_pagination,
        "index": features.index_pagination,
        "defaultPaginationMethod": features.default_pagination,
        "defaultPageSize": features.default_page_size,
        "maxPageSize": features.max_results,
    }
    if features.cursor_timeout is not None:
        document["cursorTimeout"] = features.cursor_timeout
    return document


def _meta(resource_type: str, location: str) -> Document:
    return {"resourceType": resource_type, "location": location}


def resource_type_document(resource_type: ResourceType, base: str) -> Document:
    """The ResourceType resource of an endpoint."""
    document: Document = {
        "schemas": [_CORE + "ResourceType"],
        "id": resource_type.name,
        "name": resource_type.name,
        "description": resource_type.description or resource_type.name,
        "endpoint": f"/{resource_type.endpoint}",
        "schema": resource_type.schema.id,
        "meta": _meta("ResourceType", f"{base}/ResourceTypes/{resource_type.name}"),
    }
    if resource_type.extensions:
        document["schemaExtensions"] = [
            {"schema": extension.schema.id, "required": extension.required} for extension in resource_type.extensions
        ]
    return document


def schema_document(schema: Schema, base: str) -> Document:
    """The Schema resource of a schema."""
    return {
        "schemas": [_CORE + "Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [attribute_document(attribute) for attribute in schema.attributes],
        "meta": _meta("Schema", f"{base}/Schemas/{schema.id}"),
    }


def attribute_document(attribute: Attribute) -> Document:
    """An attribute with all characteristics that its type has (RFC 7643 §7)."""
    document: Document = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "uniqueness": attribute.uniqueness,
    }
    if attribute.type in ("string", "reference", "binary"):
        document["caseExact"] = attribute.case_exact
    if attribute.canonical_values:
        document["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        document["referenceTypes"] = list(attribute.reference_types)
    if attribute.sub_attributes:
        document["subAttributes"] = [attribute_document(sub) for sub in attribute.sub_attributes]
    return document


def refuse_filter(filter_text: str | None) -> None:
    """ForbiddenToAllError for a filter on discovery: these lists are always whole (RFC 7644 §4)."""
    if filter_text is not None:
        raise ForbiddenToAllError("Discovery is not filtered; leave the filter out and read the whole list.")
