"""Follow a run of the ComfyUI client in a test."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.domain.engine import EngineEvent, Prompt, PromptSucceeded
from tests.fakes import comfyui_recordings as recordings
from tests.harness.waiting import PATIENCE_S


def prompt_of(name: str, prompt_id: str | None = None) -> Prompt:
    """A recorded graph under a new prompt id."""
    return Prompt(prompt_id or str(uuid.uuid4()), recordings.load(name).graph)


async def collect(engine: ComfyEngine, prompt: Prompt) -> list[EngineEvent]:
    """Every event of a run that ends well."""
    async with asyncio.timeout(PATIENCE_S):
        return [event async for event in engine.run(prompt)]


def outputs(events: list[EngineEvent]) -> dict[str, list[str]]:
    """Node → `subfolder/filename` of what the last event says."""
    last = events[-1]
    assert isinstance(last, PromptSucceeded)
    return {
        node: [f"{file.subfolder}/{file.filename}" for _, file in output.files]
        for node, output in last.outputs.items()
    }


async def until(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something that no event tells."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(0.005)


def names_in(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


class Following:
    """A run in a task of its own; `events` grows as it goes."""

    def __init__(self, engine: ComfyEngine, prompt: Prompt) -> None:
        self.prompt = prompt
        self.events: list[EngineEvent] = []
        self._engine = engine
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        # a test that cares about the run's own error awaits `end`
        with suppress(asyncio.CancelledError, Exception):
            await self._task

    async def _follow(self) -> None:
        async for event in self._engine.run(self.prompt):
            async with self._news:
                self.events.append(event)
                self._news.notify_all()

    async def seen(self, kind: type[EngineEvent]) -> None:
        """Wait for an event of a kind; the run's error is raised when it ends before."""
        async with asyncio.timeout(PATIENCE_S):
            watch = asyncio.create_task(self._wait_for(kind))
            try:
                await asyncio.wait({watch, self._task}, return_when=asyncio.FIRST_COMPLETED)
                if not watch.done():
                    self._task.result()
                    await watch
            finally:
                watch.cancel()

    async def _wait_for(self, kind: type[EngineEvent]) -> None:
        async with self._news:
            await self._news.wait_for(lambda: any(isinstance(e, kind) for e in self.events))

    async def end(self) -> list[EngineEvent]:
        """Wait for the end; raises what the run raised."""
        async with asyncio.timeout(PATIENCE_S):
            await self._task
        return self.events
