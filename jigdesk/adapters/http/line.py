"""A burst of requests stands in line instead of being sent away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jigdesk.domain.errors import RequestError


class Line:
    """Lets `at_once` requests in; the next `waiting` wait for at most `wait_s` seconds.

    Whoever waits has sent its head and next to nothing of its body, so that the line costs
    little memory. Lives on one loop.
    """

    def __init__(self, at_once: int, waiting: int, wait_s: float, *, retry_after_s: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._places = waiting
        self._wait_s = wait_s
        self._retry_after_s = retry_after_s

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a slot; raises RequestError(503) when the line is too long. Cancelling is safe."""
        if self._slots.locked():
            await self._wait()
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    async def _wait(self) -> None:
        if self._places <= 0:
            raise self._busy()
        self._places -= 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._places += 1

    def _busy(self) -> RequestError:
        message = "Too many requests at once; come again in a moment."
        return RequestError(503, "busy", message, retry_after_s=self._retry_after_s)
