"""Far sides of the connector tests, each started by its fixture on a free loopback port."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.connectors.kit import free_port
from tests.fixtures.scim_servers import scim2_server, wait

pytest.register_assert_rewrite("proxeny.connectors.contract")


@pytest.fixture(scope="session")
def scim_server() -> Iterator[str]:
    """The URL of an independent SCIM server (scim2-server) in its own process, empty at first."""
    with scim2_server() as url:
        yield url


@pytest.fixture(scope="session")
def other_proxeny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a second gateway's own directory; the technical user is near with the secret far-away-secret-1."""
    folder, port = tmp_path_factory.mktemp("other"), free_port()
    (folder / "proxeny.toml").write_text(
        f"""
        [server]
        port = {port}
        [[client]]
        id = "near"
        secret = "far-away-secret-1"
        permissions = ["directory.read", "directory.write"]
        """
    )
    program = [str(Path(sys.executable).with_name("proxeny")), "serve", "--config", "proxeny.toml"]
    process = subprocess.Popen(program, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(f"{url}/health/live", process)
        yield f"{url}/scim"
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture(scope="session")
def scimmy() -> Iterator[str]:
    """The URL of an independent SCIM server (SCIMMY on Node.js), empty at first; basic sign-in as at other_proxeny."""
    here, port = Path(__file__).parent, free_port()
    subprocess.run([here / "scimmy" / "install.sh"], check=True)
    program = here.parents[1] / ".cache" / "scimmy" / "server.mjs"
    process = subprocess.Popen(["node", str(program), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/scim"
    try:
        wait(f"{url}/Users", process)
        yield url
    finally:
        process.terminate()
        process.wait(10)
