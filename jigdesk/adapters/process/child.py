"""A child process behind the launcher: its output, its end, and why it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jigdesk
from jigdesk.adapters.process.lines import Line, LineRing, LineSplitter
from jigdesk.adapters.process.logfile import LogWriter, RotatingFile
from jigdesk.adapters.process.orphans import create_time, end_tree
from jigdesk.domain.errors import SetupError

CHUNK_BYTES = 64 * 1024
LAST_LINES = 50
START_S = 20.0
KILL_S = 10.0
LAST_OUTPUT_S = 2.0

LineListener = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class ExitReason:
    """How a child ended.

    `code` is None when a signal ended it, `signal` when none did, both when nobody saw it;
    `peak_rss_bytes` is None when it is not known.
    """

    code: int | None
    signal: int | None
    peak_rss_bytes: int | None
    last_lines: tuple[str, ...]

    def __str__(self) -> str:
        if self.signal is not None:
            text = f"ended by {_signal_name(self.signal)}"
        elif self.code is not None:
            text = f"exit status {self.code}"
        else:
            text = "ended unseen"
        if self.peak_rss_bytes is not None:
            text += f", at most {self.peak_rss_bytes / 2**20:.0f} MiB of memory"
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

    def __init__(self, launcher: asyncio.subprocess.Process, life_fd: int, report_fd: int) -> None:
        self._launcher = launcher
        self._life_fd: int | None = life_fd
        self._loop = asyncio.get_running_loop()
        self._ring = LineRing()
        self._listeners: list[LineListener] = []
        self._reports: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._reporter = threading.Thread(
            target=self._read_reports, args=(report_fd,), name="child-report", daemon=True
        )
        self._last_report: Mapping[str, Any] = {}
        self._watch: asyncio.Task[ExitReason] | None = None
        self.pid = 0
        self.created = 0.0
        self.command: tuple[str, ...] = ()
        self.log_error: str | None = None

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
        """Start a command; `env` None is this process's own, `log_path` None keeps no file.

        Returns when it runs (not when it is ready for anything). Raises SetupError when it
        cannot be started. Cancelled: whatever was started is ended.
        """
        life_read, life_write = os.pipe()
        report_read, report_write = os.pipe()
        try:
            launcher = await asyncio.create_subprocess_exec(
                *_launcher_command(life_read, report_write, cwd, grace_s, env is not None),
                *command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=Path(jigdesk.__file__).parent.parent,  # where `-m` finds the launcher
                **_inherit(life_read, report_write),
            )
        except BaseException:
            os.close(life_write)
            os.close(report_read)
            raise
        finally:
            os.close(life_read)
            os.close(report_write)
        child = cls(launcher, life_write, report_read)
        child.command = tuple(command)
        child._reporter.start()
        child._watch = asyncio.create_task(child._run(log_path), name="child")
        try:
            if env is not None:
                await asyncio.to_thread(os.write, life_write, _line(dict(env)))
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

    async def _run(self, log_path: Path | None) -> ExitReason:
        """Read its output until it ended, and make sure that nothing of it is left."""
        log = None if log_path is None else LogWriter(RotatingFile(log_path))
        writing = None if log is None else asyncio.create_task(log.run(), name="child-log")
        reading = asyncio.create_task(self._read_output(log), name="child-output")
        code = await self._launcher.wait()
        self._let_go()
        await asyncio.to_thread(self._reporter.join)
        reason = self._reason(code)
        if self.pid and code < 0 and "code" not in self._last_report:
            # The launcher itself was killed: what it watched is ours to end now.
            await asyncio.to_thread(end_tree, self.pid, self.created)
        # A descendant that even SIGKILL does not end may hold the pipe open for ever.
        await asyncio.wait({reading}, timeout=LAST_OUTPUT_S)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        if log is not None and writing is not None:
            log.end()
            self.log_error = await writing
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

    async def _read_output(self, log: LogWriter | None) -> None:
        splitter = LineSplitter()
        output = self._launcher.stdout
        if output is None:
            return
        while chunk := await output.read(CHUNK_BYTES):
            self._take(splitter.feed(chunk), log)
        self._take(splitter.end(), log)

    def _take(self, lines: Sequence[Line], log: LogWriter | None) -> None:
        self._ring.add(lines)
        if log is not None:
            log.add(lines)
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


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _launcher_command(
    life_fd: int, report_fd: int, cwd: Path | None, grace_s: float, own_env: bool
) -> list[str]:
    numbers = [_number(life_fd), _number(report_fd)]
    return [
        sys.executable,
        "-m",
        "jigdesk.adapters.process.launcher",
        f"--fd={numbers[0]}",
        f"--report-fd={numbers[1]}",
        f"--grace={grace_s}",
        *([f"--cwd={cwd}"] if cwd is not None else [f"--cwd={Path.cwd()}"]),
        *(["--env-from-fd"] if own_env else []),
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
