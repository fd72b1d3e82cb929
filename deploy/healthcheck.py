"""Health check of the container: is the gateway alive? It asks this host only, so the certificate is not checked."""

import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from proxeny.errors import SettingsError
from proxeny.settings import load_settings


def main() -> int:
    try:
        server = load_settings(Path(os.environ["PROXENY_CONFIG"]), os.environ).server
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(server.host, server.host)
    url = f"{'https' if server.tls else 'http'}://{host}:{server.port}/health/live"
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    try:
        urllib.request.urlopen(url, timeout=4, context=unchecked).close()
    except (urllib.error.URLError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


sys.exit(main())
