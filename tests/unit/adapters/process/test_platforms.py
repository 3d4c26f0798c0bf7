"""Every module imports on every platform, and the launcher stays light."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from tests.harness.waiting import PATIENCE_S

PACKAGE = "jigdesk.adapters.process"


@pytest.mark.parametrize(
    "name", ["launcher", "launch_windows", "tree_linux", "tree_macos", "child", "supervisor"]
)
def test_imports(name: str) -> None:
    assert importlib.import_module(f"{PACKAGE}.{name}")


def test_the_launcher_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, jigdesk.adapters.process.launcher, jigdesk.adapters.process.launch_posix;"
        "known = sys.stdlib_module_names;"
        "print([name for name in sys.modules if name.split('.')[0] not in {*known, 'jigdesk'}"
        " and not name.startswith('_')])"
    )
    command = [sys.executable, "-S", "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert ended.stdout.strip() == "[]"
