"""The root of every error that proxeny raises on purpose.

An error says what failed and what the caller of the failing step should do next, so that a job, a request and
the command line can each decide without looking at the type:

    Error
    ├── SettingsError                      configuration is wrong; nothing was started
    ├── UnresolvedReferenceError           ${env:…} or ${file:…} names what is not there
    ├── CertificateError                   a certificate cannot be made or read
    ├── ListenError                        the address to serve on is taken or is none of this machine
    ├── scim/errors.py: ScimError …        an answer to a SCIM client, with status and scimType
    ├── transform/errors.py                a transformation cannot be loaded, or one entity cannot cross
    ├── connectors/errors.py               a backend refused, was busy, was not there
    ├── store/errors.py, database          what the gateway remembers cannot be read or written
    └── provisioning/errors.py             a system is unknown or not ready
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Next = Literal["skip", "retry", "stop"]


class Error(Exception):
    """Base class. ``str(error)`` is a sentence for people and never holds a secret.

    ``next`` is what to do: ``skip`` this entity and go on, ``retry`` the same call later, or ``stop`` the run.
    """

    next: ClassVar[Next] = "stop"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration. ``place`` is the dotted key (``server.tls.key``, ``client[2].secret``), ``line``
    counts from 1 if it is known; ``remedy`` says what to do. No part ever holds a configured value."""

    file: str
    place: str
    message: str
    remedy: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{where}: {self.place}: " if self.place else f"{where}: "
        return f"{subject}{self.message}{' ' + self.remedy if self.remedy else ''}"


class SettingsError(Error):
    """The configuration cannot be used; ``problems`` holds every mistake found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class UnresolvedReferenceError(Error, ValueError):
    """A reference to an environment variable or a file that is not there; names it, never its content."""


class CertificateError(Error):
    """A certificate or key cannot be made, read or used."""


class ListenError(Error):
    """The address to serve on cannot be used."""
