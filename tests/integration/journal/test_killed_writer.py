"""A desk that is killed in the middle of writing loses nothing that it was told is there."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from jigdesk.adapters.journal.database import SKIP_SEQ
from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import OutboxKind
from jigdesk.domain.clock import utc_now
from jigdesk.domain.events import PROGRESS, EventDraft
from jigdesk.domain.job import JobStatus

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("writing_desk.py")


def write_until_killed(path: Path, lines: int) -> dict[str, int]:
    """The newest seq of each job that the process had told us before it died."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    told: dict[str, int] = {}
    for number, line in enumerate(process.stdout):
        if line.endswith("\n"):
            job_id, seq = line.split()
            told[job_id] = int(seq)
        if number == lines:
            process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    return told


async def test_what_was_committed_is_there_and_seq_never_repeats(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    for lines in (200, 731):
        told = write_until_killed(path, lines)
        assert len(told) == 5
        async with SqliteJournal.open(path, publishing=True) as journal:
            for job_id, seq in told.items():
                job = await journal.job(job_id)
                assert job is not None
                assert job.status is JobStatus.RUNNING
                assert await journal.seen_webhook(f"msg_{job_id}") == job_id
                newest = await journal.last_seq(job_id)
                assert newest >= seq
                assert job.seq == newest + SKIP_SEQ
                events = await journal.events(job_id, limit=5000)
                assert [e.seq for e in events] == sorted({e.seq for e in events})
                known = {event.seq for event in events}
                rows = await journal.outbox([OutboxKind.PUBLISH], now=utc_now(), limit=1000)
                mine = [row.data["seq"] for row in rows if row.job_id == job_id]
                assert mine
                assert set(mine) <= known
                draft = EventDraft(PROGRESS, {"stage": "a"})
                assert (await journal.record_event(job_id, draft)).seq > seq
                await journal.forget(job_id)
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
