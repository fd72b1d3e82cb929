"""The catalog while definitions change: what is compiled, and where."""

import threading
from collections.abc import Iterator, Mapping

from tests.provisioning.conftest import Rig

from proxeny.provisioning.systems.definition import SystemDefinition


class Watched(Mapping[str, str]):
    """Properties that know on which threads they were read."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def __getitem__(self, name: str) -> str:
        self.threads.add(threading.get_ident())
        return {"page.max": "50"}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("page.max",))

    def __len__(self) -> int:
        return 1


async def test_systems_are_checked_and_compiled_beside_the_loop(rig: Rig) -> None:
    properties = Watched()
    definition = SystemDefinition(
        id="hr", name="HR", type="LOCAL_IDENTITY_DIRECTORY", access_mode="PROXY", properties=properties
    )
    await rig.catalog.replace((definition,))
    assert rig.catalog.provider("hr") is not None
    assert properties.threads
    assert threading.get_ident() not in properties.threads
