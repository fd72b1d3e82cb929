"""curl, as people and scripts use it: every request of a journey is a command that could be pasted."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

_MARK = "\n--curl-says--"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Curl:
    ca: Path
    user: str

    def get(self, url: str, *, may_fail: bool = False, **query: Any) -> Answer:
        return self.call("GET", url + (f"?{urlencode(query)}" if query else ""), may_fail=may_fail)

    def post(self, url: str, document: Any) -> Answer:
        return self.call("POST", url, document)

    def put(self, url: str, document: Any) -> Answer:
        return self.call("PUT", url, document)

    def patch(self, url: str, *operations: dict[str, Any]) -> Answer:
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        return self.call("PATCH", url, {"schemas": [schema], "Operations": list(operations)})

    def delete(self, url: str) -> Answer:
        return self.call("DELETE", url)

    def call(self, method: str, url: str, document: Any = None, *, may_fail: bool = False) -> Answer:
        """One curl command; a ``document`` that is text is sent as it is. Status 0: there was no answer."""
        command = ["curl", "-sS", "--cacert", str(self.ca), "-u", self.user, "-X", method, url]
        command += ["-w", f"{_MARK}%{{http_code}} %{{header_json}}"]
        body = None
        if document is not None:
            body = document if isinstance(document, str) else json.dumps(document)
            command += ["-H", "Content-Type: application/scim+json", "--data-binary", "@-"]
        done = subprocess.run(command, input=body, text=True, capture_output=True, check=not may_fail, timeout=60)
        if done.returncode:
            return Answer(0, {}, done.stderr)
        text, _, told = done.stdout.rpartition(_MARK)
        status, _, headers = told.partition(" ")
        return Answer(int(status), {name: values[0] for name, values in json.loads(headers).items()}, text)
