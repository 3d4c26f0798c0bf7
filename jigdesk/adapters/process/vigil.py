"""Does an engine that is ready still answer? Notices one that hangs while its process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psutil

from jigdesk.domain.errors import TransientError

PROBE_EVERY_S = 5.0
PROBE_MOST_S = 60.0
TICK_S = 1.0
JUMP_S = 10.0
SAY_AFTER_S = 15.0

Probe = Callable[[], Awaitable[bool]]


class Silence:
    """For how long nothing was answered, in seconds in which this program itself ran and asked.

    A clock that jumps over the moment at which we wanted to look says that we did not run: the
    machine slept, or a debugger held us. Nobody was asked meanwhile, so it begins anew. (On Linux
    and macOS the monotonic clock stands still during sleep, and the sleep counts as nothing.)
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def passed(self, seconds: float, waited_s: float) -> None:
        """Note that `seconds` went by where `waited_s` were to be waited."""
        if seconds - waited_s > JUMP_S:
            self.seconds = 0.0
        else:
            self.seconds += min(seconds, waited_s)

    def broken(self) -> None:
        """Begin anew: there was an answer, or a good reason for none."""
        self.seconds = 0.0


class Vigil:
    """Asks a ready engine every few seconds whether it answers. Lives on the caller's loop.

    `alive` may take long, as a loaded engine's answer does, and may raise TransientError for
    "no"; `limit_s` without any answer means that it hangs. `is_held` (blocking) says whether
    something holds it on purpose: it is left alone then. `told` is called with True when the
    silence becomes worth a word, and with False when it is over; it must not block or raise.
    """

    def __init__(
        self,
        alive: Probe,
        limit_s: float,
        *,
        is_held: Callable[[], bool] = lambda: False,
        told: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._alive = alive
        self._limit_s = limit_s
        self._is_held = is_held
        self._told = told
        self._silence = Silence()
        self._said = False

    @property
    def silent_s(self) -> float:
        """How long there was no answer, in seconds; a few of them mean nothing."""
        return self._silence.seconds

    async def run(self) -> None:
        """Return once the engine hangs. Cancelling is safe."""
        every_s = min(PROBE_EVERY_S, self._limit_s / 4)
        while True:
            if await self._ask():
                self._begin_anew()
            elif self._silence.seconds >= self._limit_s:
                if not await asyncio.to_thread(self._is_held):
                    return
                self._begin_anew()
            await self._through(asyncio.create_task(asyncio.sleep(every_s)))

    async def _ask(self) -> bool:
        """Whether it answered; False also when an answer that is still to come would be too late.

        Each probe has its chance, at least a tick long, whatever the silence before it.
        """
        probe = asyncio.create_task(self._answers(), name="engine-probe")
        await self._through(probe, until_s=self._limit_s)
        return not probe.cancelled() and probe.result()

    async def _through(self, task: asyncio.Task[object], until_s: float = float("inf")) -> None:
        """Count the time until the task is done; cancel it when the silence reaches `until_s`."""
        clock = asyncio.get_running_loop().time
        try:
            while not task.done():
                began = clock()
                await asyncio.wait({task}, timeout=TICK_S)
                self._silence.passed(clock() - began, TICK_S)
                self._say(self._silence.seconds >= min(SAY_AFTER_S, self._limit_s / 2))
                if self._silence.seconds >= until_s:
                    break
        finally:
            if task.cancel():
                await asyncio.wait({task})

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_MOST_S):
                return await self._alive()
        except (TransientError, TimeoutError):
            return False

    def _begin_anew(self) -> None:
        self._silence.broken()
        self._say(False)

    def _say(self, is_silent: bool) -> None:
        if is_silent is not self._said:
            self._said = is_silent
            self._told(is_silent)


def is_traced(pid: int) -> bool:
    """Whether a debugger has stopped the process. Blocking; False where nobody can know."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False
