"""Properties that every system has: the generic ones of SAP Identity Provisioning, and the gateway's own switches."""

from proxeny.connectors.properties import Property

SWITCHES: tuple[Property, ...] = (
    Property(
        "put.active",
        "choice",
        default="keep",
        choices=("keep", "transformation"),
        help="PUT without `active`: keep the user's state, or let the write transformation decide (its default).",
    ),
    Property(
        "put.members",
        "choice",
        default="keep",
        choices=("keep", "clear"),
        help="PUT without `members`: keep the members, or clear them. `members: []` always clears.",
    ),
    Property(
        "patch.passthrough",
        "choice",
        default="mapped",
        choices=("mapped", "any"),
        help="PATCH passed to the backend may touch only attributes that a write mapping may write, or any.",
    ),
    Property(
        "patch.answer",
        "choice",
        default="resource",
        choices=("resource", "204"),
        help="Answer to PATCH: 200 with the resource, or 204 without a body.",
    ),
    Property(
        "read.failed",
        "choice",
        default="skip",
        choices=("skip", "fail"),
        help="An entity that fails the read transformation in a list: leave it out, or fail the list.",
    ),
    Property(
        "read.only",
        "boolean",
        default="false",
        help="Refuse every write through this system with 403.",
    ),
    Property(
        "unknown.attributes",
        "choice",
        default="warn",
        choices=("warn", "reject"),
        help="An attribute that no schema has: leave it out with a warning, or refuse the request.",
    ),
    Property(
        "unknown.members",
        "choice",
        default="reject",
        choices=("reject", "skip"),
        help="A member that does not exist: refuse the request, naming it, or leave it out.",
    ),
    Property(
        "group.displayName.unique",
        "choice",
        default="backend",
        choices=("backend", "yes", "no"),
        help="Whether two groups may have one displayName: as the backend has it, never, or always.",
    ),
    Property(
        "members.limit",
        "integer",
        default="1000",
        minimum=0,
        help="Writes of groups with more members are answered without `members`, unless the client asks for them in "
        "`attributes`. Reads always have them, unless they are in `excludedAttributes`: an initial load loses none.",
    ),
    Property(
        "realtime.send",
        "boolean",
        default="false",
        help="Directory as a source: changes by API and import go to its targets at once, not only by jobs.",
    ),
    Property(
        "realtime.application",
        "boolean",
        default="false",
        help="Target of a directory source: changes of the groups of its application (ips.application.id) come to it "
        "at once (central store), even without `realtime.send`; users are not created by that.",
    ),
    Property("page.default", "integer", default="25", minimum=1, maximum=10000, help="Page size without `count`."),
    Property("page.max", "integer", default="100", minimum=1, maximum=10000, help="Most entities in a page."),
    Property(
        "dialect",
        "list",
        default="entra,okta",
        choices=("entra", "okta", "strict"),
        help="Which clients' deviations from the standard are understood; `strict` for none.",
    ),
)

FAMILIES = ("put.", "patch.", "read.", "unknown.", "members.", "page.", "group.displayName.", "dialect.", "realtime.")
"""Keys that start so are switches: an unknown one is a mistake, not a free key for transformations."""

GENERIC: tuple[Property, ...] = (
    Property("Type", "choice", choices=("HTTP", "LDAP", "RFC"), help="Protocol of the connection, as SAP names it."),
    Property(
        "ProxyType",
        "choice",
        choices=("Internet", "OnPremise"),
        help="Kept for exports of SAP Identity Provisioning: the gateway connects directly in both cases.",
    ),
    Property("CloudConnectorLocationId", help="Kept for exports; there is no Cloud Connector in the way."),
    Property("destinationName", help="Kept for exports; properties of a destination must be given here."),
    Property(
        "ips.date.variable.format",
        default="yyyy-MM-dd HH:mm:ss.SSS",
        help="Java pattern of the variable `currentDate`.",
    ),
    Property(
        "ips.failed.request.retry.attempts",
        "integer",
        default="2",
        minimum=0,
        maximum=3,
        help="How often a failed call is tried again.",
    ),
    Property(
        "ips.failed.request.retry.attempts.interval",
        "integer",
        default="30",
        minimum=0,
        maximum=60,
        help="Seconds between tries, if the backend names no time.",
    ),
    Property(
        "ips.proxy.scim.total.results.strategy",
        "choice",
        default="Calculated",
        choices=("Calculated", "Provided"),
        help="totalResults of a list with a read condition: counted along the way, or the backend's number.",
    ),
    Property(
        "ips.delete.existedbefore.entities",
        "boolean",
        default="false",
        help="May entities that were in the target before the gateway be deleted?",
    ),
    Property("ips.delete.threshold.users", "integer", minimum=1, help="More would go in one job: delete none."),
    Property("ips.delete.threshold.groups", "integer", minimum=1, help="More would go in one job: delete none."),
    Property("ips.delete.threshold.roles", "integer", minimum=1, help="More would go in one job: delete none."),
    Property("ips.overwrite.existedbefore.assignments", "boolean", default="true", help="Replace or add assignments."),
    Property("ips.delta.read", "boolean", help="Read only what has changed since the last success."),
    Property("ips.full.read.force.count", "integer", minimum=0, help="A full read after that many delta reads."),
    Property("ips.application.id", help="The application to which groups of this system belong."),
    Property("ips.job.notification.repeat.on.failure", "boolean", default="false", help="Mail at every failed run."),
    Property(
        "ips.job.notification.ignored.consecutive.failures",
        "integer",
        default="0",
        minimum=0,
        help="So many failed runs in a row are silent.",
    ),
    Property(
        "ips.job.notification.skip.intermediate.notifications",
        "boolean",
        default="false",
        help="No mail while a run with errors goes on.",
    ),
    *(
        Property(f"ips.trace.{what}", "boolean", default="false", help=f"Log {words}.")
        for what, words in (
            (
                "failed.entity.content",
                "the content of entities that failed, in one job, with secrets masked",
            ),
            ("skipped.entity.content", "the content of entities that were skipped, in one job"),
            ("created.entity.content", "the content of entities that were created, in one job"),
            ("updated.entity.content", "the content of entities that were updated, in one job"),
            ("skipped.entity", "which entities were skipped"),
            ("created.entity", "which entities were created"),
            ("updated.entity", "which entities were updated"),
            ("deleted.entity", "which entities were deleted"),
            ("entity.content.unlimited", "content without cutting it at 150,000 characters"),
        )
    ),
)
