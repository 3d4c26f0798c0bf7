"""The machine's resources as the core holds them: sampled here, GPUs asked of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from jigdesk.adapters.resources.gpu import gpus_of_engine
from jigdesk.adapters.resources.sampler import ResourceSampler
from jigdesk.app.engine import EngineHost
from jigdesk.domain.errors import EngineUnavailable
from jigdesk.domain.resources import most_used
from jigdesk.services.queue import JobQueue

ASK_ENGINE_EVERY_S = 5.0
BEFORE_ITS_END_S = 10.0


@asynccontextmanager
async def open_resources(
    folder: Path, queue: JobQueue, engine: EngineHost
) -> AsyncIterator[ResourceSampler]:
    """Sample while in the context; where no driver tells about GPUs, the engine is asked."""
    sampler = ResourceSampler(folder, queue.holding)
    engine.read_memory = lambda: most_used(sampler.history(BEFORE_ITS_END_S))
    async with sampler.running():
        asking = None
        if not sampler.reads_gpus:
            asking = asyncio.create_task(_ask_engine(sampler, engine), name="engine's GPUs")
        try:
            yield sampler
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.wait([asking])


async def _ask_engine(sampler: ResourceSampler, engine: EngineHost) -> None:
    while True:
        if engine.client.connected:
            try:
                sampler.tell_gpus(gpus_of_engine(await engine.client.system_stats()))
            except EngineUnavailable:
                sampler.tell_gpus(())
        else:
            sampler.tell_gpus(())
        await asyncio.sleep(ASK_ENGINE_EVERY_S)
