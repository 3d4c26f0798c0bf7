"""Intake: what a well-signed webhook does, on disk before it is answered."""

from __future__ import annotations

from collections.abc import Sequence

from jigdesk.domain import events
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import EventDraft
from jigdesk.domain.job import JobStatus
from jigdesk.domain.webhooks import JobCommand, JobCreated, JobOutput
from jigdesk.ports import Journal, Receipt
from jigdesk.services.changes import STATUS
from jigdesk.services.commands import Commands
from jigdesk.services.confirm import Confirmations
from jigdesk.services.queue import JobQueue

BUSY_RETRY_S = 30


class JobIntake:
    """Implements `ports.Intake`."""

    def __init__(
        self,
        journal: Journal,
        queue: JobQueue,
        confirmations: Confirmations,
        commands: Commands,
        bucket: str,
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._confirmations = confirmations
        self._commands = commands
        self._bucket = bucket

    def refusals(self) -> Sequence[str]:
        """Why no job is accepted now; empty when jobs are accepted."""
        return self._queue.refusals()

    async def job_created(self, webhook_id: str, webhook: JobCreated) -> Receipt:
        """Take a job in, once; see `ports.Intake`."""
        self._check_bucket(webhook.bucket)
        if await self._journal.job(webhook.job_id) is None:
            self._check_open()
        return await self.accept(Arrival(webhook.job_id, webhook.bucket, webhook_id))

    async def accept(self, arrival: Arrival) -> Receipt:
        """Journal an arrival and put it into the queue; the sweep comes in here too."""
        position = self._queue.waiting + 1
        data = {"status": JobStatus.ACCEPTED.value, "position": position}
        change = Change(events=(EventDraft(events.ACCEPTED, data),), outbox=(STATUS,))
        acceptance = await self._journal.accept(arrival, change)
        if not acceptance.duplicate:
            self._queue.add(acceptance.job)
        # a webhook-id that came before says again what it said of its own job
        return Receipt(acceptance.job.job_id, acceptance.job.status, acceptance.duplicate)

    async def job_output(self, webhook_id: str, webhook: JobOutput) -> Receipt:
        """Results appeared in the store: a hint to confirm now."""
        self._check_bucket(webhook.bucket)
        duplicate = await self._known(webhook_id, webhook.job_id)
        if not duplicate:
            await self._journal.remember_webhook(webhook_id, webhook.job_id)
            self._confirmations.hint(webhook.job_id, webhook.new_files)
        return await self._receipt(webhook.job_id, duplicate)

    async def job_command(self, webhook_id: str, webhook: JobCommand) -> Receipt:
        """Cancel or retry; a command that comes too late changes nothing."""
        duplicate = await self._known(webhook_id, webhook.job_id)
        if not duplicate:
            if webhook.command == "retry":
                job = await self._journal.job(webhook.job_id)
                if job is not None and job.status.is_final:  # it would come in as a new one does
                    self._check_open()
            try:
                if webhook.command == "cancel":
                    await self._commands.cancel(webhook.job_id, "the owner")
                else:
                    await self._commands.retry(webhook.job_id)
            except RequestError as refusal:
                if refusal.status != 409:  # noqa: PLR2004 - too late: answered with the status
                    raise
            await self._journal.remember_webhook(webhook_id, webhook.job_id)
        return await self._receipt(webhook.job_id, duplicate)

    def _check_open(self) -> None:
        if reasons := self.refusals():
            raise RequestError(503, "unavailable", " ".join(reasons), retry_after_s=BUSY_RETRY_S)

    def _check_bucket(self, bucket: str) -> None:
        if bucket != self._bucket:
            raise RequestError(
                422,
                "invalid_webhook",
                f"This desk works on bucket {self._bucket!r}, not {bucket!r:.80}.",
                field="bucket",
            )

    async def _known(self, webhook_id: str, job_id: str) -> bool:
        if await self._journal.job(job_id) is None:
            raise RequestError(404, "not_found", f"This desk knows no job {job_id}.")
        return await self._journal.seen_webhook(webhook_id) is not None

    async def _receipt(self, job_id: str, duplicate: bool) -> Receipt:
        job = await self._journal.job(job_id)
        if job is None:
            raise RequestError(404, "not_found", f"This desk knows no job {job_id}.")
        return Receipt(job_id, job.status, duplicate)
