"""A process that writes to a journal until it is killed, and says what was committed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change, OutboxDraft, OutboxKind
from jigdesk.domain.events import NEW_FILES, PROGRESS, EventDraft
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus

OUTBOX = (OutboxDraft(OutboxKind.STATUS), OutboxDraft(OutboxKind.PUBLISH))
WAY = (JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING)


async def one_job(journal: SqliteJournal) -> None:
    job_id = new_job_id()
    event = EventDraft(PROGRESS, {"status": "running", "stage": "a"})
    await journal.accept(Arrival(job_id, "b", f"msg_{job_id}"), Change(events=(event,)))
    for to in WAY:
        await journal.apply(job_id, Change(to=to, events=(event,), outbox=OUTBOX))
    while True:
        files = EventDraft(NEW_FILES, {"stage": "a"})
        change = Change(events=(event, files), outbox=OUTBOX, durable=False)
        job = await journal.apply(job_id, change)
        assert job is not None
        sys.stdout.write(f"{job_id} {job.seq}\n")
        sys.stdout.flush()


async def main() -> None:
    async with SqliteJournal.open(Path(sys.argv[1])) as journal, asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(one_job(journal))


if __name__ == "__main__":
    asyncio.run(main())
