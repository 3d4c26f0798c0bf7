"""A process that holds the lock of a home, with a child that outlives it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jigdesk.adapters.journal.lock import HomeLock

with HomeLock(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=0)
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    child.wait()
