"""A note of the child that runs, so that the next start finds it if we did not end it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from jigdesk.files import write_whole

VERSION = 1
COOKIE = "JIGDESK_CHILD"
"""In the environment of every child: random, and inherited by all that it starts."""

CREATE_TIME_TOLERANCE_S = 0.05
TERMINATE_S = 3.0
KILL_S = 5.0


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """A child that was started: a pid alone may meanwhile belong to somebody else."""

    pid: int
    create_time: float
    port: int
    cmdline: tuple[str, ...]
    cookie: str


def create_time(pid: int) -> float | None:
    """When the process was created, in seconds since 1970; None when it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def write_record(path: Path, record: ChildRecord) -> None:
    """Note a child, all or nothing. Blocking."""
    write_whole(path, json.dumps({"version": VERSION, **asdict(record)}))


def read_record(path: Path) -> ChildRecord | None:
    """The noted child; None when none is, or the file is not one of ours. Blocking."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            return None
        return ChildRecord(
            pid=int(data["pid"]),
            create_time=float(data["create_time"]),
            port=int(data["port"]),
            cmdline=tuple(str(part) for part in data["cmdline"]),
            cookie=str(data["cookie"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, OverflowError):
        return None


def forget_record(path: Path) -> None:
    """The child ended. Blocking."""
    path.unlink(missing_ok=True)


def end_orphan(path: Path) -> tuple[int, ...]:
    """End what is left of the noted child, and forget it; returns the pids that were ended.

    Its tree, when it lives (same pid and same time of creation), and whatever carries its
    cookie. Blocking, up to TERMINATE_S + KILL_S.
    """
    record = read_record(path)
    ended: tuple[int, ...] = ()
    if record is not None:
        ended = end_family(record.pid, record.create_time, record.cookie)
    forget_record(path)
    return ended


def end_family(pid: int, created: float, cookie: str) -> tuple[int, ...]:
    """End a child and all that it started; returns their pids. Blocking, as `end_orphan`."""
    found = {process.pid: process for process in (*_tree(pid, created), *_carriers(cookie))}
    end_processes(list(found.values()))
    return tuple(found)


def end_process(pid: int) -> None:
    """End a process and its children, politely first. Blocking, as `end_orphan`."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        end_processes([process, *process.children(recursive=True)])


def end_processes(processes: Sequence[psutil.Process]) -> None:
    """Ask them to end, then end them."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=TERMINATE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=KILL_S)


def _tree(pid: int, created: float) -> list[psutil.Process]:
    try:
        child = psutil.Process(pid)
        if abs(child.create_time() - created) > CREATE_TIME_TOLERANCE_S:
            return []  # somebody else has the pid now
        return [child, *child.children(recursive=True)]
    except psutil.Error:
        return []


def _carriers(cookie: str) -> list[psutil.Process]:
    """Every process that has the cookie in its environment, wherever it moved to."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(COOKIE) == cookie:
                found.append(process)
    return found
