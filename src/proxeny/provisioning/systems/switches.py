"""The switches of one system as typed values (decisions.md, "Switches of a system"); declared in
connectors/switches.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from proxeny.connectors.properties import PropertyValues
from proxeny.scim.dialects import GROUP_PATCH_WITHOUT_BODY, Dialect, dialect_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """How one system answers where the standard, SAP and real clients disagree; the defaults are those of a proxy."""

    keep_active: bool = True
    keep_members: bool = True
    patch_any: bool = False
    patch_no_content: bool = False
    replace_no_content: bool = False
    fail_unreadable: bool = False
    reject_unknown: bool = False
    unique_display_name: Literal["backend", "yes", "no"] = "backend"
    members_limit: int = 1000
    page_default: int = 25
    page_max: int = 100
    provided_totals: bool = False
    dialect: Dialect
    read_only: bool = False

    @classmethod
    def of(cls, values: PropertyValues) -> Self:
        """The switches that the properties of a system say; they were checked before."""
        unique = values.text("group.displayName.unique", "backend")
        return cls(
            keep_active=values.text("put.active", "keep") == "keep",
            keep_members=values.text("put.members", "keep") == "keep",
            patch_any=values.text("patch.passthrough", "mapped") == "any",
            patch_no_content=_bodiless(values, "patch") or values.text("patch.answer", "resource") == "204",
            replace_no_content=_bodiless(values, "update"),
            fail_unreadable=values.text("read.failed", "skip") == "fail",
            reject_unknown=values.text("unknown.attributes", "warn") == "reject",
            unique_display_name="yes" if unique == "yes" else "no" if unique == "no" else "backend",
            members_limit=values.integer("members.limit", 1000),
            page_default=values.integer("page.default", 25),
            page_max=values.integer("page.max", 100),
            provided_totals=values.text("ips.proxy.scim.total.results.strategy", "Calculated") == "Provided",
            dialect=_dialect(values),
            read_only=values.flag("read.only"),
        )


_RESOURCE_AFTER: Mapping[str, tuple[str, ...]] = {
    "update": ("respond.with.resource.after.update",),
    "patch": ("respond.with.resource.after.update", "patch.response.with.resource"),
}
"""Properties under the type's own prefix by which a write is answered with the resource, or 204 if they say false."""


def _bodiless(values: PropertyValues, write: str) -> bool:
    return not all(values.family_flag(suffix, True) for suffix in _RESOURCE_AFTER[write])


def _dialect(values: PropertyValues) -> Dialect:
    """Unless the system names its clients, their requests are understood, but answers keep to the standard."""
    named = dialect_of(*(name.strip() for name in values.text("dialect", "entra,okta").split(",")))
    return named if "dialect" in values.given else named - {GROUP_PATCH_WITHOUT_BODY}
