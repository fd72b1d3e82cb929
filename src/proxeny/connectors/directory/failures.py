"""Failures of the database in the words of the connector port."""

from proxeny.connectors.errors import BusyError, ConnectorError, UnreachableError
from proxeny.database.errors import ConstraintError, DatabaseError, StorageBusyError


def translated(error: DatabaseError) -> ConnectorError:
    """A broken constraint is a race that was lost to another replica, so it is worth another try."""
    if isinstance(error, StorageBusyError | ConstraintError):
        return BusyError(f"The directory is busy; nothing was written. {error}", retry_after=1)
    return UnreachableError(f"The directory's database fails: {error}")
