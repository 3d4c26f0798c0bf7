"""A note of the child that runs, so that the next start finds it if we did not end it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

VERSION = 1
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


def create_time(pid: int) -> float | None:
    """When the process was created, in seconds since 1970; None when it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def write_record(path: Path, record: ChildRecord) -> None:
    """Note a child, all or nothing. Blocking."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps({"version": VERSION, **asdict(record)}), encoding="utf-8")
    part.replace(path)


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
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def forget_record(path: Path) -> None:
    """The child ended. Blocking."""
    path.unlink(missing_ok=True)


def end_orphan(path: Path) -> tuple[int, ...]:
    """End what is left of the noted child, and forget it; returns the pids that were ended.

    Its tree when it lives (same pid and same time of creation), and what is left of its session
    when only its descendants do. Blocking, up to TERMINATE_S + KILL_S.
    """
    record = read_record(path)
    if record is None:
        forget_record(path)
        return ()
    found = _remains(record)
    end_processes(found)
    forget_record(path)
    return tuple(process.pid for process in found)


def end_tree(pid: int, created: float) -> tuple[int, ...]:
    """End a process and what is below it or in its session. Blocking, as `end_orphan`."""
    found = _remains(ChildRecord(pid, created, 0, ()))
    end_processes(found)
    return tuple(process.pid for process in found)


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


def _remains(record: ChildRecord) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    try:
        child = psutil.Process(record.pid)
        if abs(child.create_time() - record.create_time) <= CREATE_TIME_TOLERANCE_S:
            for process in (child, *child.children(recursive=True)):
                found[process.pid] = process
        else:
            return []  # somebody else has the pid now, so that session is not ours either
    except psutil.Error:
        pass
    for process in _session(record.pid):
        with contextlib.suppress(psutil.Error):
            if process.create_time() >= record.create_time - CREATE_TIME_TOLERANCE_S:
                found.setdefault(process.pid, process)
    return list(found.values())


def _session(leader: int) -> list[psutil.Process]:
    """The members of a session: its leader's pid is not given away while one of them lives."""
    if not hasattr(os, "getsid"):
        return []
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == leader:
                members.append(process)
    return members
