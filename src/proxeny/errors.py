"""The root of every error that proxeny raises on purpose.

An error says what failed and what the caller of the failing step should do next, so that a job, a request and
the command line can each decide without looking at the type:

    Error
    ├── settings: SettingsError            configuration is wrong; nothing was started
    ├── scim/errors.py: ScimError …        an answer to a SCIM client, with status and scimType
    ├── transform/errors.py                a transformation cannot be loaded, or one entity cannot cross
    ├── connectors/errors.py               a backend refused, was busy, was not there
    ├── store/errors.py, database          what the gateway remembers cannot be read or written
    └── provisioning/errors.py             a system is unknown or not ready
"""

from typing import ClassVar, Literal

Next = Literal["skip", "retry", "stop"]


class Error(Exception):
    """Base class. ``str(error)`` is a sentence for people and never holds a secret.

    ``next`` is what to do: ``skip`` this entity and go on, ``retry`` the same call later, or ``stop`` the run.
    """

    next: ClassVar[Next] = "stop"
