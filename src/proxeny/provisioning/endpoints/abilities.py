"""What the connector of an open system can do, asked once: a capability that it lacks is None."""

from dataclasses import dataclass
from typing import Self

from proxeny.connectors.spi import Connector, Creator, Deleter, Patcher, Reader, Replacer, Searcher


@dataclass(frozen=True, slots=True)
class Abilities:
    """One connector by its capabilities."""

    reader: Reader | None
    searcher: Searcher | None
    creator: Creator | None
    replacer: Replacer | None
    patcher: Patcher | None
    deleter: Deleter | None

    @classmethod
    def of(cls, connector: Connector) -> Self:
        return cls(
            connector if isinstance(connector, Reader) else None,
            connector if isinstance(connector, Searcher) else None,
            connector if isinstance(connector, Creator) else None,
            connector if isinstance(connector, Replacer) else None,
            connector if isinstance(connector, Patcher) else None,
            connector if isinstance(connector, Deleter) else None,
        )
