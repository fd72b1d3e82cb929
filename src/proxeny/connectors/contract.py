"""The pytest suite that every connector passes: the rules of ``spi.py``, checked one by one.

Use it in a package of your own: derive a class whose name begins with Test, and override the two fixtures.

    class TestMyConnector(ConnectorContract):
        @pytest.fixture
        async def connector(self): ...        # an open connector on a backend with no entities that matter
        @pytest.fixture
        def sample(self): ...                 # a function: number → native document of a user that can be created

A rule about a capability that the connector does not have has nothing to check and passes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast

import pytest

from proxeny.connectors.errors import ConflictError, ConnectorError, NotFoundError, RefusedError, VersionConflictError
from proxeny.connectors.filtering import AllOf, Compare, Field, NativeFilter
from proxeny.connectors.spi import (
    Change,
    ChangeReader,
    Connector,
    Creator,
    Deleter,
    Entity,
    Marker,
    Reader,
    Replacer,
    Search,
    Searcher,
)
from proxeny.documents import Document

Sample = Callable[[int], Document]
HOSTILE = (
    '" or userName pr or userName eq "',
    "a*)(uid=*",
    "x'; DROP TABLE entity; --",
    "\\",
    "%00",
    "ä\u2028\U0001f600",
)


class ConnectorContract:
    """``entity_type`` is the kind that is tested; ``name_field`` the field that must be unique in the backend."""

    entity_type = "user"
    name_field: Field = ("userName",)

    @pytest.fixture
    def connector(self) -> Connector:
        raise RuntimeError("override the fixture `connector`")

    @pytest.fixture
    def sample(self) -> Sample:
        raise RuntimeError("override the fixture `sample`")

    @pytest.fixture
    async def made(self, connector: Connector, sample: Sample) -> AsyncIterator[list[Entity]]:
        """Five entities that exist during the test, if the connector can create."""
        entities: list[Entity] = []
        if isinstance(connector, Creator):
            entities = [await connector.create(self.entity_type, sample(number)) for number in range(5)]
        yield entities
        if isinstance(connector, Deleter):
            for entity in entities:
                try:
                    await connector.delete(self.entity_type, entity.id)
                except NotFoundError:
                    continue

    async def test_it_names_its_entity_types(self, connector: Connector) -> None:
        assert self.entity_type in connector.entity_types
        assert connector.entity_types[self.entity_type].id

    async def test_test_tells_each_step_and_changes_nothing(self, connector: Connector, made: list[Entity]) -> None:
        before = await self._ids(connector)
        steps = await connector.test()
        assert steps
        assert all(step.ok for step in steps), [step for step in steps if not step.ok]
        assert all(step.name and step.milliseconds >= 0 for step in steps)
        assert await self._ids(connector) == before

    async def test_what_was_created_can_be_read(self, connector: Connector, made: list[Entity], sample: Sample) -> None:
        if not isinstance(connector, Reader):
            return
        for number, entity in enumerate(made):
            found = await connector.read(self.entity_type, entity.id)
            assert found.id == entity.id
            assert self._name(found.document) == self._name(sample(number))

    async def test_what_is_not_there_is_not_found(self, connector: Connector) -> None:
        for unknown in ("no-such-entity", "../etc", "a/b?c#d", ".."):
            if isinstance(connector, Reader):
                with pytest.raises(NotFoundError):
                    await connector.read(self.entity_type, unknown)
            if isinstance(connector, Deleter):
                with pytest.raises(NotFoundError):
                    await connector.delete(self.entity_type, unknown)

    async def test_a_taken_name_is_a_conflict_and_changes_nothing(
        self, connector: Connector, made: list[Entity], sample: Sample
    ) -> None:
        if not isinstance(connector, Creator) or not made:
            return
        before = await self._ids(connector)
        with pytest.raises(ConflictError) as caught:
            await connector.create(self.entity_type, sample(0))
        assert caught.value.other_id in (None, made[0].id)
        assert await self._ids(connector) == before

    async def test_a_filter_never_loses_an_entity(
        self, connector: Connector, made: list[Entity], sample: Sample
    ) -> None:
        if not isinstance(connector, Searcher):
            return
        for number, entity in enumerate(made):
            where = Compare(self.name_field, "eq", str(self._name(sample(number))))
            page = await connector.search(self.entity_type, Search(filter=where))
            assert entity.id in {found.id for found in page.entities}
            if page.exact:
                assert {found.id for found in page.entities} == {entity.id}

    async def test_hostile_values_find_nobody_and_break_nothing(self, connector: Connector, made: list[Entity]) -> None:
        if not isinstance(connector, Searcher):
            return
        before = await self._ids(connector)
        for text in HOSTILE:
            hostile: NativeFilter = Compare(self.name_field, "eq", text)
            try:
                page = await connector.search(self.entity_type, Search(filter=AllOf((hostile, hostile)), count=50))
            except RefusedError:
                continue
            assert not page.exact or not page.entities, f"{text!r} was taken for more than a value"
        assert await self._ids(connector) == before

    async def test_pages_hold_every_entity_once(self, connector: Connector, made: list[Entity]) -> None:
        if not isinstance(connector, Searcher):
            return
        everyone = await self._ids(connector)
        seen: list[str] = []
        while True:
            page = await connector.search(self.entity_type, Search(start=len(seen), count=2))
            assert len(page.entities) <= 2
            if not page.entities:
                break
            seen += [entity.id for entity in page.entities]
        assert sorted(seen) == sorted(everyone)

    async def test_reading_can_be_stopped_at_any_time(self, connector: Connector, made: list[Entity]) -> None:
        if not isinstance(connector, Reader) or not made:
            return
        async with aclosing(cast(Any, connector.read_all(self.entity_type))) as stream:
            async for _ in stream:
                break
        assert {entity.id for entity in made} <= await self._ids(connector)

    async def test_a_full_update_replaces(self, connector: Connector, made: list[Entity], sample: Sample) -> None:
        if not isinstance(connector, Replacer) or not isinstance(connector, Reader) or not made:
            return
        await connector.replace(self.entity_type, made[0].id, sample(1000))
        found = await connector.read(self.entity_type, made[0].id)
        assert self._name(found.document) == self._name(sample(1000))

    async def test_an_old_version_is_refused(self, connector: Connector, made: list[Entity], sample: Sample) -> None:
        if not isinstance(connector, Replacer) or not isinstance(connector, Reader) or not made:
            return
        old = (await connector.read(self.entity_type, made[0].id)).version
        await connector.replace(self.entity_type, made[0].id, sample(1001))
        new = (await connector.read(self.entity_type, made[0].id)).version
        if old is None or new is None:
            return
        assert old != new, "the version must change with every change"
        with pytest.raises(VersionConflictError):
            await connector.replace(self.entity_type, made[0].id, sample(1002), version=old)
        found = await connector.read(self.entity_type, made[0].id)
        assert self._name(found.document) == self._name(sample(1001))

    async def test_what_was_deleted_is_gone(self, connector: Connector, made: list[Entity]) -> None:
        if not isinstance(connector, Deleter) or not made:
            return
        await connector.delete(self.entity_type, made[0].id)
        assert made[0].id not in await self._ids(connector)
        with pytest.raises(NotFoundError):
            await connector.delete(self.entity_type, made[0].id)

    async def test_changes_resume_where_they_stopped(
        self, connector: Connector, made: list[Entity], sample: Sample
    ) -> None:
        if not isinstance(connector, ChangeReader) or not isinstance(connector, Creator):
            return
        first = [change async for change in connector.read_changes(self.entity_type, None)]
        assert {entity.id for entity in made} <= {change.id for change in first}
        cursor = first[-1].cursor if first else None
        newer = await connector.create(self.entity_type, sample(2000))
        made.append(newer)
        second: list[Change] = [change async for change in connector.read_changes(self.entity_type, cursor)]
        assert newer.id in {change.id for change in second}

    async def test_a_mark_is_where_a_delta_read_goes_on(
        self, connector: Connector, made: list[Entity], sample: Sample
    ) -> None:
        """Jobs take it before they read everything, and ask for changes from it the next time."""
        if not isinstance(connector, ChangeReader) or not isinstance(connector, Creator):
            return
        assert isinstance(connector, Marker), "without a mark no job reads its changes"
        mark = await connector.mark(self.entity_type)
        newer = await connector.create(self.entity_type, sample(2001))
        made.append(newer)
        told: list[Change] = [change async for change in connector.read_changes(self.entity_type, mark)]
        assert newer.id in {change.id for change in told if change.entity is not None}

    async def test_nothing_but_connector_errors_comes_out(self, connector: Connector) -> None:
        if not isinstance(connector, Creator):
            return
        for document in ({}, {"schemas": "x"}, {"\x00": 1}):
            try:
                entity = await connector.create(self.entity_type, document)
            except ConnectorError:
                continue
            if isinstance(connector, Deleter):
                await connector.delete(self.entity_type, entity.id)

    async def _ids(self, connector: Connector) -> set[str]:
        if not isinstance(connector, Reader):
            return set()
        return {entity.id async for entity in connector.read_all(self.entity_type)}

    def _name(self, document: Document) -> object:
        found: Any = document
        for part in self.name_field:
            found = found[0] if isinstance(found, list) else found
            found = found[part]
        return found[0] if isinstance(found, list) and found else found
