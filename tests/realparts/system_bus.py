"""A D-Bus daemon of the tests' own that stands for the system's bus: no session, no rights."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


def require_dbus() -> str:
    """The daemon's program; without it the test is skipped, on CI that is a failure."""
    program = shutil.which("dbus-daemon")
    if program is not None:
        return program
    missing = "dbus-daemon is not installed (on Debian: apt-get install dbus-daemon)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def system_bus(folder: Path) -> Iterator[str]:
    """Start it with its socket in `folder`; gives its address."""
    program = require_dbus()
    socket = folder / "bus"
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(socket=socket))
    command = [program, f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline(), "dbus-daemon ended"
            yield f"unix:path={socket}"
        finally:
            daemon.kill()
