"""A child process behind the launcher: its output, its end, and why it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jigdesk
from jigdesk.adapters.process.environment import for_children
from jigdesk.adapters.process.lines import Line, LineRing, LineSplitter
from jigdesk.adapters.process.logfile import LogWriter, RotatingFile
from jigdesk.adapters.process.orphans import COOKIE, create_time, end_family
from jigdesk.domain.errors import SetupError
from jigdesk.domain.resources import MemoryUse

LAST_LINES = 50
START_S = 60.0
LAST_OUTPUT_S = 2.0

LineListener = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class ExitReason:
    """How a child ended.

    `code` is None when a signal ended it, `signal` when none did, both when nobody saw it;
    `peak_rss_bytes` (its own) and `memory` (the machine's, just before) are None when not known.
    `because` is why the desk ended it as faulty, None when it did not.
    """

    code: int | None
    signal: int | None
    peak_rss_bytes: int | None
    last_lines: tuple[str, ...]
    memory: MemoryUse | None = None
    because: str | None = None

    def __str__(self) -> str:
        if self.signal is not None:
            text = f"ended by {_signal_name(self.signal)}"
        elif self.code is not None:
            text = f"exit status {self.code}"
        else:
            text = "ended unseen"
        if self.peak_rss_bytes is not None:
            text += f", at most {self.peak_rss_bytes / 2**20:.0f} MiB of memory"
        if self.memory is not None:
            text += f", {self.memory} just before"
        if self.because is not None:
            text += f" (by the desk: {self.because})"
        return text + (f", last line: {self.last_lines[-1]}" if self.last_lines else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class ChildProcess:
    """One run of a command, with everything that it starts.

    Made by `start`, on the loop that then owns it. It cannot outlive this process: see the
    launcher. Always `stop` it or `wait` for it.
    """

    def __init__(self, command: Sequence[str], log_path: Path | None) -> None:
        self.command = tuple(command)
        self.cookie = secrets.token_hex(16)
        self.pid = 0
        self.created = 0.0
        self._loop = asyncio.get_running_loop()
        self._log = None if log_path is None else LogWriter(RotatingFile(log_path))
        self._life_fd: int | None = None
        self._ring = LineRing()
        self._listeners: list[LineListener] = []
        self._reports: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._last_report: Mapping[str, Any] = {}
        self._watch: asyncio.Task[ExitReason] | None = None

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log_path: Path | None = None,
        grace_s: float = 5.0,
    ) -> ChildProcess:
        """Start a command; `env` None is this process's own without what is the desk's alone,
        `log_path` None keeps no file.

        Returns when it runs (not when it is ready for anything). Raises SetupError when it
        cannot be started. Cancelled: whatever was started is ended.
        """
        child = cls(command, log_path)
        output = _Output(child._take)
        life_read, life_write = os.pipe()
        report_read, report_write = os.pipe()
        try:
            transport, _ = await child._loop.subprocess_exec(
                lambda: output,
                *_launcher_command(life_read, report_write, cwd or Path.cwd(), grace_s),
                *command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=Path(jigdesk.__file__).parent.parent,  # where `-m` finds the launcher
                env=for_children(os.environ),
                **_inherit(life_read, report_write),
            )
        except BaseException:
            os.close(life_write)
            os.close(report_read)
            raise
        finally:
            os.close(life_read)
            os.close(report_write)
        child._life_fd = life_write
        reporter = threading.Thread(
            target=child._read_reports, args=(report_read,), name="child-report", daemon=True
        )
        reporter.start()
        child._watch = asyncio.create_task(child._run(transport, output, reporter), name="child")
        try:
            inherited = for_children(os.environ) if env is None else env
            own = {**inherited, COOKIE: child.cookie}
            await asyncio.to_thread(_write_all, life_write, json.dumps(own).encode() + b"\n")
            await child._started()
        except BaseException:
            child._let_go()
            await asyncio.shield(child._watch)
            raise
        return child

    async def _started(self) -> None:
        try:
            async with asyncio.timeout(START_S):
                report = await self._reports.get()
        except TimeoutError:
            raise SetupError(f"The launcher of {self.command[0]} did not answer.") from None
        if report is None or "pid" not in report:
            why = (report or {}).get("error", "the launcher ended")
            raise SetupError(f"Cannot start {self.command[0]}: {why}")
        self.pid = int(report["pid"])
        created = await asyncio.to_thread(create_time, self.pid)
        self.created = 0.0 if created is None else created

    @property
    def log_error(self) -> str | None:
        """Why its newest output is not in its log; None when it is, or none is kept."""
        return None if self._log is None else self._log.error

    @property
    def alive(self) -> bool:
        """Whether the child or anything that it started may still run."""
        return self._watch is not None and not self._watch.done()

    def last_lines(self, count: int = LAST_LINES) -> tuple[str, ...]:
        """The newest lines of its output, oldest of them first."""
        return self._ring.last(count)

    def subscribe(self, listener: LineListener) -> Callable[[], None]:
        """Call `listener` on the loop with each line; returns the way to unsubscribe.

        The listener must not block or raise.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    async def wait(self) -> ExitReason:
        """Wait until it and all that it started have ended. Cancelling only ends the wait."""
        if self._watch is None:
            raise RuntimeError("the child was never started")
        return await asyncio.shield(self._watch)

    async def stop(self, grace_s: float | None = None) -> ExitReason:
        """Ask it to end, after `grace_s` (None: as given to `start`) end it; returns how it ended.

        Cancelled: it is ended all the same, without further grace.
        """
        self._say(b"t")
        try:
            if grace_s is None:
                return await self.wait()
            async with asyncio.timeout(grace_s):
                return await self.wait()
        except TimeoutError:
            self._say(b"k")
            return await self.wait()
        except asyncio.CancelledError:
            self._say(b"k")
            raise

    def _say(self, word: bytes) -> None:
        if self._life_fd is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._life_fd, word)

    def _let_go(self) -> None:
        if self._life_fd is not None:
            os.close(self._life_fd)
            self._life_fd = None

    async def _run(
        self, transport: asyncio.SubprocessTransport, output: _Output, reporter: threading.Thread
    ) -> ExitReason:
        """Wait until it ended, and make sure that nothing of it is left."""
        writing = None
        if self._log is not None:
            writing = asyncio.create_task(self._log.run(), name="child-log")
        await output.exited.wait()
        self._let_go()
        await asyncio.to_thread(reporter.join)
        reason = self._reason(transport.get_returncode() or 0)
        if self.pid and reason.code is None and reason.signal is None:
            # The launcher itself was killed: what it watched is ours to end now.
            await asyncio.to_thread(end_family, self.pid, self.created, self.cookie)
        # A descendant that even SIGKILL does not end may hold the pipe open for ever.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_OUTPUT_S):
                await output.drained.wait()
        transport.close()
        if self._log is not None and writing is not None:
            self._log.end()
            await writing
        return ExitReason(
            reason.code, reason.signal, reason.peak_rss_bytes, self._ring.last(LAST_LINES)
        )

    def _reason(self, launcher_code: int) -> ExitReason:
        said = self._last_report
        if "code" in said or "signal" in said:
            return ExitReason(said["code"], said["signal"], said["peak_rss_bytes"], ())
        if launcher_code < 0:
            return ExitReason(None, None, None, ())
        return ExitReason(launcher_code, None, None, ())

    def _take(self, lines: Sequence[Line]) -> None:
        self._ring.add(lines)
        if self._log is not None:
            self._log.add(lines)
        for line in lines:
            for listener in tuple(self._listeners):
                listener(line)

    def _read_reports(self, fd: int) -> None:
        """A thread: pipes can be awaited on some platforms only."""
        with open(fd, "rb") as reports:
            for line in reports:
                try:
                    report = json.loads(line)
                except ValueError:  # cut off: the launcher was killed while it wrote
                    break
                self._last_report = report
                self._hand_over(report)
        self._hand_over(None)

    def _hand_over(self, report: Mapping[str, Any] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._reports.put_nowait, report)


class _Output(asyncio.SubprocessProtocol):
    """Splits what comes; taking it at once is what keeps a flood in the child's own pipe."""

    def __init__(self, take: Callable[[Sequence[Line]], None]) -> None:
        self._take = take
        self._splitter = LineSplitter()
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._take(self._splitter.feed(data))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._take(self._splitter.end())
        self.drained.set()

    def process_exited(self) -> None:
        self.exited.set()


def _write_all(fd: int, data: bytes) -> None:
    """Write to a pipe of which the other side may end at any time."""
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(fd, data) :]


def _launcher_command(life_fd: int, report_fd: int, cwd: Path, grace_s: float) -> list[str]:
    numbers = [_number(life_fd), _number(report_fd)]
    return [
        sys.executable,
        "-m",
        "jigdesk.adapters.process.launcher",
        f"--fd={numbers[0]}",
        f"--report-fd={numbers[1]}",
        f"--grace={grace_s}",
        f"--cwd={cwd}",
        "--env-from-fd",
        "--",
    ]


def _number(fd: int) -> int:
    """What the launcher calls the descriptor: on Windows only handles can be inherited."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        return msvcrt.get_osfhandle(fd)
    return fd


def _inherit(*fds: int) -> dict[str, Any]:
    """The arguments with which the launcher inherits these descriptors and no others.

    A session of its own keeps the terminal's Ctrl-C away from it.
    """
    if sys.platform == "win32":
        startup = subprocess.STARTUPINFO()
        handles = [_number(fd) for fd in fds]
        for handle in handles:
            os.set_handle_inheritable(handle, True)
        startup.lpAttributeList = {"handle_list": handles}
        return {
            "startupinfo": startup,
            "close_fds": False,
            "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP,
        }
    return {"pass_fds": fds, "start_new_session": True}
