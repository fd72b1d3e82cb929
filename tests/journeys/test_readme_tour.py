"""A new user: what `make run` starts and prints works as printed, and the README's tour answers what it shows."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.journeys.gateway import START_SECONDS, STOP_SECONDS, free_port
from tests.journeys.tour import README, steady, steps, typed


@dataclass
class Demo:
    """What `make run` starts, in a folder of its own."""

    folder: Path
    port: int
    printed: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns once the curl lines are printed."""
        command = [self.folder / "config/demo/run.sh"]
        environ = {**os.environ, "PORT": str(self.port)}
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        self.printed = ""
        for line in self.process.stdout:
            self.printed += line
            if "demo-certificate.key" in line:
                return
        pytest.fail(f"it did not start:\n{self.printed}")

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode

    def printed_curl_lines(self) -> list[str]:
        return re.findall(r"^curl (?:.*\\\n)*.*$", self.printed, re.MULTILINE)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("clone")
    for name in ("config", "certs"):
        files = subprocess.run(["git", "ls-files", name], cwd=ROOT, capture_output=True, text=True, check=True)
        for file in files.stdout.splitlines():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes((ROOT / file).read_bytes())
            (folder / file).chmod((ROOT / file).stat().st_mode)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    started = Demo(folder, free_port())
    started.start()
    yield started
    started.stop()


def test_the_tour_answers_what_the_readme_shows(demo: Demo) -> None:
    tour = steps(README.read_text())
    assert len(tour) > 5
    answers = typed([step.command for step in tour], demo.folder, demo.port)
    for step, answer in zip(tour, answers, strict=True):
        assert steady(answer) == steady(step.output), step.command


def test_the_printed_curl_lines_work_after_a_restart_and_data_are_kept(demo: Demo) -> None:
    lines = demo.printed_curl_lines()
    assert len(lines) == 7
    for line in lines:
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=START_SECONDS)
        assert '"schemas"' in done.stdout
        assert "messages:2.0:Error" not in done.stdout
    assert demo.stop() == 0
    demo.start()
    assert demo.printed_curl_lines() == lines
    (kept,) = [line for line in lines if "filter=" in line and "ada.lovelace" in line]
    found = subprocess.run(["bash", "-c", kept], capture_output=True, text=True, check=True, timeout=START_SECONDS)
    assert '"totalResults":1' in found.stdout


def test_a_second_start_beside_the_first_says_that_the_port_is_taken(demo: Demo) -> None:
    environ = {**os.environ, "PORT": str(demo.port)}
    command = [demo.folder / "config/demo/run.sh"]
    done = subprocess.run(command, cwd=demo.folder, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Port {demo.port} is taken" in done.stderr
