"""What each column says of a job, and what its tooltip adds; knows no Qt."""

from __future__ import annotations

from datetime import datetime

from jigdesk.domain.job import Job
from jigdesk.domain.waiting import Wait
from ui.queue import wording
from ui.queue.columns import Column
from ui.queue.results import Results
from ui.words import about, day_or_time, local_time, short_id


def cell_words(  # noqa: PLR0911 - one a column
    job: Job,
    column: Column,
    now: datetime,
    position: int | None = None,
    results: Results | None = None,
    wait: Wait | None = None,
    *,
    is_held: bool = False,
) -> str:
    """The words of a cell; `position` None when it does not wait, the others while unknown."""
    match column:
        case Column.STATE:
            return wording.STATE_WORDS[job.status]
        case Column.POSITION:
            return "" if position is None else str(position)
        case Column.JOB:
            return short_id(job.job_id)
        case Column.OWNER:
            return wording.owner_words(job.owner_id)
        case Column.WORKFLOW:
            return job.workflow or ""
        case Column.PROGRESS:
            return wording.progress_words(job, results, wait, is_held=is_held)
        case Column.ETA:
            return wording.eta(job, now, wait)
        case Column.TIME:
            return wording.elapsed(job, now)
        case Column.ATTEMPTS:
            return str(job.attempt)
        case Column.LAST:
            return wording.last_event(job, now)
        case Column.CREATED:
            return day_or_time(job.created_at, now)


def cell_explained(  # noqa: PLR0911 - one a column
    job: Job, column: Column, now: datetime, wait: Wait | None = None
) -> str | None:
    """What the tooltip says; None where there is nothing to add."""
    match column:
        case Column.JOB:
            return job.job_id
        case Column.LAST:
            return f"Last event {local_time(job.updated_at)}"
        case Column.CREATED:
            return local_time(job.created_at)
        case Column.TIME if job.started_at is not None:
            return f"Started {local_time(job.started_at)}"
        case Column.WORKFLOW:
            parts = (job.workflow, job.stage, wording.stage_words(job))
            return " · ".join(part for part in parts if part)
        case Column.ETA if wait is not None:
            ends = "" if wait.ends_s is None else f" and has run in {about(wait.ends_s)}"
            return f"Starts in {about(wait.starts_s)}{ends}, by what jobs usually take here"
        case Column.PROGRESS:
            return job.message or cell_words(job, column, now)
        case Column.OWNER:
            return cell_words(job, column, now)
        case _:
            return None
