"""The types of system for people: what works of each today, why of others nothing does, which properties they take."""

from dataclasses import asdict
from typing import Any

import click

from proxeny.cli.output import write_json, write_table
from proxeny.connectors.offers import Offer, offer
from proxeny.connectors.properties import Property, by_name
from proxeny.connectors.registry import spec, system_type, system_types
from proxeny.connectors.spec import SystemType


def list_types(*, as_json: bool) -> None:
    """Every type of the catalogue."""
    offers = [(known, offer(known)) for known in system_types()]
    if as_json:
        write_json([described(known, offered) for known, offered in offers])
        return
    write_table(("TYPE", "TITLE", "WORKS TODAY"), [(known.name, known.title, each.words) for known, each in offers])


def show_type(name: str, *, as_json: bool) -> None:
    """One type with its own properties; PropertyError with near names if there is none."""
    known = system_type(name)
    offered, properties = offer(known), own_properties(known)
    if as_json:
        shown = [{key: value for key, value in asdict(each).items() if value not in (None, ())} for each in properties]
        write_json({**described(known, offered), "properties": shown})
        return
    texts = {"type": known.name, "title": known.title, "far side": known.far_side, "works today": offered.words}
    notes = [("note", note) for note in known.notes if note != offered.reason]
    write_table(("KEY", "VALUE"), [*texts.items(), *notes])
    if properties:
        click.echo()
        write_table(("PROPERTY", "KIND", "DEFAULT", "MEANING"), [_row(each) for each in properties])


def described(known: SystemType, offered: Offer) -> dict[str, Any]:
    """A type for programs."""
    works = {name: value for name, value in asdict(offered).items() if name != "reason"}
    return {
        "type": known.name,
        "title": known.title,
        "roles": list(known.roles),
        "protocol": known.protocol,
        "far_side": known.far_side,
        "usable": offered.usable,
        **works,
        "reason": offered.reason or None,
        "notes": [note for note in known.notes if note != offered.reason],
    }


def own_properties(known: SystemType) -> list[Property]:
    """What the type and its protocol declare; those that every system has are left out."""
    general = spec(known.protocol).properties if known.protocol else ()
    return list(by_name((*general, *known.properties)).values())


def _row(declared: Property) -> tuple[str, str, str, str]:
    kind = "|".join(declared.choices) or declared.type
    needed = ", required" if declared.required else ""
    secret = ", secret" if declared.secret else ""
    return declared.name, f"{kind}{needed}{secret}", declared.default or "", declared.help
