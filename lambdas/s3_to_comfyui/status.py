"""status.json before a desk has taken the job over."""

from __future__ import annotations

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import PreconditionFailed
from jigdesk.domain.job import Job, JobStatus, status_document
from lambdas.common.documents import encode, read_document
from lambdas.common.ports import DocumentStore

WAITING = "Waiting for the GPU machine."
NO_DESK = "No GPU machine is connected; the job waits for one."
BUSY = "The GPU machine is not taking jobs right now; the job waits."


class AcceptedStatus:
    """Writes status `accepted` where nobody was first, and changes only what it wrote itself."""

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def write(self, job_id: str, message: str) -> None:
        """Create status.json, or change the message of the one that a Lambda created.

        A document that names a host is the desk's and stays as it is; losing a race to the
        desk is no error.
        """
        now = self._clock()
        job = Job(
            job_id=job_id,
            bucket=self._store.bucket,
            status=JobStatus.ACCEPTED,
            seq=0,
            attempt=1,
            created_at=now,
            updated_at=now,
            message=message,
        )
        document = {**status_document(job, host_id=""), "host_id": None}
        try:
            self._store.put(keys.status_key(job_id), encode(document), create_only=True)
        except PreconditionFailed:
            self._rewrite(job_id, message, document)

    def _rewrite(self, job_id: str, message: str, new: dict[str, object]) -> None:
        found = read_document(self._store, keys.status_key(job_id))
        if found is None:
            return  # deleted in between: the desk creates it when it takes the job
        old, info = found
        if old.get("host_id") is not None or old.get("message") == message:
            return
        changed = {**new, "created_at": old.get("created_at", new["created_at"])}
        try:
            self._store.put(keys.status_key(job_id), encode(changed), if_match=info.etag)
        except PreconditionFailed:
            return  # the desk was faster, and it knows better
