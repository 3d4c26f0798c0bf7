"""From uploads to a job: announce each file, and tell the desk once everything is there.

The order in which files arrive is nobody's promise, and two events may run at once. Each event
therefore looks at the whole job after its own object is stored: whoever sees the last piece
sends the webhook, and when two see it both do. The `webhook-id` is the same for every try of a
job (`created-{job_id}`), so the desk answers the second with `duplicate`. A file or manifest
uploaded again gets the same id and the same answer: a known job starts anew by a retry alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JobError, ObjectNotFound, TransientError
from jigdesk.domain.events import INPUTS, channel, fit
from jigdesk.domain.manifest import MAX_REQUEST_BYTES, parse_request
from jigdesk.domain.webhooks import MAX_BODY_BYTES, MAX_KEYS, JobCreated
from jigdesk.ports import Message
from lambdas.common.delivery import DeliveryRefused, Desks
from lambdas.common.documents import decode_object, encode
from lambdas.common.owners import is_private
from lambdas.common.ports import DocumentStore, EventPublisher
from lambdas.common.records import Arrived, arrivals, process
from lambdas.s3_to_comfyui.status import BUSY, NO_DESK, WAITING, AcceptedStatus

MAX_LISTED = 5_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    """request.json as it was found; `body` is None when it is too large to be read."""

    body: bytes | None

    def claims(self) -> Mapping[str, Any]:
        """The document, or nothing when it is no JSON object."""
        try:
            return decode_object(self.body or b"")
        except ValueError:
            return {}

    def files(self, job_id: str) -> tuple[str, ...]:
        """The files that it names; none when it cannot be read, for the desk to say so."""
        if self.body is None:
            return ()
        try:
            return tuple(parse_request(self.body, job_id).files())
        except JobError as error:
            _log.warning("job %s: forwarding an unreadable manifest: %s", job_id, error.message)
            return ()


class S3ToComfyUI:
    """What happens to one S3 event."""

    def __init__(
        self,
        store: DocumentStore,
        publisher: EventPublisher,
        desks: Desks,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._desks = desks
        self._status = AcceptedStatus(store, clock)

    def handle(self, event: Mapping[str, Any]) -> int:
        """Process every record; returns how many jobs had one.

        Raises RecordsFailed afterwards when any failed; running the event again is harmless.
        """
        jobs, unreadable = arrivals(event, self._store.bucket, "inputs")
        return process(jobs, self._one_job, unreadable)

    def _one_job(self, job_id: str, arrived: Sequence[Arrived]) -> None:
        request = self._request(job_id)
        try:
            self._announce(job_id, arrived, request)
        finally:  # a publisher that is down must not keep the job from the desk
            self._tell(job_id, arrived, request)

    def _request(self, job_id: str) -> _Request | None:
        key = keys.request_key(job_id)
        info = self._store.head(key)
        if info is None:
            return None
        if info.size_bytes > MAX_REQUEST_BYTES:
            return _Request(None)
        try:
            return _Request(self._store.get(key, MAX_REQUEST_BYTES)[0])
        except ObjectNotFound:  # deleted in between
            return None

    def _announce(self, job_id: str, arrived: Sequence[Arrived], request: _Request | None) -> None:
        private = is_private(self._store, job_id, request.claims() if request else None)
        changed = list(dict.fromkeys(one.key for one in arrived))
        data = fit({"job_id": job_id, "seq": 0, "keys_changed": changed})
        self._publisher.publish([Message(channel(job_id, private=private), INPUTS, data)])

    def _tell(self, job_id: str, arrived: Sequence[Arrived], request: _Request | None) -> None:
        stored = self._stored(job_id)
        if request is None:
            if keys.instructions_key(job_id) not in {one.key for one in arrived}:
                return  # the manifest is still on its way
        else:
            needed = [keys.input_key(job_id, path) for path in request.files(job_id)]
            missing = [key for key in needed if not self._is_there(key, stored)]
            if missing:
                _log.info("job %s waits for %d of %d files", job_id, len(missing), len(needed))
                return
        self._send(job_id, _fitting_keys(job_id, stored), arrived[-1].event_time)

    def _send(self, job_id: str, stored: Sequence[str], event_time: str) -> None:
        urls = self._desks.for_new_job()
        self._status.write(job_id, WAITING if urls else NO_DESK)
        if not urls:
            # no fault of this event: a desk's sweep finds the job when one is back
            _log.warning("job %s: no desk is registered and JIGDESK_WEBHOOK_URL is unset", job_id)
            return
        webhook = JobCreated(job_id, self._store.bucket, tuple(stored), event_time)
        try:
            self._desks.deliver(urls, "job-created", f"created-{job_id}", webhook.to_dict())
        except (TransientError, DeliveryRefused):
            self._status.write(job_id, BUSY)
            raise

    def _stored(self, job_id: str) -> tuple[str, ...]:
        """The job's keys in order, at most 5,000 of them."""
        found: list[str] = []
        after: str | None = None
        while len(found) < MAX_LISTED:
            page = self._store.page(keys.inputs_prefix(job_id), after=after)
            found += [info.key for info in page.objects]
            after = page.next_after
            if after is None:
                break
        return tuple(found[:MAX_LISTED])

    def _is_there(self, key: str, stored: tuple[str, ...]) -> bool:
        if key in stored:
            return True
        # only a listing that was cut short can have missed it
        return len(stored) >= MAX_LISTED and self._store.head(key) is not None


def _fitting_keys(job_id: str, stored: Sequence[str]) -> tuple[str, ...]:
    """The manifest first, then as many keys as one webhook takes; the desk lists the rest."""
    first = [keys.request_key(job_id), keys.instructions_key(job_id)]
    ordered = [key for key in first if key in stored]
    ordered += [key for key in stored if key not in first and keys.parse_key(key) is not None]
    room = MAX_BODY_BYTES - 1024 - len(encode({"keys": []}))
    fitting: list[str] = []
    for key in ordered[:MAX_KEYS]:
        room -= len(encode({"": key}))  # more than the key and its comma
        if room < 0:
            break
        fitting.append(key)
    return tuple(fitting)
