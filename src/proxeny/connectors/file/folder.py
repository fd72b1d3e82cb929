"""The folder below which every file of a File system lies, and the replacement of a file as a whole."""

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from proxeny.connectors.errors import ConnectorError, PropertyError, RefusedError, UnreachableError


class Folder:
    """What lies outside is refused, also when a link leads there."""

    def __init__(self, root: str | None) -> None:
        if not root:
            raise PropertyError("There is no folder for File systems; name one in [systems] files.")
        self.root = Path(root).resolve()

    def path(self, name: str) -> Path:
        """The path of a file below the folder; PropertyError if ``name`` leads outside."""
        try:
            found = (self.root / name).resolve()
        except (OSError, ValueError) as error:
            raise PropertyError(f"{name[:120]!r} is no path.") from error
        if not found.is_relative_to(self.root) or found == self.root:
            raise PropertyError(f"{name[:120]!r} lies outside of the folder for files, {self.root}.")
        return found

    def open(self, name: str) -> IO[bytes] | None:
        """The file for reading, or None if there is none."""
        try:
            descriptor = os.open(self.path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(name, error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise PropertyError(f"{name[:120]!r} is no ordinary file.")
        return os.fdopen(descriptor, "rb")

    def replace(self, name: str, lines: Iterable[bytes]) -> None:
        """Write the whole file beside the old one, force it to the disk, and put it in its place."""
        path = self.path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, beside = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        except OSError as error:
            raise unusable(name, error) from error
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.writelines(lines)
                stream.flush()
                _keep_mode(path, stream.fileno())
                os.fsync(stream.fileno())
            Path(beside).replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise unusable(name, error) from error
        finally:
            with suppress(FileNotFoundError):
                Path(beside).unlink()


def unusable(name: str, error: OSError) -> ConnectorError:
    """What an error of the operating system means."""
    reason = error.strerror or type(error).__name__
    if isinstance(error, PermissionError | IsADirectoryError | NotADirectoryError):
        return PropertyError(f"{name[:120]!r} cannot be used: {reason}.")
    if isinstance(error, FileNotFoundError):
        return RefusedError(f"{name[:120]!r} is gone.")
    return UnreachableError(f"{name[:120]!r} cannot be used now: {reason}.")


def _keep_mode(path: Path, descriptor: int) -> None:
    with suppress(FileNotFoundError):
        os.fchmod(descriptor, stat.S_IMODE(path.stat().st_mode))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
