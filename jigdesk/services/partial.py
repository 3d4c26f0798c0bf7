"""Partial results: outputs that are declared so reach the browser as soon as their node ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from jigdesk.domain.changes import ResultFile
from jigdesk.domain.engine import EngineFile, NodeOutput
from jigdesk.domain.errors import JobError, StoreError, TransientError
from jigdesk.domain.template import OutputSpec, Template
from jigdesk.services.collect import Collector, Early
from jigdesk.services.folder import JobFolder

log = logging.getLogger(__name__)

MAX_WAITING = 256
SETTLE_S = 5.0

Share = Callable[[Sequence[ResultFile]], Awaitable[None]]
"""Stores files of a stage that still runs and tells readers."""


class PartialResults:
    """Fetches and shares one stage's partial outputs beside the engine's events.

    Trouble is no failure: what could not be shared is collected when the stage ends. Lives on
    the core's loop.
    """

    def __init__(
        self,
        job_id: str,
        stage: str,
        template: Template,
        folder: JobFolder,
        collector: Collector,
        share: Share,
    ) -> None:
        self._job_id = job_id
        self._stage = stage
        self._folder = folder
        self._collector = collector
        self._share = share
        self._specs = {
            spec.node: (name, spec) for name, spec in template.outputs.items() if spec.partial
        }
        self._early: dict[str, dict[EngineFile, ResultFile]] = {}
        self._counts: dict[str, int] = {}
        self._waiting: asyncio.Queue[NodeOutput] = asyncio.Queue(MAX_WAITING)
        self._task: asyncio.Task[None] | None = None

    def offer(self, output: NodeOutput) -> None:
        """A node reported results; one that is not declared partial is left to the end."""
        if output.node not in self._specs or self._waiting.full():
            return
        self._waiting.put_nowait(output)
        if self._task is None:
            self._task = asyncio.create_task(self._serve(), name=f"partial {self._job_id}")

    async def settle(self) -> Early:
        """Wait until everything offered is shared; returns what need not be fetched again.

        Not for long: a store that is away must not hold the engine's slot.
        """
        if self._task is not None:
            try:
                async with asyncio.timeout(SETTLE_S):
                    await self._waiting.join()
            except TimeoutError:
                log.info("job %s: partial results wait for the store", self._job_id)
        return self._early

    async def close(self) -> None:
        """Stop; what was shared stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _serve(self) -> None:
        while True:
            output = await self._waiting.get()
            try:
                await self._take(output, *self._specs[output.node])
            except (JobError, StoreError, TransientError) as trouble:
                log.warning("job %s: a partial result waits: %s", self._job_id, trouble.message)
            finally:
                self._waiting.task_done()

    async def _take(self, output: NodeOutput, name: str, spec: OutputSpec) -> None:
        first = self._counts.get(name, 0)
        pairs = await self._collector.collect_files(
            self._job_id, self._stage, name, spec, output, self._folder, first=first
        )
        self._counts[name] = first + len(pairs)
        self._early.setdefault(name, {}).update(
            {file: result for file, result in pairs if file is not None}
        )
        await self._share([result for _, result in pairs])
