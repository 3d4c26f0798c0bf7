from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change, StageRun, StageState
from jigdesk.domain.job import Job, JobStatus
from jigdesk.services.changes import moved, next_attempt
from jigdesk.services.commands import Commands
from jigdesk.services.ends import Ends

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class LateJournal:
    """A journal in which a new attempt begins right after the job was looked up."""

    def __init__(self, journal: SqliteJournal, before: Job) -> None:
        self._journal = journal
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def job(self, _job_id: str) -> Job:
        return self._before


class Dropping:
    """The queue and the engine, as far as a cancelled job is taken off them."""

    def __init__(self) -> None:
        self.stopped: list[str] = []

    async def drop(self, _job_id: str) -> None:
        pass

    def stop(self, prompt_id: str) -> None:
        self.stopped.append(prompt_id)


async def test_a_cancel_stops_the_attempt_that_began_meanwhile(tmp_path: Path) -> None:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        arrival = Arrival(str(uuid.uuid4()), "bucket", None, None)
        job = (await journal.accept(arrival, Change())).job
        for status in (JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING):
            run = StageRun("fine", 1, "first", StageState.POSTING, NOW)
            job = await journal.apply(job.job_id, moved(job, status, stage_runs=(run,))) or job
        again = next_attempt(job, "The engine died.", position=None, automatic=True)
        second = await journal.apply(job.job_id, again)
        assert second is not None
        run = StageRun("fine", second.attempt, "second", StageState.POSTING, NOW)
        await journal.apply(job.job_id, Change(stage_runs=(run,)))
        rest = Dropping()
        late = LateJournal(journal, job)
        commands = Commands(late, rest, rest, Ends(journal))  # type: ignore[arg-type]
        ended = await commands.cancel(job.job_id)
        assert ended.attempt == 2
        assert rest.stopped == ["second"]
