"""How many alternatives go into one filter."""

from collections.abc import Iterator, Sequence

PORTION = 100


def portions(items: Sequence[str]) -> Iterator[Sequence[str]]:
    """The items in order, so many at a time that a filter of them stays small."""
    for start in range(0, len(items), PORTION):
        yield items[start : start + PORTION]
