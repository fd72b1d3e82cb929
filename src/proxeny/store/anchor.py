"""Where the audit trail had got to, kept outside of the database: a small file beside the key file.

The trail's own head cannot be forged without the key, but an old database, head and all, can be put in the place of
the newest. Whoever does so without reaching this file too is found out.
"""

import contextlib
import secrets
import time
from pathlib import Path

_WRITE_EVERY = 1.0


class Anchor:
    """Number and chain of the newest record that this machine knows of; ``<number> <chain>`` on one line."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written = float("-inf")

    def read(self) -> tuple[int, str] | None:
        """What was noted last; None if nothing was, or it cannot be read."""
        try:
            number, chain = self._file.read_text("ascii").split()
            return int(number), chain
        except (OSError, ValueError):
            return None

    def note(self, number: int, chain: str) -> None:
        """Keeps the newest; at most once a second, as it costs a file each time. A disk that is full is no matter."""
        now = time.monotonic()
        if now - self._written < _WRITE_EVERY:
            return
        self._written = now
        known = self.read()
        if known is not None and known[0] >= number:
            return
        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            draft.write_text(f"{number} {chain}\n", "ascii")
            draft.replace(self._file)
