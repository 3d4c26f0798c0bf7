"""Small programs that have children of every kind, and ways to see whether any is left."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from tests.harness.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]

FAMILY = """
import json, os, signal, subprocess, sys, time
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleeper = [sys.executable, "-c", "import signal, sys, time\\n"
    "if {stubborn}: signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    "print(flush=True)\\ntime.sleep(600)"]
def start(**options):
    child = subprocess.Popen(sleeper, stdout=subprocess.PIPE, **options)
    child.stdout.readline()
    return child.pid
pids = [os.getpid(), start(), start(start_new_session=True)]
# A daemon: its own session, and an intermediate parent that is gone.
reading, writing = os.pipe()
middle = os.fork()
if middle == 0:
    os.setsid()
    os.write(writing, str(start()).encode())
    os._exit(0)
os.waitpid(middle, 0)
pids.append(int(os.read(reading, 20)))
print(json.dumps(pids), flush=True)
time.sleep(600)
"""


def family(*, stubborn: bool = False) -> list[str]:
    """A command: prints the pids of itself, a child, a child in another session and a daemon.

    None of them ends by itself; `stubborn` ones not even when asked to.
    """
    return [sys.executable, "-c", FAMILY.format(stubborn=stubborn)]


def script(code: str) -> list[str]:
    return [sys.executable, "-uc", code]


def living(pids: Iterable[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


async def eventually(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something that no event tells."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


def pids_in(lines: Iterable[str]) -> list[int]:
    """What `family` printed; empty when it has not yet."""
    return next((json.loads(line) for line in lines if line.startswith("[")), [])
