"""What of a resource need not be read, and what of it a client is shown (RFC 7644 §3.9)."""

import orjson

from proxeny.connectors.spi import Reader
from proxeny.documents import Document
from proxeny.provisioning.endpoints.cursors import Cursors
from proxeny.provisioning.endpoints.endpoint import Endpoint, Resource, Show
from proxeny.scim.errors import NotImplementedByBackendError
from proxeny.scim.filter.ast import And, Comparison, Filter, Not, Or, Present, ValuePath
from proxeny.scim.projection import Projection
from proxeny.scim.query import Query
from proxeny.scim.schema import ResourceType

Shown = Document | orjson.Fragment


class Showing:
    """What one endpoint shows. ``cursors`` are sealed for it."""

    def __init__(self, endpoint: Endpoint, cursors: Cursors) -> None:
        self._endpoint = endpoint
        self._cursors = cursors
        self._omitted_by_default = _omitted(endpoint, endpoint.everything, set())

    @property
    def resource_type(self) -> ResourceType:
        """What filters and sorting are decided on."""
        return self._endpoint.readable

    @property
    def _reader(self) -> Reader:
        if self._endpoint.able.reader is None:
            raise NotImplementedByBackendError(f"The backend of {self._endpoint.system} cannot read resources.")
        return self._endpoint.able.reader

    def _scope(self, query: Query) -> str:
        """What a cursor is bound to: it is unknown to every other system, endpoint and query."""
        order = f"{query.sort_by} {query.sort_order}" if query.sort_by is not None else ""
        return "\n".join((self._endpoint.system, self._endpoint.name, order, query.filter_text or ""))

    def omitted(self, query: Query) -> frozenset[str]:
        """Native fields that nobody will look at: neither the projection, the filter nor the order."""
        projection = self.projection(query)
        if query.filter is None and query.sort_by is None and projection is self._endpoint.everything:
            return self._omitted_by_default
        used = _names(query.filter) if query.filter is not None else set()
        if query.sort_by is not None:
            used.add(query.sort_by.name.lower())
        return _omitted(self._endpoint, projection, used)

    def projection(self, query: Query) -> Projection:
        if not query.attributes and not query.excluded_attributes:
            return self._endpoint.everything
        return Projection.of_query(query, self._endpoint.resource_type)

    def _projected(self, resources: list[Resource], query: Query) -> list[Shown]:
        return [self.shown(resource, query) for resource in resources]

    def shown(self, resource: Resource, query: Query) -> Shown:
        """What the client gets of a resource; as it was rendered, where that can be."""
        plain = query.members_type is None and self.projection(query) is self._endpoint.everything
        if plain and resource.rendered is not None:
            return orjson.Fragment(resource.rendered.shown)
        return self.showing(query)(resource.document)

    def showing(self, query: Query) -> Show:
        """What the client gets of a document."""
        show, kind = self.projection(query).apply, query.members_type
        return show if kind is None else lambda document: show(_with_members_of(document, kind))


def _omitted(endpoint: Endpoint, projection: Projection, used: set[str]) -> frozenset[str]:
    """Native fields behind nothing but attributes that are neither shown nor ``used`` (names in lower case)."""
    unused = (
        fields for name, fields in endpoint.droppable.items() if name.lower() not in used and projection.omits(name)
    )
    return frozenset().union(*unused)


def _with_members_of(document: Document, kind: str) -> Document:
    """The resource with only those of its members that are of that type (``membersType``); without a type: users."""
    members = document.get("members")
    if not isinstance(members, list):
        return document
    return {**document, "members": [each for each in members if str(each.get("type") or "user").lower() == kind]}


def _names(filter_: Filter) -> set[str]:
    """The attributes that a filter looks at, in lower case and without their sub-attributes."""
    match filter_:
        case Comparison(path, _, _) | Present(path) | ValuePath(path, _):
            return {path.name.lower()}
        case Not(term):
            return _names(term)
        case And(terms) | Or(terms):
            return set().union(*map(_names, terms))
