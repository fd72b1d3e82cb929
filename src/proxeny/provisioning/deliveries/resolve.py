"""Answers the look-ups of a page of entities from the links: ids of the source → ids of the target."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from proxeny.provisioning.deliveries.variants import Variants
from proxeny.store.links import Links, Pair
from proxeny.transform import Answers, Lookup

CHUNK = 5000
NameToId = Callable[[str], str]
Foreseen = Callable[[str, Collection[str]], Awaitable[Mapping[str, str]]]
"""The ids that entities of a type would get in a simulation, of those that would be created."""


class Resolver:
    """The answers for one page: each id is asked for once, whatever the entity type, so that one statement serves the
    user mapping and the group mapping of a group's members."""

    def __init__(
        self,
        links: Links,
        pair: Pair,
        id_of: NameToId,
        variants: Variants | None = None,
        *,
        foreseen: Foreseen | None = None,
    ) -> None:
        self._links = links
        self._pair = pair
        self._id_of = id_of
        self._variants = variants or Variants()
        self._foreseen = foreseen
        self._known: dict[tuple[Pair, str], Mapping[str, str]] = {}

    async def ask(self, lookups: frozenset[Lookup]) -> Answers:
        """As ``crossing.Ask``; a list of ids where one entity of the source is several in the target."""
        wanted: dict[Pair, set[str]] = {}
        for lookup in lookups:
            pair = self._pair_of(lookup)
            for key in self._keys(pair, lookup):
                if (pair, key) not in self._known:
                    wanted.setdefault(pair, set()).add(key)
        for pair, ids in wanted.items():
            await self._learn(pair, sorted(ids))
        if self._foreseen is not None:
            await self._foresee(lookups, self._foreseen)
        return {lookup: self._answer(lookup) for lookup in lookups}

    def _keys(self, pair: Pair, lookup: Lookup) -> Sequence[str]:
        """The ids of the links of an entity; what another target does with its entities is not known here."""
        return self._variants.keys(lookup.entity_type, lookup.id) if pair == self._pair else (lookup.id,)

    def _answer(self, lookup: Lookup) -> str | list[str] | None:
        pair = self._pair_of(lookup)
        keys = self._keys(pair, lookup)
        if len(keys) == 1:
            return self._known[pair, keys[0]].get(lookup.entity_type)
        known = (self._known[pair, key].get(lookup.entity_type) for key in keys)
        return [one for one in known if one is not None] or None

    async def _learn(self, pair: Pair, ids: list[str]) -> None:
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            found = await self._links.of(pair, part, heavy=len(part) > 1000)
            by_id: dict[str, dict[str, str]] = {}
            for (entity_type, source_id), link in found.items():
                if link.target_id is not None:
                    by_id.setdefault(source_id, {})[entity_type] = link.target_id
            self._known.update(((pair, one), by_id.get(one, {})) for one in part)

    async def _foresee(self, lookups: Iterable[Lookup], foreseen: Foreseen) -> None:
        """In a simulation: what the run would create has an id too."""
        wanted: dict[tuple[Pair, str], set[str]] = {}
        for lookup in lookups:
            pair = self._pair_of(lookup)
            for key in self._keys(pair, lookup):
                if lookup.entity_type not in self._known[pair, key]:
                    wanted.setdefault((pair, lookup.entity_type), set()).add(key)
        for (pair, entity_type), keys in wanted.items():
            for key, found in (await foreseen(entity_type, keys)).items():
                self._known[pair, key] = {**self._known[pair, key], entity_type: found}

    def _pair_of(self, lookup: Lookup) -> Pair:
        if lookup.source_system is None and lookup.target_system is None:
            return self._pair
        source = self._id_of(lookup.source_system) if lookup.source_system else self._pair.source
        target = self._id_of(lookup.target_system) if lookup.target_system else self._pair.target
        return Pair(source, target)
