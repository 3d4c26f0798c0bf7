"""What a row says about its job, in the owner's words; knows no Qt."""

from __future__ import annotations

from datetime import datetime

from jigdesk.domain.job import ACTIVE, Job, JobStatus
from jigdesk.domain.waiting import Wait
from ui.queue.results import Results
from ui.words import about, age, counted, duration, size

STATE_WORDS = {
    JobStatus.ACCEPTED: "Accepted",
    JobStatus.PREPARING: "Preparing",
    JobStatus.QUEUED: "Queued",
    JobStatus.RUNNING: "Running",
    JobStatus.UPLOADING: "Uploading",
    JobStatus.CONFIRMING: "Confirming",
    JobStatus.COMPLETED: "Completed",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELLED: "Cancelled",
}

STATE_COLOURS = {
    JobStatus.ACCEPTED: "faint",
    JobStatus.PREPARING: "warning",
    JobStatus.QUEUED: "faint",
    JobStatus.RUNNING: "accent",
    JobStatus.UPLOADING: "accent",
    JobStatus.CONFIRMING: "accent",
    JobStatus.COMPLETED: "ok",
    JobStatus.FAILED: "error",
    JobStatus.CANCELLED: "faint",
}

WAITING = frozenset({JobStatus.ACCEPTED, JobStatus.PREPARING, JobStatus.QUEUED})
WITH_BAR = frozenset({JobStatus.RUNNING, JobStatus.UPLOADING, JobStatus.CONFIRMING})


def progress_words(  # noqa: PLR0911 - one a state
    job: Job, results: Results | None = None, wait: Wait | None = None, *, is_held: bool = False
) -> str:
    """What runs now, or how it ended; `results` and `wait` None where they are not known.

    `is_held`: the queue lets no job begin.
    """
    match job.status:
        case JobStatus.QUEUED if is_held:
            return "the queue is held"
        case JobStatus.QUEUED if wait is not None:
            return f"starts in {about(wait.starts_s)}"
        case JobStatus.COMPLETED:
            if results is None or results.files == 0:
                return "done"
            return f"{counted(results.files, 'file')} · {size(results.size_bytes)}"
        case JobStatus.RUNNING:
            parts = [job.node_title or "", job.message.rstrip(".")]
            return " · ".join(part for part in parts if part) or "running"
        case JobStatus.ACCEPTED:
            return job.message.rstrip(".") or "waiting to be prepared"
        case _:
            return job.message.rstrip(".") or STATE_WORDS[job.status].lower()


def stage_words(job: Job) -> str:
    """`stage 2 of 3`; empty for a job of one stage and before the plan is made."""
    if job.stage_index is None or job.stage_count is None or job.stage_count < 2:  # noqa: PLR2004
        return ""
    return f"stage {job.stage_index + 1} of {job.stage_count}"


def elapsed(job: Job, now: datetime) -> str:
    """How long it runs, or waits while it has not run, or how long it took."""
    begin = job.started_at or job.created_at
    end = job.finished_at if job.status.is_final and job.finished_at is not None else now
    return duration((end - begin).total_seconds())


def eta(job: Job, now: datetime, wait: Wait | None = None) -> str:
    """The time that is left, counted down since it was told; empty when unknown.

    Of a job that waits: until it has run, by what its workflows usually take.
    """
    if wait is not None and job.status in WAITING:
        return "" if wait.ends_s is None else duration(wait.ends_s)
    if job.status not in ACTIVE or job.eta_s is None:
        return ""
    return duration(max(0.0, job.eta_s - (now - job.updated_at).total_seconds()))


def last_event(job: Job, now: datetime) -> str:
    """The age of its last event."""
    return age((now - job.updated_at).total_seconds())


def owner_words(owner_id: str | None) -> str:
    """Who owns it; the host's own jobs have no owner."""
    return owner_id or "this host"
