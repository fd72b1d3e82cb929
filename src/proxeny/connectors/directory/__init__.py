"""The embedded Identity Directory: users and groups in the gateway's own database."""

from dataclasses import replace

from proxeny.connectors.directory.connector import DirectoryConnector
from proxeny.connectors.directory.members import ANSWERED
from proxeny.connectors.spec import WHOLE, Connection, Spec

__all__ = ["SPEC", "DirectoryConnector"]


def _build(connection: Connection) -> DirectoryConnector:
    policy = connection.properties.get("unknown.members", "reject")
    return DirectoryConnector(
        connection.database,
        unknown_members="skip" if policy == "skip" else "reject",
        shared_display_names=connection.properties.get("group.displayName.unique") == "no",
        answered_members=connection.properties.integer("members.limit", ANSWERED),
    )


SPEC = Spec("directory", "Embedded directory", (), _build, does=replace(WHOLE, patch=True, changes=True))
