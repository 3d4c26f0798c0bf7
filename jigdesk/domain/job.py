"""A job: its row, its states and the legal moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jigdesk.domain.clock import to_rfc3339
from jigdesk.domain.errors import ErrorCode


class JobStatus(StrEnum):
    """Where a job is; the words of status.json."""

    ACCEPTED = "accepted"
    PREPARING = "preparing"
    QUEUED = "queued"
    RUNNING = "running"
    UPLOADING = "uploading"
    CONFIRMING = "confirming"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether only a new attempt can change it."""
        return self in FINAL


_S = JobStatus
FINAL = frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED})
ACTIVE = frozenset(JobStatus) - FINAL
_ENDS = frozenset({_S.FAILED, _S.CANCELLED})

MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    _S.ACCEPTED: frozenset({_S.PREPARING}) | _ENDS,
    _S.PREPARING: frozenset({_S.QUEUED, _S.ACCEPTED}) | _ENDS,
    # straight to uploading: a retry finds every stage stored already
    _S.QUEUED: frozenset({_S.RUNNING, _S.UPLOADING, _S.ACCEPTED}) | _ENDS,
    # back to accepted: the desk or the engine died, or a retry after out-of-memory
    _S.RUNNING: frozenset({_S.UPLOADING, _S.ACCEPTED}) | _ENDS,
    _S.UPLOADING: frozenset({_S.CONFIRMING, _S.ACCEPTED}) | _ENDS,
    _S.CONFIRMING: frozenset({_S.COMPLETED, _S.ACCEPTED}) | _ENDS,
    # a retry: a new attempt
    _S.COMPLETED: frozenset({_S.ACCEPTED}),
    _S.FAILED: frozenset({_S.ACCEPTED}),
    _S.CANCELLED: frozenset({_S.ACCEPTED}),
}
"""Every legal move. Staying in a state is no move and is always legal."""


class IllegalMove(RuntimeError):
    """A bug: somebody moved a job where `MOVES` does not allow it."""


def check_move(old: JobStatus, new: JobStatus) -> None:
    """Raise IllegalMove unless `old` may become `new`."""
    if old is not new and new not in MOVES[old]:
        raise IllegalMove(f"a job cannot go from {old} to {new}")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed: `message` is public, `traceback` never leaves the desk.

    `stage`, `node`, `node_title` and `node_type` are None where the failure has none.
    """

    code: ErrorCode
    message: str
    retryable: bool
    stage: str | None = None
    node: str | None = None
    node_title: str | None = None
    node_type: str | None = None
    field: str | None = None
    details: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the journal.

    `owner_id` is None for the host's own jobs; `progress` (0 to 1) and `eta_s` are None when
    unknown; `stage_index` counts from 0; `deaths` is how many times in a row the desk died
    while the job was under way; `position` is kept by the scheduler and not stored.
    """

    job_id: str
    bucket: str
    status: JobStatus
    seq: int
    attempt: int
    created_at: datetime
    updated_at: datetime
    owner_id: str | None = None
    workflow: str | None = None
    stage: str | None = None
    stage_index: int | None = None
    stage_count: int | None = None
    node: str | None = None
    node_title: str | None = None
    progress: float | None = None
    eta_s: float | None = None
    message: str = ""
    priority: int = 0
    queue_order: int = 0
    automatic_attempts: int = 0
    deaths: int = 0
    failure: Failure | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


def status_document(job: Job, host_id: str) -> dict[str, object]:
    """The content of status.json."""
    failure = job.failure
    return {
        "version": 1,
        "job_id": job.job_id,
        "status": job.status.value,
        "seq": job.seq,
        "stage": job.stage,
        "stage_index": job.stage_index,
        "stage_count": job.stage_count,
        "node": job.node,
        "node_title": job.node_title,
        "progress": job.progress,
        "eta_s": job.eta_s,
        "message": job.message,
        "attempt": job.attempt,
        "host_id": host_id,
        "created_at": to_rfc3339(job.created_at),
        "updated_at": to_rfc3339(job.updated_at),
        "error": None
        if failure is None
        else {
            "code": failure.code.value,
            "message": failure.message,
            "retryable": failure.retryable,
        },
    }
