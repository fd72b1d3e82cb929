"""What can go wrong with what the gateway remembers.

StoreError                 ``next``
├── VaultError             a secret or the key file cannot be read     → stop
├── AlreadyExistsError     the id is taken                             → skip
├── UnknownError           there is no such entry                      → skip
└── LeaseLostError         another worker has the run now              → stop
"""

from typing import ClassVar

from proxeny.errors import Error, Next


class StoreError(Error):
    """Base class; ``str(error)`` never holds a secret."""

    next: ClassVar[Next] = "skip"


class VaultError(StoreError):
    next = "stop"


class AlreadyExistsError(StoreError):
    pass


class UnknownError(StoreError):
    pass


class LeaseLostError(StoreError):
    next = "stop"
