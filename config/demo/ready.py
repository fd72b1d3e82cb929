"""Waits until the gateway on the given port answers, or until its process has ended: ``ready.py PORT PID``."""

import os
import ssl
import sys
import time
import urllib.error
import urllib.request

SECONDS = 60


def main(port: str, process: str) -> int:
    trusted = ssl.create_default_context(cafile="certs/ca.crt")
    for _ in range(SECONDS * 5):
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            return 1
        try:
            urllib.request.urlopen(f"https://localhost:{port}/health/ready", context=trusted, timeout=5).close()
            return 0
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return 1


sys.exit(main(*sys.argv[1:]))
