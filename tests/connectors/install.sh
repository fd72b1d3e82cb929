#!/bin/sh
# The LDAP library has no wheel: it is built here, after the headers that it needs are there.
set -eu
cd "$(dirname "$0")/../.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
"$python" -c "import ldap" 2>/dev/null && exit 0
echo "Building the LDAP library …"
"$python" -m pip install -q --disable-pip-version-check "python-ldap>=3.4.4"
