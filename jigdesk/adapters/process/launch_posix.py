"""The launcher's work on Linux and macOS: start, watch, and end the whole tree."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

KILL_WITHIN_S = 5.0
LEFTOVERS_GRACE_S = 1.0
POLL_S = 0.02

if sys.platform == "darwin":
    from jigdesk.adapters.process import tree_macos as tree
else:
    from jigdesk.adapters.process import tree_linux as tree


class Launch:
    """One child with all its descendants. Uses the process's signals: one a process."""

    def __init__(self, life_fd: int, grace_s: float, report: Callable[[Mapping[str, Any]], None]):
        self._life_fd = life_fd
        self._grace_s = grace_s
        self._report = report
        self._child = 0
        self._ended: tuple[int, resource.struct_rusage] | None = None
        self._terminate = False
        self._kill_at: float | None = None

    def run(self, command: Sequence[str], cwd: str | None, env: Mapping[str, str] | None) -> int:
        """Run the command to its end or the desk's; returns its status as `os.wait4` gives it.

        Raises OSError when the command cannot be started.
        """
        tree.adopt_descendants()
        woken, wake = os.pipe()
        for fd in (woken, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the desk's to answer
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_ready_to_exec(tree.before_exec()),  # noqa: PLW1509 - one thread only
        )
        self._child = process.pid
        self._report({"pid": process.pid})
        while self._ended is None:
            self._wait(woken)
            self._reap()
            if self._terminate and self._kill_at is None:
                self._signal_tree(signal.SIGTERM)
                self._kill_at = time.monotonic() + self._grace_s
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self._signal_tree(signal.SIGKILL)
                self._kill_at = time.monotonic() + POLL_S  # again, for what was forked meanwhile
        process.returncode = 0  # reaped here: nothing for Popen to wait for
        self._end_leftovers()
        status, usage = self._ended
        code = os.waitstatus_to_exitcode(status)
        self._report(
            {
                "code": code if code >= 0 else None,
                "signal": -code if code < 0 else None,
                "peak_rss_bytes": tree.max_rss_bytes(usage.ru_maxrss),
            }
        )
        return status

    def _on_sigterm(self, *_: object) -> None:
        self._terminate = True

    def _wait(self, woken: int) -> None:
        timeout_s = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
        watched = [woken] if self._life_fd < 0 else [woken, self._life_fd]
        readable, _, _ = select.select(watched, [], [], timeout_s)
        if woken in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
        if self._life_fd in readable:
            self._hear(os.read(self._life_fd, 16))

    def _hear(self, said: bytes) -> None:
        """The desk asks for an end (`t`), an end at once (`k`), or is gone (nothing)."""
        self._terminate = True
        if b"k" in said:
            self._kill_at = time.monotonic()
        if not said:
            os.close(self._life_fd)
            self._life_fd = -1

    def _reap(self) -> None:
        """Collect every child that ended, adopted ones too."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._child:
                self._ended = (status, usage)

    def _signal_tree(self, number: signal.Signals) -> int:
        pids = tree.descendants(os.getpid())
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        return len(pids)

    def _end_leftovers(self) -> None:
        """End what the child left behind; gives up on what even SIGKILL does not end in time."""
        if not self._signal_tree(signal.SIGTERM):
            return
        now = time.monotonic()
        kill_at = now + min(self._grace_s, LEFTOVERS_GRACE_S)
        while (now := time.monotonic()) < kill_at + KILL_WITHIN_S:
            self._reap()
            if not tree.descendants(os.getpid()):
                return
            if now >= kill_at:
                self._signal_tree(signal.SIGKILL)
            time.sleep(POLL_S)


def _ready_to_exec(more: Callable[[], None] | None) -> Callable[[], None]:
    def prepare() -> None:
        # Ignored signals stay ignored across exec: the command starts with the usual ones.
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if more is not None:
            more()

    return prepare


def end_like(status: int) -> int:
    """End this process as the child ended; returns its exit code when it was not a signal."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the core dump is the child's
    with contextlib.suppress(OSError):  # SIGKILL cannot be set, and need not be
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code
