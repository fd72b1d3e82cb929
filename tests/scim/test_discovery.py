"""Discovery documents: of the form that the standard's schemas and an independent implementation ask for."""

import pytest
from scim2_models import ResourceType as OtherResourceType
from scim2_models import Schema as OtherSchema
from scim2_models import ServiceProviderConfig

from proxeny.documents import Document
from proxeny.scim.discovery import (
    BASIC,
    Features,
    refuse_filter,
    resource_type_document,
    schema_document,
    service_provider_config,
)
from proxeny.scim.errors import ForbiddenError
from proxeny.scim.schema import GROUP_TYPE, USER_TYPE, ResourceType, Schema, builtin_schema
from proxeny.scim.values import mistake

BASE = "https://x.test/scim"


def fits(document: Document, schema: Schema) -> None:
    """Every value has the type that the schema says, and no name is unknown."""
    for name, value in document.items():
        if name in ("schemas", "meta"):
            continue
        attribute = schema.attribute(name)
        assert attribute is not None, name
        for each in value if attribute.multi_valued else [value]:
            assert mistake(attribute, each) is None, name
            if isinstance(each, dict):
                assert set(each) <= set(attribute.names.exact), name
    missing = [each.name for each in schema.attributes if each.required and each.name not in document]
    assert missing == []


def test_service_provider_config() -> None:
    document = service_provider_config(Features(documentation_uri="https://x", cursor_timeout=60), BASE)
    fits(document, builtin_schema("service-provider-config"))
    other = ServiceProviderConfig.model_validate(document)
    assert other.pagination is not None
    assert other.pagination.cursor_timeout == 60
    assert document["meta"] == {"resourceType": "ServiceProviderConfig", "location": f"{BASE}/ServiceProviderConfig"}


def test_what_is_not_supported_says_so() -> None:
    features = Features(patch=False, bulk=False, sort=False, cursor_pagination=False, authentication_schemes=(BASIC,))
    document = service_provider_config(features, BASE)
    assert document["patch"] == {"supported": False}
    assert document["bulk"] == {"supported": False, "maxOperations": 0, "maxPayloadSize": 0}
    assert document["pagination"]["cursor"] is False
    assert [scheme["type"] for scheme in document["authenticationSchemes"]] == ["httpbasic"]


@pytest.mark.parametrize("resource_type", [USER_TYPE, GROUP_TYPE])
def test_resource_types_and_their_schemas(resource_type: ResourceType) -> None:
    document = resource_type_document(resource_type, BASE)
    fits(document, builtin_schema("resource-type"))
    assert OtherResourceType.model_validate(document).endpoint == f"/{resource_type.endpoint}"
    for schema in resource_type.schemas:
        told = schema_document(schema, BASE)
        fits(told, builtin_schema("schema"))
        assert str(OtherSchema.model_validate(told).id) == schema.id


def test_discovery_is_not_filtered() -> None:
    refuse_filter(None)
    with pytest.raises(ForbiddenError):
        refuse_filter("id pr")
