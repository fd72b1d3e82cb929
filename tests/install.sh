#!/bin/sh
# What the tests need beside Python packages: Debian packages of tests/packages.txt (installed as root, otherwise named
# if missing) and npm packages, which scripts tests/**/install.sh put into .cache/.
set -eu
cd "$(dirname "$0")/.."

# A package whose program is there from elsewhere (npm with another Node.js) counts as installed; where the program has
# another name than the package, it stands behind it.
missing=""
while read -r package program; do
  case $package in "" | "#"*) continue ;; esac
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    command -v "${program:-$package}" >/dev/null || missing="$missing $package"
done < tests/packages.txt
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing$missing …"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  wanted=$missing
  missing=""
  for package in $wanted; do
    apt-get install -qy --no-install-recommends "$package" >/dev/null || missing="$missing $package"
  done
fi
if [ -n "$missing" ]; then
  echo "Missing Debian packages, without which some tests fail. As root: apt-get install$missing" >&2
fi

find tests -mindepth 2 -name install.sh -not -path '*/node_modules/*' | sort | while read -r script; do
  "$script" || echo "$script could not install what its tests need; they will say so." >&2
done
