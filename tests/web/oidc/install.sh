#!/bin/sh
# An issuer of tokens that we did not write, for the tests of external issuers: into .cache/, once.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
target="$here/../../../.cache/oidc"
mkdir -p "$target"
if ! cmp -s "$here/package.json" "$target/package.json" || [ ! -d "$target/node_modules/oidc-provider" ]; then
  cp "$here/package.json" "$target/package.json"
  npm install --prefix "$target" --no-audit --no-fund --silent
fi
cp "$here/issuer.mjs" "$target/issuer.mjs"
