"""Cancelled prompts, until the engine has let go of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jigdesk.ports import Engine
from jigdesk.services.backoff import until_it_works

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_S = 1.0
OVERDUE_S = 15.0
"""An engine stops between steps only: it cannot while it loads a model (ComfyUI #1920)."""


class Stopper:
    """Tells the engine to drop prompts until it was heard, and watches that it lets go of them.

    Lives on the core's loop. A prompt counts until the engine neither runs nor queues it; an
    engine that went away holds nothing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tasks: set[asyncio.Task[None]] = set()
        self._since: dict[str, float] = {}

    def stop(self, prompt_id: str) -> None:
        """Begin to cancel; returns at once."""
        if prompt_id in self._since:
            return
        self._since[prompt_id] = time.monotonic()
        task = asyncio.create_task(self._stop(prompt_id), name=f"cancel {prompt_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def overdue_s(self) -> float | None:
        """Seconds for which the engine has held on to what was cancelled; None when in time."""
        longest_s = max((time.monotonic() - since for since in self._since.values()), default=0.0)
        return longest_s if longest_s >= OVERDUE_S else None

    async def close(self) -> None:
        """Stop telling the engine; the journal knows what was cancelled."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _stop(self, prompt_id: str) -> None:
        try:
            # once it was heard it is not said again: it could hit the next prompt
            await self._until_heard(lambda: self._engine.cancel(prompt_id))
            # the engine tells nobody that a prompt is gone without having run
            while await self._until_heard(lambda: self._engine.holds(prompt_id)):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
        finally:
            del self._since[prompt_id]

    async def _until_heard(self, call: Callable[[], Awaitable[T]]) -> T:
        return await until_it_works(
            call,
            on_failure=lambda failure: log.warning("cancelling on the engine: %s", failure.message),
        )
