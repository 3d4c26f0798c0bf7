"""Progress of a running job: a thousand engine frames a second become five events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from jigdesk.domain.changes import Change, OutboxDraft
from jigdesk.domain.errors import JournalUnavailable
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Journal
from jigdesk.services.changes import STATUS, progress_event

log = logging.getLogger(__name__)

EVENT_INTERVAL_S = 0.2
STATUS_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Present:
    """What a running job shows now; None means unknown."""

    stage: str
    stage_index: int
    node: str | None = None
    node_title: str | None = None
    progress: float | None = None
    eta_s: float | None = None
    message: str = ""


class ProgressReporter:
    """Writes the newest `Present` of one job into the journal, at most 5 times a second.

    One for all of a job's stages: of those that run at once the one that spoke last is shown.
    `show` is cheap and may be called for every frame. Lives on the core's loop.
    """

    def __init__(
        self,
        journal: Journal,
        job: Job,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        preview: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`preview` gives the key of a preview that is new since it was asked last."""
        self._journal = journal
        self._job = job
        self._preview = preview
        self._monotonic = monotonic
        self._present: Present | None = None
        self._dirty = asyncio.Event()
        self._status_at = monotonic()  # the change to running has just been written

    def show(self, present: Present) -> None:
        """Replace what is shown; progress never falls."""
        before = self._present.progress if self._present is not None else self._job.progress
        if before is not None and (present.progress is None or present.progress < before):
            present = replace(present, progress=before)
        self._present = present
        self._dirty.set()

    @property
    def progress(self) -> float | None:
        """The most that was shown; None while nothing was."""
        return None if self._present is None else self._present.progress

    async def serve(self) -> None:
        """Write until cancelled; a job that does not run (any more) is left as it is.

        What the journal does not take now is written with what comes next.
        """
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if self._present is not None:
                try:
                    await self._write(self._present)
                except JournalUnavailable as failure:
                    log.debug("job %s: no progress is written: %s", self._job.job_id, failure)
                    self._dirty.set()
            await asyncio.sleep(EVENT_INTERVAL_S)

    async def _write(self, present: Present) -> None:
        fields = {
            "stage": present.stage,
            "stage_index": present.stage_index,
            "node": present.node,
            "node_title": present.node_title,
            "progress": present.progress,
            "eta_s": present.eta_s,
        }
        event = progress_event(self._job, status=JobStatus.RUNNING, **fields)
        preview_key = self._preview()
        if preview_key is not None:  # its URL is signed when the event is sent
            event = replace(event, data={**event.data, "preview_key": preview_key})
        change = Change(
            fields={**fields, "message": present.message},
            events=(event,),
            outbox=self._status(),
            durable=False,
        )
        await self._journal.apply(self._job.job_id, change, expect=(JobStatus.RUNNING,))

    def _status(self) -> tuple[OutboxDraft, ...]:
        now = self._monotonic()
        if now - self._status_at < STATUS_INTERVAL_S:
            return ()
        self._status_at = now
        return (STATUS,)
