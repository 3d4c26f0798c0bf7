"""Programs of another name that run on this machine and are nobody's children."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

_PARENT = """
import subprocess, sys
print(subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL).pid, flush=True)
"""


def sleeper(path: Path) -> Path:
    """Make a program called like `path` that sleeps as many seconds as its argument says."""
    sleep = shutil.which("sleep")
    if sleep is None or os.name != "posix":
        pytest.skip("there is no program to copy")
    shutil.copy(sleep, path)
    return path


@contextmanager
def running(program: Path) -> Iterator[psutil.Process]:
    """Run it; its parent ends at once, so that it is not below this process."""
    command = [sys.executable, "-c", _PARENT, str(program), "600"]
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    process = psutil.Process(int(made.stdout))
    try:
        yield process
    finally:
        process.kill()
        psutil.wait_procs([process], timeout=30)


def is_over(process: psutil.Process) -> bool:
    """Whether it ended; a zombie did, where nobody asks for its exit status."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
