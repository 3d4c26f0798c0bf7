"""Yielding: leaves the GPU to the programs that the owner named."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from jigdesk.domain.errors import TransientError
from jigdesk.domain.holds import Hold, Sighting
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
GONE_FOR_S = 15.0
"""A program that ends and is started again, such as a renderer for each frame, is not gone."""


class Yielding:
    """Holds the queue from the first sight of a named program until all were gone a while.

    What runs goes on to its end. `free` (None: nothing is freed) is called once when nothing
    runs any more, so that the other program gets the memory. Lives on the core's loop; `look`
    must not block it.
    """

    def __init__(
        self,
        queue: JobQueue,
        look: Callable[[], Awaitable[Sighting]],
        free: Callable[[], Awaitable[None]] | None,
        *,
        every_s: float = LOOK_EVERY_S,
        gone_for_s: float = GONE_FOR_S,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._look = look
        self._free = free
        self._every_s = every_s
        self._gone_for_s = gone_for_s
        self._seconds = seconds
        self._hold: Hold | None = None
        self._seen_s = 0.0
        self._owes_memory = False

    async def look(self) -> None:
        """Look once, and hold the queue or let it go."""
        sighting = await self._look()
        if sighting.names:
            self._seen_s = self._seconds()
            self._yield(sighting)
        elif self._hold is not None and self._seconds() - self._seen_s >= self._gone_for_s:
            log.info("the GPU is the desk's again")
            self._hold, self._owes_memory = None, False
            self._queue.hold("yield_to", None)

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await self.look()
            await self._free_memory()
            await asyncio.sleep(self._every_s)

    def _yield(self, sighting: Sighting) -> None:
        many = len(sighting.names) > 1
        names = " and ".join(sighting.names)
        if sighting.on_gpu:
            does = "use the GPU" if many else "uses the GPU"
        else:
            does = "run" if many else "runs"
        hold = Hold(
            "yield_to", f"{names} {does}: jobs go on when {'they end' if many else 'it ends'}."
        )
        if hold == self._hold:
            return
        log.info("%s", hold.reason)
        if self._hold is None:
            self._owes_memory = self._free is not None
        self._hold = hold
        self._queue.hold("yield_to", hold)

    async def _free_memory(self) -> None:
        if not self._owes_memory or self._free is None or self._queue.running:
            return
        self._owes_memory = False
        try:
            await self._free()
        except TransientError as failure:  # an engine that is not there holds no memory
            log.debug("no memory was freed: %s", failure.message)
