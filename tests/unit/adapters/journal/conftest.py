from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Acceptance, Arrival, Change


class SteppingClock:
    """Goes on by a second each time somebody looks."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Desk:
    """A journal and short ways to fill it."""

    def __init__(self, journal: SqliteJournal, path: Path, clock: SteppingClock) -> None:
        self.journal = journal
        self.path = path
        self.clock = clock

    async def arrive(
        self, change: Change | None = None, *, job_id: str = "", owner_id: str | None = None
    ) -> Acceptance:
        arrival = Arrival(job_id or str(uuid.uuid4()), "bucket", None, owner_id)
        return await self.journal.accept(arrival, change or Change())

    async def new_job(self) -> str:
        return (await self.arrive()).job.job_id


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def desk(tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Desk]:
    path = tmp_path / "journal.db"
    async with SqliteJournal.open(path, clock) as journal:
        yield Desk(journal, path, clock)
