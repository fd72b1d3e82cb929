#!/bin/sh
# Makes the virtual environment named as the first argument, with a Python of at least 3.11 and a pip that knows
# dependency groups. On Debian and Ubuntu it also helps itself when the package python3-venv is missing.
set -eu
venv=$1

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$name" >/dev/null && usable "$name"; then command -v "$name"; return; fi
  done
  echo "proxeny needs Python 3.11 or newer, and none was found. Install one (Debian: apt-get install python3)," \
    "or name it: make run PYTHON=/path/to/python3" >&2
  return 1
}

# Debian splits ensurepip off into python3-venv. As root it is installed; otherwise pip's own wheel is unpacked from its
# package, which needs no rights.
pip_from_package() {
  spare=$venv/pip-wheel
  mkdir -p "$spare"
  (cd "$spare" && apt-get download -q python3-pip-whl && dpkg -x python3-pip-whl*.deb .) >/dev/null 2>&1 || return 1
  wheel=$(find "$spare" -name 'pip-*.whl' | head -n 1)
  [ -n "$wheel" ] && "$venv/bin/python" "$wheel/pip" install -q --no-index "$wheel"
}

if [ -x "$venv/bin/python" ] && usable "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  :
else
  python=$(find_python)
  rm -rf "$venv" || { echo "$venv belongs to another user. Remove it, or clone anew." >&2; exit 1; }
  echo "Making a virtual environment in $venv with $python …"
  if ! "$python" -c 'import ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q >/dev/null && apt-get install -qy --no-install-recommends python3-venv >/dev/null
  fi
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
  elif "$python" -m venv --without-pip "$venv" && pip_from_package; then
    rm -rf "$venv/pip-wheel"
  else
    rm -rf "$venv"
    echo "Python's venv module is incomplete here. As root: apt-get install python3-venv; then try again." >&2
    exit 1
  fi
fi
"$venv/bin/python" -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
