#!/bin/sh
# Brings a current Jayway JsonPath to .cache/jayway, where the differential tests look for it; does nothing if it is there.
# The npm package "wiremock" carries the library, relocated to wiremock.com.jayway.jsonpath, in one jar.
set -eu
version=3.13.2
root=$(cd "$(dirname "$0")/../../.." && pwd)
folder="$root/.cache/jayway"
jar="$folder/node_modules/wiremock/build/wiremock-standalone-$version.jar"
if [ ! -f "$jar" ]; then
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "wiremock@$version" >&2
fi
echo "$jar"
