#!/bin/sh
# What the tests need beside Python packages: Debian packages of tests/packages.txt (installed as root, otherwise named
# if missing) and npm packages, which scripts tests/**/install.sh put into .cache/.
set -eu
cd "$(dirname "$0")/.."

missing=""
for package in $(grep -v '^#' tests/packages.txt); do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing …"
    apt-get update -q >/dev/null
    # shellcheck disable=SC2086  # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing >/dev/null
  else
    echo "Missing Debian packages, and with them some tests fail or are not run. As root: apt-get install$missing" >&2
  fi
fi

find tests -mindepth 2 -name install.sh -not -path '*/node_modules/*' | sort | while read -r script; do
  "$script" || echo "$script could not install what its tests need; they will say so." >&2
done
