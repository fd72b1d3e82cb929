"""Far sides of the connector tests, each started by its fixture on a free loopback port."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.connectors.kit import free_port

pytest.register_assert_rewrite("proxeny.connectors.contract")


@pytest.fixture(scope="session")
def scim_server() -> Iterator[str]:
    """The URL of an independent SCIM server (scim2-server) in its own process, empty at first."""
    port = free_port()
    program = [str(Path(sys.executable).with_name("scim2-server")), "--port", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "the SCIM server ended at once"
        try:
            with urllib.request.urlopen(f"{url}/v2/ServiceProviderConfig", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the SCIM server at {url} did not start")
