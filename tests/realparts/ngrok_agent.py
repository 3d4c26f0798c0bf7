"""ngrok's own agent 2.3.41, from the npm package `@expo/ngrok-bin-linux-x64`."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).with_name("ngrok")
PROGRAM = FOLDER / "node_modules" / "@expo" / "ngrok-bin-linux-x64" / "ngrok"
INSTALL_TIMEOUT_S = 45


def find_ngrok() -> Path | None:
    """The program, installed by npm when it is not there; None where it cannot be had. Blocks."""
    if PROGRAM.is_file():
        return PROGRAM
    npm = shutil.which("npm")
    if npm is None or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return None
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock"]
    try:
        subprocess.run(
            command, cwd=FOLDER, capture_output=True, check=True, timeout=INSTALL_TIMEOUT_S
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None  # no registry within reach
    return PROGRAM if PROGRAM.is_file() else None
