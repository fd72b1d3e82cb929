"""Wishes for one job only (``ips.trace.*.content``): false again in a stored system after the job that fulfilled them.

What a file says stays as it is; store/contents.py remembers that it was fulfilled until the file has said false.
"""

from collections.abc import Awaitable, Callable

from proxeny.app.remembering import Store
from proxeny.errors import Error
from proxeny.provisioning.catalog import Catalog
from proxeny.provisioning.deliveries.tracing import wishes_of
from proxeny.store.contents import Contents
from proxeny.store.runs import Run

BY = "job"
"""Who changed the system, in the audit trail."""
_OFF = ("", "false", False, None)


def switching_off(store: Store) -> Callable[[Run], Awaitable[None]]:
    """What is to be done after each run."""

    async def after(run: Run) -> None:
        system = await store.systems.find(run.source) if run.plan.get("contents") else None
        if system is None or system.id != run.source or system.unopened:
            return
        properties = dict(system.definition.get("properties") or {})
        fulfilled = [name for name in run.plan["contents"] if properties.get(name) not in _OFF]
        if fulfilled:
            changed = {**system.definition, "properties": {**properties, **dict.fromkeys(fulfilled, "false")}}
            await store.administration(BY).change_system(system.id, system.name, changed, system.credentials)

    return after


async def notice_changes(contents: Contents, catalog: Catalog) -> None:
    """After systems were read anew: a wish that is false now may be fulfilled again once it is true."""
    for system_id, opened in [*catalog.systems().items()]:
        if opened.blueprint.role == "source":
            try:
                await contents.fresh(system_id, wishes_of(opened.blueprint.values))
            except Error:  # a property that is no boolean: its run says so
                continue
