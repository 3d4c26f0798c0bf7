"""ngrok's own agent 2.3.41, from the npm package `@expo/ngrok-bin-linux-x64`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PROGRAM = (
    Path(__file__).with_name("ngrok") / "node_modules" / "@expo" / "ngrok-bin-linux-x64" / "ngrok"
)


def ngrok_without_network() -> Path:
    """The program, and the certainty that it can be run with no network but loopback.

    Skips the test elsewhere than on CI, where what it needs must be there. Blocks.
    """
    if PROGRAM.is_file() and shutil.which("unshare") is not None:
        return PROGRAM
    missing = "needs ngrok's agent (`make realparts`, on Linux x86_64), and unshare"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
