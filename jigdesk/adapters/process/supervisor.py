"""Keeps the engine running: start, readiness, restart with backoff, and a clear failure."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from jigdesk.adapters.process.child import ChildProcess, ExitReason, LineListener
from jigdesk.adapters.process.lines import Line
from jigdesk.adapters.process.orphans import (
    ChildRecord,
    end_orphan,
    forget_record,
    write_record,
)
from jigdesk.adapters.process.ports import PortOwner, belongs_to, port_owner
from jigdesk.adapters.process.vigil import Probe, Vigil, is_traced
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import EngineUnavailable, SetupError, TransientError
from jigdesk.domain.resources import MemoryUse

PROBE_EVERY_S = 0.1
PROBE_TIMEOUT_S = 5.0


class EngineStatus(StrEnum):
    """What the engine's process is doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it ended, and waits to be started again
    FAILED = "failed"  # it is not started again by itself
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class EngineState:
    """A snapshot. `pid` is None while nothing runs, `reason` while there is nothing to say.

    A ready engine has a reason while it does not answer: see `EngineSupervisor.silent_s`.

    `restarts` counts since `start`; `port_owner` is who holds the port when that is the reason.
    """

    status: EngineStatus
    since: datetime
    pid: int | None = None
    restarts: int = 0
    reason: str | None = None
    last_exit: ExitReason | None = None
    port_owner: PortOwner | None = None


@dataclass(frozen=True, slots=True)
class EngineCommand:
    """How to start the engine.

    `env` None is the desk's own as far as it is passed on, `cwd` None where the desk is.
    """

    argv: tuple[str, ...]
    port: int
    cwd: Path | None = None
    env: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds, and how often to try.

    A crash after `healthy_after_s` of being ready is the first of a new row of crashes. A ready
    engine that answers nothing for `stall_timeout_s` hangs, and is started again.
    """

    start_timeout_s: float = 120.0
    stop_grace_s: float = 5.0
    first_backoff_s: float = 1.0
    max_backoff_s: float = 60.0
    max_crashes: int = 5
    healthy_after_s: float = 300.0
    stall_timeout_s: float = 600.0


StateListener = Callable[[EngineState], None]
MemoryReader = Callable[[], MemoryUse | None]
T = TypeVar("T")


class EngineSupervisor:
    """Owns the engine's process from `start` to `stop`; everything runs on the caller's loop.

    `command` is asked before each start. `probe` says whether the engine answers over HTTP; it
    may raise TransientError for "not yet". `alive` is asked while it is ready, and says whether
    it answers at all, in whatever way; None asks `probe` again. `record` is the file in which
    the child is noted, `log_path` the one that gets its output. `memory` is asked at each end for
    the machine's memory just before it; it must not block.
    """

    def __init__(
        self,
        command: Callable[[], EngineCommand],
        probe: Probe,
        *,
        alive: Probe | None = None,
        record: Path,
        log_path: Path | None = None,
        patience: Patience | None = None,
        memory: MemoryReader = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        self._command = command
        self._probe = probe
        self._alive = alive or probe
        self._record = record
        self._log_path = log_path
        self.patience = patience or Patience()
        self._memory = memory
        self._clock = clock
        self._state = EngineState(EngineStatus.STOPPED, clock())
        self._listeners: list[StateListener] = []
        self._line_listeners: list[LineListener] = []
        self._changed = asyncio.Event()
        self._child: ChildProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._turn = asyncio.Lock()  # a second stop would take the next start for what it ended
        self._kicked: asyncio.Future[str] | None = None
        self._vigil: Vigil | None = None
        self._worked_s: float | None = None

    @property
    def state(self) -> EngineState:
        """The present state."""
        return self._state

    @property
    def silent_s(self) -> float | None:
        """How long a ready engine answered nothing, in seconds; None while none is ready."""
        is_ready = self._state.status is EngineStatus.READY
        return self._vigil.silent_s if is_ready and self._vigil is not None else None

    @property
    def log_error(self) -> str | None:
        """Why the newest output of what runs is not in its log; None when it is."""
        return None if self._child is None else self._child.log_error

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """Call `listener` after each change; it must not block or raise. Returns the way out."""
        self._listeners.append(listener)
        return lambda: _forget(self._listeners, listener)

    def subscribe_lines(self, listener: LineListener) -> Callable[[], None]:
        """Call `listener` with each line of output of every run. Returns the way out."""
        self._line_listeners.append(listener)
        return lambda: _forget(self._line_listeners, listener)

    def last_lines(self, count: int = 50) -> tuple[str, ...]:
        """The newest lines of output: of what runs, else of what ended last."""
        if self._child is not None:
            return self._child.last_lines(count)
        last = self._state.last_exit
        return () if last is None else last.last_lines[-count:]

    async def start(self) -> None:
        """Begin to supervise, with a clean record of crashes; does nothing when it does already.

        Returns at once, or after the stop that is under way: see `wait_ready`.
        """
        async with self._turn:
            self._begin()

    async def stop(self) -> None:
        """End the engine and all that it started. Cancelled: it is ended all the same."""
        try:
            async with self._turn:
                await self._end()
        except asyncio.CancelledError:
            if self._task is not None:
                self._task.cancel()
            raise

    async def restart(self) -> None:
        """Stop and start again, with a clean record of crashes."""
        async with self._turn:
            await self._end()
            self._begin()

    def _begin(self) -> None:
        if self._task is not None and not self._task.done():
            return
        self._stopping.clear()
        self._kicked = None
        self._state = EngineState(EngineStatus.STOPPED, self._clock())
        self._go(EngineStatus.STARTING)
        self._task = asyncio.create_task(self._supervise(), name="engine-supervisor")

    async def _end(self) -> None:
        if self._task is not None and not self._task.done():
            self._stopping.set()
            self._go(EngineStatus.STOPPING)
            await asyncio.shield(self._task)
        self._task = None
        self._stopping.clear()
        self._go(EngineStatus.STOPPED, pid=None, reason=None, port_owner=None)

    def kick(self, reason: str) -> None:
        """End an engine that no longer does its work, and start it again as after a crash.

        Does nothing while none runs.
        """
        if self._kicked is not None and not self._kicked.done():
            self._kicked.set_result(reason)

    async def wait_ready(self, timeout_s: float) -> None:
        """Wait until the engine is ready; raises EngineUnavailable when it will not be in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._state.status is not EngineStatus.READY:
                    if self._state.status in {EngineStatus.FAILED, EngineStatus.STOPPED}:
                        why = self._state.reason or "nobody started it"
                        raise EngineUnavailable(f"The engine is {self._state.status}: {why}")
                    changed = self._changed
                    await changed.wait()
        except TimeoutError:
            raise EngineUnavailable(f"The engine is not ready after {timeout_s:g} s.") from None

    def _go(self, status: EngineStatus, **changes: object) -> None:
        if self._stopping.is_set() and status in {EngineStatus.STARTING, EngineStatus.READY}:
            status = EngineStatus.STOPPING  # a start that was under way does not undo a stop
        since = self._state.since if status is self._state.status else self._clock()
        self._state = replace(self._state, status=status, since=since, **changes)  # type: ignore[arg-type]
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in tuple(self._listeners):
            listener(self._state)

    async def _supervise(self) -> None:
        try:
            await self._keep_running()
        finally:
            if self._state.status in {EngineStatus.STARTING, EngineStatus.READY}:
                self._go(EngineStatus.FAILED, pid=None, reason="The supervisor itself ended.")

    async def _keep_running(self) -> None:
        crashes = 0
        while not self._stopping.is_set():
            self._worked_s = None
            try:
                reason = await self._run_once()
            except SetupError as refused:
                self._go(EngineStatus.FAILED, pid=None, reason=refused.message)
                return
            except OSError as failed:  # the record cannot be written, no process can be made
                self._go(EngineStatus.FAILED, pid=None, reason=f"Cannot start: {failed}")
                return
            if reason is None:
                return
            crashes = 1 if self._was_healthy() else crashes + 1
            if crashes >= self.patience.max_crashes:
                self._go(
                    EngineStatus.FAILED, pid=None, reason=f"{crashes} crashes in a row: {reason}"
                )
                return
            self._go(
                EngineStatus.RESTARTING,
                pid=None,
                reason=reason,
                restarts=self._state.restarts + 1,
            )
            wait_s = self.patience.first_backoff_s * 2 ** (crashes - 1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, self.patience.max_backoff_s)):
                    await self._stopping.wait()
            if not self._stopping.is_set():
                self._go(EngineStatus.STARTING)

    def _was_healthy(self) -> bool:
        """Whether the run that ended worked long enough: how long its start took says nothing."""
        return self._worked_s is not None and self._worked_s >= self.patience.healthy_after_s

    async def _run_once(self) -> str | None:
        """One run of the engine: why it ended, or None when it was asked to stop.

        Raises SetupError when it must not or cannot be started.
        """
        command = self._command()
        await asyncio.to_thread(end_orphan, self._record)
        await self._refuse_taken_port(command.port)
        child = await ChildProcess.start(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            log_path=self._log_path,
            grace_s=self.patience.stop_grace_s,
        )
        self._child = child
        because: str | None = None
        try:
            child.subscribe(self._on_line)
            record = ChildRecord(child.pid, child.created, command.port, command.argv, child.cookie)
            await asyncio.to_thread(write_record, self._record, record)
            self._go(EngineStatus.STARTING, pid=child.pid)
            reason = await self._live(child, command.port)
            because = reason if child.alive else None
            return reason
        finally:
            self._kicked = None
            memory = self._memory()
            ended = await child.stop()
            self._child = None
            ended = replace(ended, memory=memory, because=because)
            self._state = replace(self._state, last_exit=ended)
            await asyncio.to_thread(forget_record, self._record)

    async def _live(self, child: ChildProcess, port: int) -> str | None:
        self._kicked = asyncio.get_running_loop().create_future()
        stopping = asyncio.create_task(self._stopping.wait())
        exited = asyncio.create_task(child.wait())
        ready = asyncio.create_task(self._until_ready(child, port))
        ends: set[asyncio.Future[Any]] = {stopping, exited, self._kicked}
        try:
            await asyncio.wait(
                {*ends, ready},
                timeout=self.patience.start_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not any(end.done() for end in ends):
                if not ready.done():
                    return f"It did not answer within {self.patience.start_timeout_s:g} s."
                ready.result()  # raises SetupError when somebody else answered on the port
                self._go(EngineStatus.READY, reason=None)
                await self._watch(child, ends)
            if stopping.done():
                return None
            if exited.done():
                return f"{replace(exited.result(), memory=self._memory())}"
            reason = self._kicked.result()
            # it may take a while to end: nobody is to take it for ready meanwhile
            self._go(EngineStatus.STOPPING, reason=reason)
            return reason
        finally:
            for task in (stopping, exited, ready):
                task.cancel()
            await asyncio.gather(stopping, exited, ready, return_exceptions=True)

    async def _watch(self, child: ChildProcess, ends: set[asyncio.Future[Any]]) -> None:
        """Wait until one of the ends is done; an engine that hangs is kicked meanwhile."""
        limit_s = self.patience.stall_timeout_s
        clock = asyncio.get_running_loop().time
        began = clock()
        vigil = Vigil(
            self._alive, limit_s, is_held=lambda: is_traced(child.pid), told=self._tell_silence
        )
        self._vigil = vigil
        watch = asyncio.create_task(vigil.run(), name="engine-vigil")
        try:
            await asyncio.wait({*ends, watch}, return_when=asyncio.FIRST_COMPLETED)
            self._worked_s = max(0.0, clock() - began - vigil.silent_s)
            if watch.done():
                watch.result()  # raises what is a bug
                self.kick(f"It hung: its process ran and answered nothing for {limit_s:g} s.")
        finally:
            self._vigil = None
            if watch.cancel():
                await asyncio.wait({watch})

    def _tell_silence(self, is_silent: bool) -> None:
        limit_s = self.patience.stall_timeout_s
        words = f"It does not answer, though its process runs; after {limit_s:g} s it is restarted."
        self._go(EngineStatus.READY, reason=words if is_silent else None)

    async def _until_ready(self, child: ChildProcess, port: int) -> None:
        while not await self._answers():  # noqa: ASYNC110 - only the engine knows, over HTTP
            await asyncio.sleep(PROBE_EVERY_S)
        owner = await asyncio.to_thread(port_owner, port)
        if owner is None or owner.pid is None:
            return  # nothing more can be known
        if not await asyncio.to_thread(belongs_to, owner.pid, child.pid):
            raise self._taken(owner)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await self._probe()
        except (TransientError, TimeoutError):
            return False

    async def _refuse_taken_port(self, port: int) -> None:
        owner = await asyncio.to_thread(port_owner, port)
        if owner is not None:
            raise self._taken(owner)

    def _taken(self, owner: PortOwner) -> SetupError:
        self._state = replace(self._state, port_owner=owner)
        return SetupError(
            f"Port {owner.port} is held by {owner}. Stop it, use it as it is "
            f"(comfyui.kind = remote), or choose another comfyui.port.",
            field="comfyui.port",
        )

    def _on_line(self, line: Line) -> None:
        for listener in tuple(self._line_listeners):
            listener(line)


def _forget(listeners: list[T], listener: T) -> None:
    with contextlib.suppress(ValueError):
        listeners.remove(listener)
