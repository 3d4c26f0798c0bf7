"""Awake: keeps the machine from falling asleep while there is work."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal, Protocol

from jigdesk.domain.check import Check
from jigdesk.domain.holds import Inhibition
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

TRY_AGAIN_S = 60.0

When = Literal["jobs", "accepting"]


class SleepLock(Protocol):
    """The system's way to keep this machine awake. Ends with the process in any case."""

    async def hold(self, why: str) -> Inhibition:
        """Keep it awake; a lock that is held already stays as it is.

        Raises nothing: a system that refuses is an answer.
        """

    async def release(self) -> None:
        """Let it sleep again; safe when nothing is held."""


class KeepAwake:
    """Holds the lock while jobs are here, or (`accepting`) while new ones are taken too.

    Lives on the core's loop.
    """

    def __init__(
        self, queue: JobQueue, lock: SleepLock, when: When, *, try_again_s: float = TRY_AGAIN_S
    ) -> None:
        self._queue = queue
        self._lock = lock
        self._when = when
        self._try_again_s = try_again_s
        self._changed = asyncio.Event()
        self._state: Inhibition | None = None
        self._refusal: str | None = None

    @property
    def held(self) -> bool:
        """Whether the machine is kept awake now."""
        return self._state is not None and self._state.held

    @property
    def _wanted(self) -> bool:
        if self._queue.depth:
            return True
        return self._when == "accepting" and not self._queue.refusals()

    async def run(self) -> None:
        """Follow the queue until cancelled; then let the machine sleep."""
        self._queue.on_change(self._changed.set)
        self._queue.on_turn(self._changed.set)
        try:
            await self._try()  # so that the checks say whether it can be done, before it matters
            while True:
                self._changed.clear()
                if self._wanted:
                    if not self.held:
                        await self._hold()
                elif self._state is not None:
                    await self._release()
                await self._wait()
        finally:
            await self._release()

    async def check(self) -> Check:
        """One line of health; that it cannot be done is no fault of the desk."""
        if self._refusal is not None:
            return Check("sleep", "ok", f"The machine cannot be kept awake: {self._refusal}")
        if self._state is not None:
            return Check("sleep", "ok", self._state.says)
        return Check("sleep", "ok", "The machine may fall asleep: there is no work.")

    async def _try(self) -> None:
        await self._hold()
        if not self._wanted:
            await self._release()

    async def _hold(self) -> None:
        state = await self._lock.hold("Jobs are under way")
        refusal = None if state.held else state.says
        if refusal is not None and refusal != self._refusal:
            log.info("the machine cannot be kept awake: %s", refusal)
        self._state, self._refusal = (state if state.held else None), refusal

    async def _release(self) -> None:
        self._state = None
        await self._lock.release()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._try_again_s if self._refusal else None):
                await self._changed.wait()
        except TimeoutError:
            return
