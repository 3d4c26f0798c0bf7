"""One check of health: its last answer, and one run that everybody who asks meanwhile shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from jigdesk.domain.check import Check
from jigdesk.domain.clock import Clock

KEEP_S = 5.0
"""How long an answer that cost something serves whoever looks; one that is not ok at most."""

CheckCall = Callable[[], Awaitable[Check]]


@dataclass(slots=True)
class _Run:
    task: asyncio.Task[Check]
    asking: int = 0


class KeptCheck:
    """A check with its last answer. Lives on the core's loop."""

    def __init__(
        self, name: str, call: CheckCall, keep_s: float, clock: Clock, seconds: Callable[[], float]
    ) -> None:
        """`call` has a deadline and raises nothing but its cancellation.

        An answer that is ok serves for `keep_s`, any other for KEEP_S at most; 0 keeps nothing.
        """
        self.name = name
        self.last: Check | None = None
        """The last answer, however old; None before the first."""
        self._call = call
        self._keep_s = keep_s
        self._clock = clock
        self._seconds = seconds
        self._answered_s = 0.0
        self._run: _Run | None = None
        self._listeners: list[Callable[[Check], None]] = []

    def follow(self, listener: Callable[[Check], None]) -> None:
        """Call `listener` with every new answer; it must not block or raise."""
        self._listeners.append(listener)

    async def recent(self) -> Check:
        """The last answer while it serves, else a new one. Cancelling is safe."""
        last = self.last
        if last is not None:
            keep_s = self._keep_s if last.level == "ok" else min(self._keep_s, KEEP_S)
            if self._seconds() - self._answered_s < keep_s:
                return last
        return await self.fresh()

    async def fresh(self) -> Check:
        """The answer of the run that is under way, else of a new one.

        Cancelling is safe; the run ends with the last who asks for it.
        """
        run = self._run
        if run is None or run.task.done():
            task = asyncio.create_task(self._answer(), name=f"check {self.name}")
            run = self._run = _Run(task)
        run.asking += 1
        try:
            return await asyncio.shield(run.task)
        finally:
            run.asking -= 1
            if not run.asking and not run.task.done():
                if self._run is run:
                    self._run = None
                run.task.cancel()
                await asyncio.wait([run.task])

    async def _answer(self) -> Check:
        answer = replace(await self._call(), checked_at=self._clock())
        self.last, self._answered_s = answer, self._seconds()
        for listener in tuple(self._listeners):
            listener(answer)
        return answer
