"""Properties that many system types share under their own prefix: ``<prefix>user.filter`` and the like.

A type's file names the families it has, with its own default and limits where they differ; meaning and kind are here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from proxeny.connectors.properties import Property

FAMILIES: Mapping[str, Property] = {
    declared.name: declared
    for declared in (
        Property("user.filter", help="Filter of the backend for reading users; a client's filter is added to it."),
        Property("group.filter", help="Filter of the backend for reading groups; a client's filter is added to it."),
        Property("roles.filter", help="Filter of the backend for reading roles."),
        Property("group.prefix", help="Source: put before group names. Target: only groups with it are written."),
        Property("roles.prefix", help="Source: put before role names. Target: only roles with it are written."),
        Property(
            "user.unique.attribute",
            help="Where a new user's conflict is looked for; with commas, all attributes must match.",
        ),
        Property(
            "group.unique.attribute",
            help="Where a new group's conflict is looked for; with commas, all attributes must match.",
        ),
        Property("support.patch.operation", "boolean", help="Updates go out as PATCH (true) or PUT (false)."),
        Property("support.bulk.operation", "boolean", default="false", help="Several writes in one bulk request."),
        Property("bulk.operations.max.count", "integer", minimum=1, default="20", help="Operations in a bulk request."),
        Property("content.type", default="application/scim+json", help="Content-Type of what is sent."),
        Property(
            "include.if.match.wildcard.header", "boolean", default="false", help="Send `If-Match: *` with every call."
        ),
        Property(
            "patch.group.members.above.threshold",
            "integer",
            minimum=1,
            help="Groups with more members get them by PATCH in portions of this size.",
        ),
        Property(
            "patch.group.members.of.nested.groups",
            "boolean",
            default="false",
            help="Only touch members that are users, so that nested groups stay.",
        ),
        Property("group.members.paging.enabled", "boolean", help="Read long member lists by further requests."),
        Property("group.members.page.size", "integer", minimum=1, help="Members that the backend gives in one answer."),
        Property("user.groups.paging.enabled", "boolean", help="Read a user's many groups by further requests."),
        Property("user.groups.page.size", "integer", minimum=1, help="Groups of a user in one answer of the backend."),
        Property("user.roles.overwrite", "boolean", help="Replace a user's roles (true) or add to them (false)."),
        Property("skip.read.archived", "boolean", help="Leave out disabled entities when reading."),
        Property("user.automatic.conflict.resolution", "boolean", default="true", help="Update who has the name."),
        Property(
            "user.update.instead.delete",
            "boolean",
            default="false",
            help="A delete sends a PATCH of deleteEntity mappings.",
        ),
        Property("api.csrf.protection", "boolean", default="disabled", help="Fetch a CSRF token before a write."),
        Property("csrf.token.path", help="Path from which the CSRF token is fetched."),
        Property("page.size", "integer", minimum=1, help="Entities that are asked for in one read."),
        Property("api.version", "choice", help="Which API of the backend; decides the default transformation."),
        Property("patch.response.with.resource", "boolean", help="PATCH is answered with the resource (true) or 204."),
        Property("origin.filter.enabled", "boolean", default="false", help="Read only users of the given origins."),
        Property("origin", help="Origins of users (identity providers), separated by semicolons."),
    )
}


def expand(named: Mapping[str, Any], prefixes: tuple[str, ...]) -> Iterable[Property]:
    """The families of a type as properties: ``named`` is suffix → overrides (``default``, ``maximum`` …)."""
    prefix = prefixes[0] if prefixes else ""
    for suffix, overrides in named.items():
        own: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in overrides.items()
        }
        template = FAMILIES[suffix]
        yield replace(template, name=own.pop("prefix", prefix) + suffix, **own)
