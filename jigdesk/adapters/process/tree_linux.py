"""A process tree on Linux: found by parentage, whatever groups its members moved to."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def adopt_descendants() -> None:
    """Make this process the parent of every descendant whose own parent ends.

    So a daemon that forked twice is still found below us. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def before_exec() -> Callable[[], None]:
    """What the child does before it becomes its command: ask to die with this process.

    It only helps when this process is killed outright, and never covers grandchildren. Only
    for a process with one thread: the signal comes when the *thread* that forked ends.
    """
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended between the fork and the question
            os._exit(1)

    return ask


def descendants(root: int) -> list[int]:
    """Every living process below `root`, parents first; zombies are left out."""
    children: dict[int, list[int]] = {}
    zombies: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        state, parent = stat[stat.rindex(")") + 2 :].split(" ", 2)[:2]
        pid = int(entry.name)
        children.setdefault(int(parent), []).append(pid)
        if state in "ZX":
            zombies.add(pid)
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return [pid for pid in found if pid not in zombies]


def max_rss_bytes(ru_maxrss: int) -> int:
    """`ru_maxrss`, which counts in KiB here, as bytes."""
    return ru_maxrss * 1024
