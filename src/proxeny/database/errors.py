"""What can go wrong with the gateway's own memory.

DatabaseError                     ``next`` says what to do
├── DatabaseUrlError              the url names no database that we know     → stop
├── SchemaTooNewError             written by a newer proxeny                 → stop
├── DatabaseCorruptError          the file is no database or is damaged      → stop
├── ConstraintError               two entries would contradict each other    → skip
└── StorageUnavailableError       no connection, or it broke                 → retry
    ├── StorageBusyError          others hold what we need                   → retry
    └── StorageFullError          no room left to write                      → retry
"""

from typing import ClassVar

from proxeny.errors import Error, Next


class DatabaseError(Error):
    """Base class; ``str(error)`` holds no value of a statement."""

    next: ClassVar[Next] = "stop"


class DatabaseUrlError(DatabaseError):
    pass


class SchemaTooNewError(DatabaseError):
    pass


class DatabaseCorruptError(DatabaseError):
    pass


class ConstraintError(DatabaseError):
    next = "skip"


class StorageUnavailableError(DatabaseError):
    next = "retry"


class StorageBusyError(StorageUnavailableError):
    pass


class StorageFullError(StorageUnavailableError):
    pass
