"""The launcher's work on Windows: a Job Object. Written for it, and never run there."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

JOB_OBJECT_EXTENDED_LIMIT_INFORMATION = 9
JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE = 0x2000
KILLED_STATUS = 1


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Launch:
    """One child with all its descendants, in a job that ends with this process."""

    def __init__(self, life_fd: int, grace_s: float, report: Callable[[Mapping[str, Any]], None]):
        self._life_fd = life_fd
        self._grace_s = grace_s
        self._report = report

    def run(self, command: Sequence[str], cwd: str | None, env: Mapping[str, str] | None) -> int:
        """Run the command to its end or the desk's; returns its exit code. Raises OSError."""
        _join_new_job()
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._report({"pid": process.pid})
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        code = process.wait()
        self._report({"code": code, "signal": None, "peak_rss_bytes": None})
        return code

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        said = os.read(self._life_fd, 16)
        if b"k" not in said:
            process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
            try:
                process.wait(self._grace_s)
            except subprocess.TimeoutExpired:
                pass
            else:
                return
        os._exit(KILLED_STATUS)  # closes the job's last handle, which ends everything in it


def _join_new_job() -> None:
    """Put this process into a job that kills all its members when its last handle closes.

    The handle is never closed: it ends with this process, however that ends.
    """
    kernel32 = ctypes.CDLL("kernel32", use_errno=True)
    kernel32.CreateJobObjectW.restype = ctypes.c_void_p
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    job = ctypes.c_void_p(kernel32.CreateJobObjectW(None, None))
    limits = _ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    size = ctypes.sizeof(limits)
    kind = JOB_OBJECT_EXTENDED_LIMIT_INFORMATION
    if not kernel32.SetInformationJobObject(job, kind, ctypes.byref(limits), size):
        raise OSError("SetInformationJobObject failed")
    if not kernel32.AssignProcessToJobObject(job, ctypes.c_void_p(kernel32.GetCurrentProcess())):
        raise OSError("AssignProcessToJobObject failed")


def end_like(status: int) -> int:
    """The exit code to end with."""
    return status
