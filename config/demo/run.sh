#!/bin/sh
# Starts the gateway of config/proxeny.toml with sample data, and prints curl lines once it answers. What is there
# already (certificates, secrets, people, your changes) is kept.
set -eu
cd "$(dirname "$0")/../.."
proxeny=.venv/bin/proxeny
port=${PORT:-8080}
umask 077

if ! .venv/bin/python -c 'import socket, sys; socket.create_server(("127.0.0.1", int(sys.argv[1])))' "$port" 2>/dev/null
then
  echo "Port $port is taken, perhaps by a gateway that is running already. Stop it, or: make run PORT=8090" >&2
  exit 1
fi

new_secret() {
  [ -s "$1" ] || .venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(24))' > "$1"
}

mkdir -p var/demo
new_secret var/demo/basic.secret
new_secret var/demo/oauth.secret
[ -s certs/ca.crt ] || $proxeny cert ca >/dev/null
[ -s certs/server.crt ] || $proxeny cert server localhost 127.0.0.1 ::1 >/dev/null
[ -s certs/demo-certificate.crt ] || $proxeny cert client demo-certificate >/dev/null

$proxeny check
if [ ! -e var/demo/imported ]; then
  $proxeny directory import config/demo/people.jsonl
  $proxeny directory import config/demo/groups.jsonl
  touch var/demo/imported
fi

$proxeny serve --port "$port" &
server=$!
trap 'kill -TERM "$server" 2>/dev/null' INT TERM
if ! .venv/bin/python config/demo/ready.py "$port" "$server"; then
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" || exit $?
  exit 1
fi

base=https://localhost:$port
case $PWD in  # lines that are pasted need quotes around what a shell would take apart
  *[!A-Za-z0-9/._+@%:,-]*) here="'$(printf %s "$PWD" | sed "s/'/'\\\\''/g")'" ;;
  *) here=$PWD ;;
esac
trusting="curl -sS --cacert $here/certs/ca.crt"
call="$trusting -u demo-basic:$(cat var/demo/basic.secret)"
token="$trusting -u demo-oauth:$(cat var/demo/oauth.secret) -d grant_type=client_credentials $base/oauth2/token"
cat <<LINES

proxeny answers on $base. Stop it with Ctrl-C; its data stay in var/.

# People and groups of the sample system "hr", as SCIM 2.0
$call "$base/proxy/hr/Users?count=3"
$call "$base/proxy/hr/Groups?attributes=displayName"

# Find one person
$call -G "$base/proxy/hr/Users" --data-urlencode 'filter=userName eq "barbara.jensen"'

# Create one, and look at the directory behind the proxy system
$call -H 'Content-Type: application/scim+json' "$base/proxy/hr/Users" \\
  -d '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada.lovelace","name":{"givenName":"Ada","familyName":"Lovelace"},"emails":[{"value":"ada@nordwind.example","primary":true}]}'
$call -G "$base/scim/Users" --data-urlencode 'filter=userName eq "ada.lovelace"'

# The other two ways to sign in: a token (OAuth 2.0, client credentials), and a certificate
$trusting -H "Authorization: Bearer \$($token | sed -E 's/.*"access_token": ?"([^"]+)".*/\\1/')" "$base/proxy/hr/Users?count=1"
$trusting --cert $here/certs/demo-certificate.crt --key $here/certs/demo-certificate.key "$base/proxy/hr/Users?count=1"

LINES
while kill -0 "$server" 2>/dev/null; do wait "$server" || true; done
