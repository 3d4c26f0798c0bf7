"""The queue and the host in figures, read on the core's loop in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jigdesk.app import Core
from jigdesk.app.waits import queue_waits
from jigdesk.domain.changes import JobQuery
from jigdesk.domain.clock import utc_now
from jigdesk.domain.job import ACTIVE, JobStatus
from jigdesk.domain.waiting import Wait

REQUESTS_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand at one moment.

    `positions` has the place of every job that waits, from 1, and `waits` when it begins, as far
    as that can be told. `next_slot_s` is None when it is
    not known; `paused` and `draining` are the reasons, None when the queue is neither.
    `public_url` is None while there is no tunnel.
    """

    counts: Mapping[JobStatus, int]
    today: int
    positions: Mapping[str, int]
    running: int
    waiting: int
    refusals: Sequence[str]
    paused: str | None
    draining: str | None
    next_slot_s: float | None
    outbox: int
    requests_last_hour: int
    engine: Mapping[str, Any]
    public_url: str | None
    waits: Mapping[str, Wait] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Every job in the journal."""
        return sum(self.counts.values())

    @property
    def active(self) -> int:
        """Jobs that are not final."""
        return sum(self.counts.get(status, 0) for status in ACTIVE)


async def look(core: Core) -> Figures:
    """Read the figures; runs on the core's loop. Raises JournalUnavailable."""
    journal, queue = core.journal, core.work.queue
    now = utc_now()
    today = JobQuery(created_from=start_of_day(now))
    waiting_rows, _ = await journal.outbox_lag()
    active = await journal.active() if queue.running or queue.waiting else ()
    left = [
        job.eta_s for job in active if job.status is JobStatus.RUNNING and job.eta_s is not None
    ]
    requests, _ = core.listeners.requests.page(REQUESTS_LOOKED_AT)
    return Figures(
        counts=await journal.counts(),
        today=await journal.count(today),
        positions=dict(queue.positions()),
        running=queue.running,
        waiting=queue.waiting,
        refusals=tuple(queue.refusals()),
        paused=queue.paused,
        draining=queue.draining,
        next_slot_s=min(left, default=None),
        outbox=waiting_rows,
        requests_last_hour=sum(1 for entry in requests if now - entry.at < timedelta(hours=1)),
        engine=core.engine.state(),
        public_url=core.tunnel.public_url,
        waits=await queue_waits(core, active) if queue.waiting else {},
    )


def start_of_day(now: datetime) -> datetime:
    """Midnight of this machine's own day, in which `now` is."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
