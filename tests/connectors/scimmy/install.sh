#!/bin/sh
# A SCIM server that we did not write, as a backend in tests: into .cache/, once.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
target="$here/../../../.cache/scimmy"
mkdir -p "$target"
if ! cmp -s "$here/package.json" "$target/package.json" || [ ! -d "$target/node_modules/scimmy-routers" ]; then
  cp "$here/package.json" "$target/package.json"
  npm install --prefix "$target" --no-audit --no-fund --silent
fi
cp "$here/server.mjs" "$target/server.mjs"
