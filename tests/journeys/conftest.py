"""Two gateways for the journeys: one in front, and one far away that the first one's systems stand for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.journeys.gateway import Gateway

HR = (ROOT / "config/demo/systems/hr.json").read_text()


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the sample people and groups behind its proxy system ``hr``."""
    gateway = Gateway(tmp_path_factory.mktemp("far"))
    gateway.prepare({"hr": HR})
    import_samples(gateway)
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def near(tmp_path_factory: pytest.TempPathFactory, far: Gateway) -> Iterator[Gateway]:
    """A gateway with its own samples behind ``hr``, and with the far gateway's ``hr`` behind ``remote``."""
    gateway = Gateway(tmp_path_factory.mktemp("near"))
    gateway.prepare({"hr": HR, "remote": remote_system(far)}, ca_file=far.folder / "certs/ca.crt")
    import_samples(gateway)
    gateway.start()
    yield gateway
    gateway.stop()


def import_samples(gateway: Gateway) -> None:
    for name in ("people", "groups"):
        gateway.run("directory", "import", str(ROOT / f"config/demo/{name}.jsonl"))


def remote_system(far: Gateway) -> str:
    """The far gateway as a system of type SCIM_SYSTEM, with the type's own transformations."""
    return json.dumps(
        {
            "id": "remote",
            "name": "Remote",
            "connectorTypeString": "SCIM_SYSTEM",
            "accessMode": "PROXY",
            "properties": {
                "Type": "HTTP",
                "URL": f"{far.url}/proxy/hr",
                "ProxyType": "Internet",
                "Authentication": "BasicAuthentication",
                "User": "idm",
            },
            "encryptedProperties": {"Password": far.secret},
        }
    )


def sample(name: str) -> list[dict[str, object]]:
    """The shipped sample resources: ``people`` or ``groups``."""
    path: Path = ROOT / f"config/demo/{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
