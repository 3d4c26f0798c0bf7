"""What a job that ends before its time leaves in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.job import JobStatus
from jigdesk.services.changes import moved, put_json
from jigdesk.services.ends import cancelled_by
from tests.fakes.lambda_parts import JOB
from tests.fakes.store_desk import store_desk


@pytest.mark.parametrize("is_seen_in", [JobStatus.UPLOADING, JobStatus.CONFIRMING])
async def test_a_job_cancelled_while_it_is_confirmed_has_no_output_json(
    tmp_path: Path, is_seen_in: JobStatus
) -> None:
    async with store_desk(tmp_path) as desk:
        job = (await desk.journal.accept(Arrival(JOB, "jig-react", None), Change())).job
        seen = job
        output_json = put_json(keys.output_json_key(JOB), {"version": 1, "attempt": 1})
        for status in ("preparing", "queued", "running", "uploading", "confirming"):
            owed = (output_json,) if status == "confirming" else ()
            row = await desk.journal.apply(JOB, moved(job, JobStatus(status), outbox=owed))
            assert row is not None
            job = row
            seen = job if job.status is is_seen_in else seen
        await desk.ends.end(seen, cancelled_by("the owner"))
        await desk.flushed()
        assert desk.document(keys.error_json_key(JOB))["code"] == "cancelled"
        assert await desk.store.head(keys.output_json_key(JOB)) is None
