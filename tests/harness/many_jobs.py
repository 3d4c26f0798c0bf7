"""A journal with very many jobs, written straight into its tables."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.journal.rows import JOB_COLUMNS, job_column, search_text
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import Failure, Job, JobStatus

WORKFLOWS = ("blur", "upscale", "refine → upscale", "enhance", "portrait → upscale", "animate")
SEED = 7
SECONDS_APART = 31


def jobs(count: int, now: datetime | None = None, *, final_only: bool = False) -> Iterator[Job]:
    """`count` jobs of every kind, the oldest first, one each 31 seconds; always the same ones."""
    dice = random.Random(SEED)  # noqa: S311 - test data
    now = now or datetime(2026, 3, 1, 12, tzinfo=UTC)
    begin = now - timedelta(seconds=SECONDS_APART * count)
    for number in range(count):
        created = begin + timedelta(seconds=SECONDS_APART * number)
        late = number >= count - 40 and not final_only
        status = dice.choices(
            [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED], [90, 7, 3]
        )[0]
        if late:
            status = dice.choice([JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PREPARING])
        started = created + timedelta(seconds=dice.randrange(1, 20))
        ended = started + timedelta(seconds=dice.randrange(2, 300))
        failure = None
        message = ""
        if status is JobStatus.FAILED:
            message = "Missing model: sd_xl_base.safetensors. Put it in models/checkpoints."
            failure = Failure(ErrorCode.MISSING_MODEL, message, retryable=True)
        elif status is JobStatus.CANCELLED:
            message = "Cancelled by its owner."
            failure = Failure(ErrorCode.CANCELLED, message, retryable=True)
        elif status is JobStatus.RUNNING:
            message = f"step {dice.randrange(1, 30)}/30"
        yield Job(
            job_id=f"{dice.getrandbits(128):032x}"[:8]
            + f"-{number >> 16 & 0xFFFF:04x}-4{number & 0xFFF:03x}-8{number % 4096:03x}"
            + f"-{dice.getrandbits(48):012x}",
            bucket="jig-react",
            status=status,
            seq=number + 1,
            attempt=dice.choices([1, 2, 3], [95, 4, 1])[0],
            created_at=created,
            updated_at=ended if status.is_final else now,
            owner_id=None if number % 50 == 0 else f"client:visitor-{dice.randrange(400):04}",
            workflow=None if status is JobStatus.PREPARING else dice.choice(WORKFLOWS),
            stage_index=0,
            stage_count=dice.choice([1, 2]),
            node_title="KSampler" if status is JobStatus.RUNNING else None,
            progress=1.0 if status is JobStatus.COMPLETED else (0.3 if late else None),
            eta_s=float(dice.randrange(5, 200)) if status is JobStatus.RUNNING else None,
            message=message,
            queue_order=number,
            failure=failure,
            started_at=None if status in (JobStatus.QUEUED, JobStatus.PREPARING) else started,
            finished_at=ended if status.is_final else None,
        )


def fill(path: Path, count: int, *, final_only: bool = False, now: datetime | None = None) -> None:
    """Make a journal at `path` with `count` jobs. Blocks; with no loop running."""

    async def make() -> None:
        async with SqliteJournal.open(path):
            pass

    asyncio.run(make())
    marks = ", ".join("?" * len(JOB_COLUMNS))
    db = sqlite3.connect(path)
    try:
        with db:
            for number, job in enumerate(jobs(count, now, final_only=final_only), 1):
                values = [job_column(name, getattr(job, name)) for name in JOB_COLUMNS]
                db.execute(
                    f"INSERT INTO jobs (id, {', '.join(JOB_COLUMNS)}) VALUES (?, {marks})",  # noqa: S608
                    (number, *values),
                )
                db.execute("INSERT INTO job_search VALUES (?, ?)", (number, search_text(job)))
    finally:
        db.close()
