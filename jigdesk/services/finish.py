"""Finish: results up into the store, output.json last of all, then wait for the confirmation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from jigdesk.domain import events, keys
from jigdesk.domain.changes import Change, ResultFile, StageRun, StageState
from jigdesk.domain.clock import Clock, to_rfc3339
from jigdesk.domain.errors import ErrorCode, JobError, StoreError
from jigdesk.domain.events import EventDraft
from jigdesk.domain.job import ACTIVE, Job, JobStatus
from jigdesk.domain.output import Timings, output_document
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.backoff import until_it_works
from jigdesk.services.changes import STATE, moved, public_file, put_json
from jigdesk.services.confirm import Confirmations
from jigdesk.services.folder import JobFolder
from jigdesk.services.thumbs import THUMB_TYPE

REFUSALS = 5
"""How often the store may refuse for good before the job fails with upload_failed."""


class Finisher:
    """Stores what ran and completes the job. Every step may be entered again."""

    def __init__(
        self,
        journal: Journal,
        store: ObjectStore,
        confirmations: Confirmations,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._store = store
        self._confirmations = confirmations
        self._clock = clock
        self._shared: dict[str, set[tuple[str, str]]] = {}

    async def share(self, job: Job, files: Sequence[ResultFile], folder: JobFolder) -> None:
        """Upload some of a stage's files before it ends and tell readers; raises as `store`."""
        for file in files:
            await self._upload(file, folder)
        await self._journal.apply(job.job_id, Change(events=_news(files)), expect=ACTIVE)
        mine = self._shared.setdefault(job.job_id, set())
        mine.update((file.key, file.sha256) for file in files)

    def forget(self, job_id: str) -> None:
        """The job's stages do not run any more."""
        self._shared.pop(job_id, None)

    async def store(self, job: Job, run: StageRun, folder: JobFolder) -> StageRun:
        """Upload one stage's files and tell readers; returns the run in state STORED.

        What was shared before, and is the same, neither goes up nor is told again.

        While the store cannot be reached it tries again for ever; raises JobError
        (UPLOAD_FAILED) when the store refuses for good. Cancelling is safe.
        """
        if run.state is StageState.STORED:
            return run
        began = self._clock()
        shared = self._shared.get(job.job_id, set())
        files = [file for file in run.files if (file.key, file.sha256) not in shared]
        for file in files:
            await self._upload(file, folder)
        spent_s = max(0.0, (self._clock() - began).total_seconds())
        stored = replace(run, state=StageState.STORED, upload_s=round(spent_s, 4))
        change = Change(stage_runs=(stored,), events=_news(files), outbox=(STATE,))
        await self._journal.apply(job.job_id, change, expect=ACTIVE)
        return stored

    async def complete(self, job: Job, runs: Sequence[StageRun]) -> None:
        """Write output.json by way of the outbox, and wait until it is confirmed."""
        files = [file for run in runs for file in run.files]
        restarted = job.status is JobStatus.CONFIRMING
        if not restarted:
            document = self._document(job, runs, files)
            self._confirmations.expect(job.job_id)
            change = moved(
                job,
                JobStatus.CONFIRMING,
                outbox=(put_json(keys.output_json_key(job.job_id), document),),
                node=None,
                node_title=None,
                message=f"{len(files)} files up, waiting for the store.",
            )
            moved_job = await self._journal.apply(job.job_id, change, expect=(JobStatus.UPLOADING,))
            if moved_job is None:
                return
            job = moved_job
        await self._confirmations.confirm(job, files, look_first=restarted)

    async def _upload(self, file: ResultFile, folder: JobFolder) -> None:
        """The small picture first: a browser that hears of the result may ask for it."""
        if file.thumb_key is not None:
            thumb = folder.thumb_path(file.stage, PurePosixPath(file.thumb_key).name)
            if await asyncio.to_thread(thumb.is_file):
                await self._put(thumb, file.thumb_key, THUMB_TYPE)
        path = folder.output_path(file.stage, PurePosixPath(file.key).name)
        await self._put(path, file.key, file.content_type)

    async def _put(self, path: Path, key: str, content_type: str) -> None:
        for refusal in range(1, REFUSALS + 1):
            try:
                await until_it_works(lambda: self._store.upload(path, key, content_type))
            except StoreError as error:
                if refusal == REFUSALS:
                    raise JobError(
                        ErrorCode.UPLOAD_FAILED,
                        "The results could not be stored. They are kept on the host.",
                        details={"details": error.message},
                    ) from error
                await asyncio.sleep(refusal)
            else:
                return

    def _document(
        self, job: Job, runs: Sequence[StageRun], files: Sequence[ResultFile]
    ) -> dict[str, object]:
        now = self._clock()
        started = job.started_at or now
        timings = Timings(
            queued_s=max(0.0, (started - job.created_at).total_seconds()),
            load_s=sum(run.load_s for run in runs),
            run_s=sum(run.run_s for run in runs),
            upload_s=sum(run.upload_s for run in runs),
        )
        return output_document(
            job.job_id,
            job.attempt,
            completed_at=to_rfc3339(now),
            duration_s=max(0.0, (now - job.created_at).total_seconds()),
            timings=timings,
            files=files,
        )


def _news(files: Sequence[ResultFile]) -> tuple[EventDraft, ...]:
    """`job:new_files` of files of one stage; nothing for no files."""
    if not files:
        return ()
    data = {"stage": files[0].stage, "new_files": [public_file(file) for file in files]}
    return (EventDraft(events.NEW_FILES, data),)
