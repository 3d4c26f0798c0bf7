"""Confirm: output.json is in the store, for this attempt, so the job is completed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.changes import ResultFile
from jigdesk.domain.errors import ObjectNotFound, StoreError, TransientError
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.backoff import backoff_s
from jigdesk.services.changes import completed

log = logging.getLogger(__name__)

WAIT_S = 30.0
MAX_OUTPUT_JSON_BYTES = 64 * 1024 * 1024
"""What 64 stages tell of 1,000 files each is about 25 MiB."""


class Confirmations:
    """Waits for the JobOutput webhook, and looks for itself when it does not come.

    The webhook is a hint: what counts is that output.json can be read back and carries the
    current attempt.
    """

    def __init__(self, journal: Journal, store: ObjectStore, wait_s: float = WAIT_S) -> None:
        self._journal = journal
        self._store = store
        self._wait_s = wait_s
        self._hints: dict[str, asyncio.Event] = {}

    def hint(self, job_id: str, new_files: Sequence[str]) -> None:
        """A webhook says that these keys are in the store."""
        if keys.output_json_key(job_id) in new_files and job_id in self._hints:
            self._hints[job_id].set()

    async def confirm(self, job: Job, files: Sequence[ResultFile], *, look_first: bool) -> None:
        """Return once the job is completed, or has ended otherwise.

        `look_first` after a restart: the webhook may have come before. Cancelling is safe.
        """
        hint = self._hints.setdefault(job.job_id, asyncio.Event())
        try:
            if look_first:
                hint.set()
            failures = 0
            while True:
                wait_s = min(self._wait_s, backoff_s(failures)) if failures else self._wait_s
                try:
                    async with asyncio.timeout(wait_s):
                        await hint.wait()
                except TimeoutError:
                    log.info("job %s: no JobOutput in %g s, looking", job.job_id, wait_s)
                hint.clear()
                try:
                    stored = await self._is_stored(job)
                    failures = 0
                except (TransientError, StoreError) as failure:
                    log.warning("job %s cannot be confirmed yet: %s", job.job_id, failure.message)
                    stored = False
                    failures += 1
                if stored:
                    await self._journal.apply(
                        job.job_id, completed(job, files), expect=(JobStatus.CONFIRMING,)
                    )
                    return
                current = await self._journal.job(job.job_id)
                if current is None or current.status is not JobStatus.CONFIRMING:
                    return
        finally:
            self._hints.pop(job.job_id, None)

    def expect(self, job_id: str) -> None:
        """Hints for this job count from now on: call it before output.json can be written."""
        self._hints.setdefault(job_id, asyncio.Event())

    async def _is_stored(self, job: Job) -> bool:
        key = keys.output_json_key(job.job_id)
        try:
            body, _ = await self._store.get(key, MAX_OUTPUT_JSON_BYTES)
            document: Any = json.loads(body)
        except ObjectNotFound:
            return False
        except ValueError:
            log.warning("job %s: output.json is no JSON", job.job_id)
            return False
        return isinstance(document, dict) and document.get("attempt") == job.attempt
