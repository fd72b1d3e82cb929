"""A started gateway, as an operator has it: its own folder, its own process, HTTPS on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.journeys.curl import Curl

from proxeny import certificates

PROXENY = Path(sys.executable).with_name("proxeny")
START_SECONDS = 60
STOP_SECONDS = 15


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Gateway:
    """``folder`` holds proxeny.toml, certificates and data; the same gateway can be stopped and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    secret: str = "journey-secret-0123456789"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def curl(self, user: str = "idm", secret: str | None = None) -> Curl:
        return Curl(self.folder / "certs/ca.crt", f"{user}:{secret or self.secret}")

    def prepare(self, systems: dict[str, str], ca_file: Path | None = None) -> None:
        """Writes configuration, certificates and the system files ``systems`` (name of the file → JSON text)."""
        authority = certificates.create_authority()
        authority.write(self.folder / "certs", "ca")
        certificates.issue_server(authority, ["localhost", "127.0.0.1"]).write(self.folder / "certs", "server")
        (self.folder / "systems").mkdir()
        for name, text in systems.items():
            (self.folder / "systems" / f"{name}.json").write_text(text)
        (self.folder / "proxeny.toml").write_text(
            f"""
            [server]
            port = {self.port}
            [server.tls]
            certificate = "certs/server.crt"
            key = "certs/server.key"
            [outbound]
            {f'ca_file = "{ca_file}"' if ca_file else ""}
            [[client]]
            id = "idm"
            secret = "{self.secret}"
            permissions = ["proxy", "directory.read", "directory.write"]
            """
        )

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of the program with this gateway's configuration."""
        done = subprocess.run(
            [PROXENY, *arguments], cwd=self.folder, env=self.environ, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "PROXENY_CONFIG": str(self.folder / "proxeny.toml")}

    def start(self, *options: str) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [PROXENY, "serve", *options]
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environ, stderr=log, stdout=log)
        deadline = time.monotonic() + START_SECONDS
        while self.curl().get(f"{self.url}/health/ready", may_fail=True).status != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start:\n{self.log}")
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process and returns its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(STOP_SECONDS)
        self.process = None
        return status
