#!/usr/bin/env bash
# Makes the virtual environment $VENV and installs one lock file and this checkout into it.
# Usage: VENV=.venv bash .ci/setup.sh LOCK
set -euo pipefail
cd "$(dirname "$0")/.."
lock=$1
venv=${VENV:-.venv}
say() { printf 'setup: %s\n' "$*" >&2; }
is_root() { [ "$(id -u)" = 0 ]; }
apt() {
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e /tmp/.jigdesk-apt-updated ]; then
        apt-get update -qq && touch /tmp/.jigdesk-apt-updated
    fi
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "no Python 3.11 or newer was found: install one, or name it with PYTHON=/path/to/python"
    return 1
}

make_venv() {
    local python version
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if is_root && command -v apt-get >/dev/null; then
            say "installing python$version-venv"
            apt "python$version-venv" || apt python3-venv
        else
            say "this Python has no ensurepip: run 'sudo apt-get install python$version-venv'"
            return 1
        fi
    fi
    say "making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
}

# Qt's libraries come from the system. Only the window and its tests need them.
check_qt() {
    local packages=(libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 libx11-6
        libfreetype6 fonts-dejavu-core)
    "$venv/bin/python" -c 'import PySide6.QtWidgets' 2>/dev/null && return
    if is_root && command -v apt-get >/dev/null; then
        say "installing what Qt needs: ${packages[*]}"
        apt "${packages[@]}" && "$venv/bin/python" -c 'import PySide6.QtWidgets' && return
    fi
    say "Qt cannot be loaded, so the window cannot open. On Debian: sudo apt-get install ${packages[*]}"
}

# The tests of the job dock page drive a real browser.
check_chromium() {
    command -v chromium >/dev/null && return
    if is_root && command -v apt-get >/dev/null; then
        say "installing Chromium for the tests of the job dock page (a minute)"
        apt chromium && return
    fi
    say "Chromium is missing: those tests are skipped. On Debian: sudo apt-get install chromium"
    [ -z "${CI:-}" ]
}

# The end-to-end test of the window has a screen, a mouse and a keyboard of its own.
check_screen() {
    local packages=(xvfb openbox xdotool libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0
        libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-sync1 libxcb-xfixes0
        libxcb-xkb1 libxkbcommon-x11-0)
    has_screen && return
    if is_root && command -v apt-get >/dev/null; then
        say "installing a screen for the test of the window: ${packages[*]}"
        apt "${packages[@]}" && has_screen && return
    fi
    say "no screen for the test of the window: it is skipped. On Debian: sudo apt-get install ${packages[*]}"
    [ -z "${CI:-}" ]
}
has_screen() {
    command -v Xvfb >/dev/null && command -v openbox >/dev/null && command -v xdotool >/dev/null &&
        "$venv/bin/python" -c '
import ctypes, pathlib, PySide6
ctypes.CDLL(str(pathlib.Path(PySide6.__file__).parent / "Qt/plugins/platforms/libqxcb.so"))' 2>/dev/null
}

# The tests of what keeps the machine awake run a bus of their own.
check_dbus() {
    command -v dbus-daemon >/dev/null && return
    if is_root && command -v apt-get >/dev/null; then
        say "installing dbus-daemon for the tests of sleep"
        { apt dbus-daemon || apt dbus; } && command -v dbus-daemon >/dev/null && return
    fi
    say "dbus-daemon is missing: those tests are skipped. On Debian: sudo apt-get install dbus-daemon"
    [ -z "${CI:-}" ]
}

[ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip' 2>/dev/null || make_venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
say "installing $lock (the first time takes a few minutes)"
"$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: --requirement "$lock"
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
check_qt
[ "$lock" != requirements-dev.lock ] || { check_chromium && check_screen && check_dbus; }
