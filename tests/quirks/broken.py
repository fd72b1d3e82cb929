"""A SCIM server that can read and cannot write: every write ends in a status, or in no answer at all."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GROUP = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    "id": "g-1",
    "displayName": "Plain",
    "members": [{"value": "u-1"}, {"value": "u-2"}],
}


@contextmanager
def broken_server(
    status: int | None, *headers: tuple[str, str], writes: list[bytes] | None = None, delay: float = 0
) -> Iterator[str]:
    """The URL; ``status`` None hangs up on a write. ``writes`` gets the bodies of all writes, ``delay`` holds them."""
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            self.answer(*((200, GROUP) if path == "/Groups/g-1" else (404, {"status": "404"})))

        def do_PATCH(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if writes is not None:
                writes.append(body)
            stopped.wait(delay)
            if status is None:
                self.close_connection = True
                return
            self.answer(status, {"status": str(status), "detail": "the write failed"}, *headers)

        def do_PUT(self) -> None:
            self.do_PATCH()

        def do_POST(self) -> None:
            self.do_PATCH()

        def do_DELETE(self) -> None:
            self.do_PATCH()

        def answer(self, code: int, document: object, *more: tuple[str, str]) -> None:
            body = b"" if code == 204 else json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/scim+json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in more:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
