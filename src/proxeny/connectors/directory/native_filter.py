"""The directory's own filter properties (``idds.user.filter``): SCIM filters on the directory's documents.

The gateway cannot decide them, so the directory does: on its keys as far as they go, and on the document beyond.
"""

from collections.abc import Callable
from functools import lru_cache

from proxeny.connectors.directory.filter import plan
from proxeny.connectors.errors import NoSuchSchemaError, PropertyError
from proxeny.connectors.filtering import AllOf, AnyElement, AnyOf, Compare, Field, NativeFilter, Negation
from proxeny.documents import Document
from proxeny.scim.errors import ScimError
from proxeny.scim.filter.ast import And, AttributePath, Comparison, Filter, Not, Or, Present, ValuePath
from proxeny.scim.filter.evaluate import compile_filter
from proxeny.scim.filter.parser import parse_filter
from proxeny.scim.schema import Attribute, ResourceType

Predicate = Callable[[Document], bool]


@lru_cache(maxsize=64)
def compiled(entity_type: str, resource_type: ResourceType, text: str) -> tuple[NativeFilter, Predicate | None]:
    """The native filter of a property's text, and what decides the rest, if anything is left; PropertyError,
    NoSuchSchemaError.

    ``resource_type`` is that of the directory's documents, with the custom schemas that there are now.
    """
    try:
        tree = parse_filter(text)
    except ScimError as error:
        raise PropertyError(f"The filter property of the directory's {entity_type}s is wrong: {error}") from error
    try:
        admits = compile_filter(tree, resource_type)
    except ScimError as error:
        raise NoSuchSchemaError(
            f"This system's own filter of {entity_type}s is about what no schema of the directory has (any more), "
            f"so nobody is shown. An administrator must add the schema or change the filter: {error}"
        ) from error
    native = _native(tree, resource_type, None)
    return native, None if plan(entity_type, native).condition.exact else admits


def _native(tree: Filter, resource_type: ResourceType, inside: Attribute | None) -> NativeFilter:
    match tree:
        case And(terms):
            return AllOf(tuple(_native(term, resource_type, inside) for term in terms))
        case Or(terms):
            return AnyOf(tuple(_native(term, resource_type, inside) for term in terms))
        case Not(term):
            return Negation(_native(term, resource_type, inside))
        case ValuePath(path, inner):
            field, attribute = _found(path, resource_type, None)
            return AnyElement(field, _native(inner, resource_type, attribute))
        case Present(path):
            field, leaf = _found(path, resource_type, inside)
            return Compare(field, "pr", None, leaf.type, leaf.case_exact)
        case Comparison(path, operator, value):
            field, leaf = _found(path, resource_type, inside)
            return Compare(field, operator, value, leaf.type, leaf.case_exact)


def _found(path: AttributePath, resource_type: ResourceType, inside: Attribute | None) -> tuple[Field, Attribute]:
    """The native field of a path, and what is compared there; a complex attribute means its ``value``."""
    if inside is not None:
        leaf = inside.sub(path.name) or inside
        return (leaf.name,), leaf
    located = resource_type.find(path)
    if located is None:  # an extension as a whole; compile_filter has refused anything else
        return (str(path),), Attribute(name=str(path), type="complex")
    names = (located.urn, located.attribute.name, located.sub.name if located.sub else None)
    field = tuple(name for name in names if name is not None)
    value = located.leaf.sub("value") if located.leaf.type == "complex" else None
    return (*field, "value") if value else field, value or located.leaf
