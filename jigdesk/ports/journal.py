"""The journal: the truth of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from jigdesk.domain.changes import (
    Acceptance,
    Arrival,
    Attempt,
    Change,
    JobPage,
    JobQuery,
    Kin,
    OutboxKind,
    OutboxRow,
    StageRun,
)
from jigdesk.domain.events import Event, EventDraft
from jigdesk.domain.job import Job, JobStatus


class Journal(Protocol):
    """The truth of this machine. Reads see every change that was awaited before.

    Every method raises JournalUnavailable when the disk is full, fails or is locked. A write
    is one transaction: cancelling its caller leaves it whole or undone, mostly whole.
    """

    async def accept(self, arrival: Arrival, change: Change) -> Acceptance:
        """Create a job (status accepted, attempt 1), fsynced; duplicate when it is known."""

    async def seen_webhook(self, webhook_id: str) -> str | None:
        """The job id of a webhook that was answered with 202; None when unknown."""

    async def remember_webhook(self, webhook_id: str, job_id: str) -> None:
        """Remember a JobOutput or JobCommand, fsynced."""

    async def apply(
        self, job_id: str, change: Change, *, expect: Iterable[JobStatus] | None = None
    ) -> Job | None:
        """Apply a change in one transaction and return the new row.

        None, with nothing changed, when the job's status is not in `expect` (somebody was
        first: a cancel, an end). Raises KeyError for an unknown job, IllegalMove for a bug.
        """

    async def record_event(self, job_id: str, event: EventDraft) -> Event:
        """Append an event of a job that need not exist yet (`job:inputs`)."""

    async def job(self, job_id: str) -> Job | None:
        """The row; None when unknown."""

    async def plan(self, job_id: str) -> Mapping[str, Any] | None:
        """The plan as it was stored by a Change; None before it is made."""

    async def stage_runs(self, job_id: str) -> Sequence[StageRun]:
        """The newest run of each stage, in the order in which they began."""

    async def attempts(self, job_id: str) -> Sequence[Attempt]:
        """Every attempt, oldest first."""

    async def family(self, job_id: str, limit: int = 64) -> Sequence[Kin]:
        """The tree of branches that a job is in, parents before their branches; else empty.

        One of more than `limit` jobs is cut to the job's own line, up and down.
        """

    async def events(self, job_id: str, after_seq: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Events in order of seq; superseded progress is left out."""

    async def last_seq(self, job_id: str) -> int:
        """The newest seq of a job's events, 0 when it has none."""

    async def active(self) -> Sequence[Job]:
        """Every job that is not final, in the order of the queue."""

    async def page(self, query: JobQuery) -> JobPage:
        """A page of jobs; raises RequestError(400) for a bad cursor or an unknown `sort`.

        `offset` counts from the cursor's place; `limit` is held between 1 and 1000.
        """

    async def count(self, query: JobQuery) -> int:
        """How many jobs `query` finds on all of its pages."""

    async def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs are in each status."""

    async def active_counts(self) -> Mapping[tuple[JobStatus, str], int]:
        """How many jobs that are not final are in each status, by workflow (empty: not known).

        Costs no more with many jobs that ended.
        """

    async def forget(self, job_id: str) -> None:
        """Remove a job that another desk claimed."""

    async def prune(self, finished_before: datetime, keep: int) -> int:
        """Delete final jobs that ended before `finished_before`, and the oldest beyond `keep`.

        A job with something left in the outbox stays. Works in small transactions; cancelled,
        it stops between two of them. Returns how many jobs went.
        """

    async def outbox(
        self, kinds: Sequence[OutboxKind], *, now: datetime, limit: int
    ) -> Sequence[OutboxRow]:
        """Rows that are due, oldest first, at most one lane ahead per job (its oldest row)."""

    async def outbox_of(
        self, job_id: str, kinds: Sequence[OutboxKind], limit: int
    ) -> Sequence[OutboxRow]:
        """One job's rows of these kinds in order, whether they are due or not."""

    async def outbox_done(self, row_ids: Sequence[int]) -> None:
        """These went out."""

    async def outbox_retry(self, row_id: int, due: datetime) -> None:
        """This failed; try again at `due`."""

    async def outbox_lag(
        self, kinds: Sequence[OutboxKind] = (), job_id: str | None = None
    ) -> tuple[int, float]:
        """How many rows wait, and the age of the oldest in seconds (0 when none).

        Of these kinds; of every kind when `kinds` is empty. Of one job when `job_id` is given.
        """

    async def node_seconds(self, workflow: str) -> Mapping[str, float]:
        """Learned seconds per node id of a workflow (exponentially weighted)."""

    async def learn_node_seconds(self, workflow: str, seconds: Mapping[str, float]) -> None:
        """Fold one run's times in."""

    async def queue_flag(self, name: str) -> str | None:
        """A durable flag of the queue (`paused`, `draining`) with its reason; None when unset."""

    async def set_queue_flag(self, name: str, reason: str | None) -> None:
        """Set or clear (None) a flag."""

    async def write_test(self) -> None:
        """Write something, fsynced, that changes nothing."""

    def subscribe(
        self, listener: Callable[[Sequence[Event], Sequence[Job]], None]
    ) -> Callable[[], None]:
        """Call `listener` on the loop after each commit; returns the way to unsubscribe.

        The listener must not block or raise.
        """
