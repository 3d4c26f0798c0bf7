"""Fifty jobs that run: each tells 20 times a second how far it is, with a preview each time.

What the engine tells goes through the desk's own reporter, which writes at most 5 events a second
of each job. With `every_event` each is written to the journal and reaches the window: four times
what a desk does. After 20 s a job ends and its next attempt begins, so that rows change their
state all the time.
"""

from __future__ import annotations

import asyncio
import io
import random
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace

from PIL import Image

from jigdesk.app import Core
from jigdesk.domain.changes import Change, JobQuery
from jigdesk.domain.engine import Preview
from jigdesk.domain.job import Job, JobStatus
from jigdesk.services.changes import STATUS, completed, moved, progress_event
from jigdesk.services.report import Present, ProgressReporter
from ui.core_thread import CoreThread

FOLLOWED = 50
EVENTS_A_SECOND = 20
STEPS = 400
PREVIEW_PX = 512
PICTURES = 8


@dataclass(frozen=True, slots=True)
class Told:
    """What the load came to: it is less than was meant where the core could not follow."""

    events: int
    seconds: float

    @property
    def each_a_second(self) -> float:
        """Events of one job in a second."""
        return self.events / FOLLOWED / self.seconds


class Load:
    """Runs on the core's loop from `start` until `stop`; both are called from another thread."""

    def __init__(self, thread: CoreThread, *, every_event: bool = False) -> None:
        self._thread = thread
        self._every_event = every_event
        self._stop = threading.Event()
        self._began = threading.Event()
        self._pictures = tuple(_picture(seed) for seed in range(PICTURES))
        self._told: Future[Told] | None = None
        self.job_ids: tuple[str, ...] = ()

    def start(self, within_s: float = 60.0) -> None:
        """Return once every job runs."""
        self._told = self._thread.submit(self._drive)
        while not self._began.wait(0.1):
            within_s -= 0.1
            if self._told.done() or within_s < 0:
                self._told.result(0)

    def stop(self) -> Told:
        """End it; raises what went wrong in it."""
        self._stop.set()
        assert self._told is not None
        return self._told.result(60)

    async def _drive(self, core: Core) -> Told:
        page = await core.journal.page(replace(JobQuery(), limit=FOLLOWED))
        self.job_ids = tuple(job.job_id for job in page.jobs)
        running = [await _run(core, job) for job in page.jobs]
        self._began.set()
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._follow(core, job, number * STEPS // FOLLOWED))
                for number, job in enumerate(running)
            ]
        seconds = time.perf_counter() - began
        return Told(sum(task.result() for task in tasks), seconds)

    async def _follow(self, core: Core, job: Job, step: int) -> int:
        told = 0
        loop = asyncio.get_running_loop()
        due = loop.time() + random.random() / EVENTS_A_SECOND  # noqa: S311
        while not self._stop.is_set():
            reporter = ProgressReporter(core.journal, job)
            writing = asyncio.create_task(reporter.serve())
            try:
                while step < STEPS and not self._stop.is_set():
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    due = max(due, loop.time() - 1) + 1 / EVENTS_A_SECOND
                    step += 1
                    await self._step(core, job, step, reporter)
                    told += 1
            finally:
                writing.cancel()
                await asyncio.wait([writing])
            job, step = await _again(core, job), 0
        return told

    async def _step(self, core: Core, job: Job, step: int, reporter: ProgressReporter) -> None:
        done, left_s = step / STEPS, (STEPS - step) / EVENTS_A_SECOND
        words = f"step {step}/{STEPS}"
        if self._every_event:
            fields = {"node": "3", "node_title": "KSampler", "progress": done, "eta_s": left_s}
            change = Change(
                fields={**fields, "message": words},
                events=(progress_event(job, status=JobStatus.RUNNING, **fields),),
                outbox=(STATUS,) if step % EVENTS_A_SECOND == 0 else (),
                durable=False,
            )
            await core.journal.apply(job.job_id, change)
        else:
            present = Present(
                stage="refine",
                stage_index=0,
                node="3",
                node_title="KSampler",
                progress=done,
                eta_s=left_s,
                message=words,
            )
            reporter.show(present)
        picture = self._pictures[step % PICTURES]
        core.work.previews.offer(job.job_id, Preview("3", "image/jpeg", picture))


async def _run(core: Core, job: Job) -> Job:
    row = await core.journal.apply(job.job_id, Change(to=JobStatus.ACCEPTED, new_attempt=True))
    for status in (JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING):
        row = await core.journal.apply(job.job_id, moved(row or job, status, stage="refine"))
    return row or job


async def _again(core: Core, job: Job) -> Job:
    """End an attempt as the desk does, and begin the next one."""
    for status in (JobStatus.UPLOADING, JobStatus.CONFIRMING):
        await core.journal.apply(job.job_id, moved(job, status))
    await core.journal.apply(job.job_id, completed(job, ()))
    return await _run(core, job)


def _picture(seed: int) -> bytes:
    """A frame as a sampler sends it: noise that clears up; some 30 KB."""
    dice = random.Random(seed)  # noqa: S311
    small = Image.frombytes("RGB", (128, 128), dice.randbytes(128 * 128 * 3))
    buffer = io.BytesIO()
    size = (PREVIEW_PX, PREVIEW_PX)
    small.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=60)
    return buffer.getvalue()
