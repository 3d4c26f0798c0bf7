"""The hub wakes the streams of a job, and only those; what is open is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.publisher.hub import EventHub
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import EventDraft

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
OTHER = "7d1f0c3e-0000-4000-8000-0000000000e3"


async def test_a_commit_wakes_its_own_job_only(tmp_path: Path) -> None:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        hub = EventHub(journal)
        with hub.stream(JOB) as mine, hub.stream(JOB) as mine_too, hub.stream(OTHER) as theirs:
            await journal.record_event(JOB, EventDraft("job:inputs", {}))
            assert mine.is_set()
            assert mine_too.is_set()
            assert not theirs.is_set()
        assert hub.open_streams == 0
        hub.close()


async def test_bounds_hold_for_all_and_for_one_job(tmp_path: Path) -> None:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        hub = EventHub(journal, max_streams=2, max_per_job=1)
        with hub.stream(JOB):
            with pytest.raises(RequestError) as refused, hub.stream(JOB):
                pass
            assert (refused.value.status, refused.value.retry_after_s) == (503, 5)
            with hub.stream(OTHER), pytest.raises(RequestError), hub.stream("third"):
                pass
        with hub.stream(JOB):
            assert hub.open_streams == 1
        hub.close()


async def test_closing_wakes_everybody_and_lets_nobody_in(tmp_path: Path) -> None:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        hub = EventHub(journal)
        with hub.stream(JOB) as wake:
            hub.close()
            assert wake.is_set()
            assert hub.closed
        with pytest.raises(RequestError), hub.stream(JOB):
            pass
        hub.close()
        with pytest.raises(RequestError), hub.stream(JOB):
            pass
