"""From results in the store to the desk that waits to confirm them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jigdesk.domain.errors import SetupError
from jigdesk.domain.webhooks import MAX_BODY_BYTES, MAX_KEYS, JobOutput
from lambdas.common.delivery import Desks
from lambdas.common.documents import encode
from lambdas.common.ports import DocumentStore
from lambdas.common.records import Arrived, arrivals, process

_log = logging.getLogger(__name__)


class NotifyWebhook:
    """What happens to one S3 event under `outputs/`."""

    def __init__(self, store: DocumentStore, desks: Desks) -> None:
        self._store = store
        self._desks = desks

    def handle(self, event: Mapping[str, Any]) -> int:
        """Process every record; returns how many jobs had one.

        Raises RecordsFailed afterwards when any failed; running the event again is harmless.
        """
        jobs, unreadable = arrivals(event, self._store.bucket, "outputs")
        return process(jobs, self._one_job, unreadable)

    def _one_job(self, job_id: str, arrived: Sequence[Arrived]) -> None:
        urls = self._desks.for_job(job_id)
        if not urls:
            raise SetupError(
                "No desk is registered and JIGDESK_WEBHOOK_URL is not set, so nobody can be told."
            )
        for batch in _batches(arrived):
            webhook = JobOutput(
                job_id,
                self._store.bucket,
                tuple(dict.fromkeys(one.key for one in batch)),
                batch[-1].event_time,
            )
            self._desks.deliver(urls, "job-output", _webhook_id(job_id, batch), webhook.to_dict())


def _webhook_id(job_id: str, batch: Sequence[Arrived]) -> str:
    """The same for S3's retries of an event, another when a file is written again."""
    digest = hashlib.sha256()
    for one in sorted(batch, key=lambda item: (item.key, item.version)):
        digest.update(f"{one.key}\n{one.version}\n".encode())
    return f"output-{job_id}-{digest.hexdigest()[:32]}"


def _batches(arrived: Sequence[Arrived]) -> Iterator[list[Arrived]]:
    """Split so that each webhook stays within what a desk takes."""
    batch: list[Arrived] = []
    room = limit = MAX_BODY_BYTES - 1024
    for one in arrived:
        size_bytes = len(encode({"": one.key}))
        if batch and (size_bytes > room or len(batch) >= MAX_KEYS):
            yield batch
            batch, room = [], limit
        batch.append(one)
        room -= size_bytes
    if batch:
        yield batch
