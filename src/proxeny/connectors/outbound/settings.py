"""What the operator allows the gateway to reach, and how long it may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """``deny`` and ``allow`` are networks or addresses; ``allow`` wins, also over the built-in rules. Times in seconds.

    ``own_listeners`` are (address, port) on which this gateway listens; it never calls itself. ``proxy`` is the URL of
    an HTTP proxy; ``ca_file`` holds further certificate authorities in PEM. ``files`` is the folder below
    which the files of File systems lie; without it there are none.
    """

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    own_listeners: tuple[tuple[str, int], ...] = ()
    proxy: str | None = None
    ca_file: str | None = None
    connect_timeout: float = 5.0
    total_timeout: float = 30.0
    max_answer_bytes: int = 64 * 1024 * 1024
    connections_per_system: int = 32
    retry_budget: float = 40.0
    files: str | None = None
