"""The ports: what the services need from the outside world, and nothing more.

Every coroutine runs on the core's loop and never blocks it; cancelling any of them is safe
unless its docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event as StopEvent
from typing import Any, Protocol

from jigdesk.domain.changes import (
    Acceptance,
    Arrival,
    Attempt,
    Change,
    JobPage,
    JobQuery,
    Kin,
    OutboxKind,
    OutboxRow,
    StageRun,
)
from jigdesk.domain.check import Check
from jigdesk.domain.engine import EngineEvent, EngineFile, Prompt
from jigdesk.domain.events import Event, EventDraft
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.resources import ResourceSample
from jigdesk.domain.webhooks import JobCommand, JobCreated, JobOutput

# --- object store -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store says about an object; `etag` is opaque and without quotes."""

    key: str
    size_bytes: int
    etag: str
    last_modified: datetime
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size and SHA-256 (hex) of a file that was streamed."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Presigned:
    """A request that may be made without credentials until `expires_at`."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """A page of a listing in key order; `next_after` is None at the end.

    `prefixes` are the common prefixes when a delimiter was given.
    """

    objects: tuple[ObjectInfo, ...]
    prefixes: tuple[str, ...]
    next_after: str | None


class BlockingStore(Protocol):
    """The object store as threads (and the Lambdas' logic) use it. Every method blocks.

    All raise StoreUnavailable when the same call may succeed later and StoreError when not.
    Thread-safe.
    """

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""

    def head(self, key: str) -> ObjectInfo | None:
        """What is stored under `key`; None when nothing is."""

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """The whole object; raises ObjectNotFound, or StoreError when over `max_bytes`."""

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object; raises PreconditionFailed when a condition does not hold."""

    def download(
        self, key: str, path: Path, max_bytes: int, *, stop: StopEvent | None = None
    ) -> FileDigest:
        """Stream an object into `path` by way of a `.part` file and a rename.

        Raises ObjectNotFound, or JobError(INPUT_TOO_LARGE) when over `max_bytes`, or
        StoreUnavailable soon after `stop` is set.
        """

    def upload(
        self, path: Path, key: str, content_type: str, *, stop: StopEvent | None = None
    ) -> ObjectInfo:
        """Stream a file up (multipart where it is large) with a checksum.

        Raises StoreUnavailable soon after `stop` is set.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; a missing one is no error."""

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """One page of the keys that begin with `prefix`, in key order, after `after`."""

    def presign_get(self, key: str, expires_s: int) -> str:
        """An absolute URL that answers GET until it expires."""

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """A PUT that is valid for exactly this length, content type and, if given, SHA-256 (hex).

        Its `headers` must be sent as they are; the length is the client's own to send.
        `size_bytes` None leaves it open (request.json, which the browser writes itself), up to
        1 MiB where the store can hold a client to that.
        """


class ObjectStore(Protocol):
    """The same store for coroutines: each call runs in a bounded pool of threads."""

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""

    @property
    def blocking(self) -> BlockingStore:
        """The store below, for logic that runs in a thread."""

    async def head(self, key: str) -> ObjectInfo | None:
        """See BlockingStore.head."""

    async def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """See BlockingStore.get."""

    async def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """See BlockingStore.put."""

    async def download(self, key: str, path: Path, max_bytes: int) -> FileDigest:
        """See BlockingStore.download. Cancelled: the thread ends by itself, no `path` appears."""

    async def upload(self, path: Path, key: str, content_type: str) -> ObjectInfo:
        """See BlockingStore.upload."""

    async def delete(self, keys: Iterable[str]) -> None:
        """See BlockingStore.delete."""

    async def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """See BlockingStore.page."""

    async def presign_get(self, key: str, expires_s: int) -> str:
        """See BlockingStore.presign_get."""

    async def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """See BlockingStore.presign_put."""


# --- publisher --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One event for one channel; `data` fits (`domain.events.fit`)."""

    channel: str
    event: str
    data: Mapping[str, Any]


class Publisher(Protocol):
    """Where browsers listen."""

    async def publish(self, batch: Sequence[Message]) -> None:
        """Deliver the batch in order; raises PublishError when it may be tried again."""


# --- engine -----------------------------------------------------------------------------------


class Engine(Protocol):
    """ComfyUI, or the demo engine."""

    def run(self, prompt: Prompt) -> AsyncIterator[EngineEvent]:
        """Run a prompt: adopt it, collect it, or post it, whichever fits; never twice.

        Yields in order, PromptPosted first and PromptSucceeded last. Raises JobError when the
        engine refused it, a node failed, memory ran out or it was interrupted (CANCELLED);
        EngineUnavailable when the engine went away or lost it. Closing the iterator leaves the
        prompt running on the engine.
        """

    async def cancel(self, prompt_id: str) -> None:
        """Delete it when pending, interrupt it when running, do nothing otherwise."""

    async def holds(self, prompt_id: str) -> bool:
        """Whether it waits or runs there; raises EngineUnavailable."""

    async def object_info(self) -> Mapping[str, Any]:
        """The node classes that the engine has; raises EngineUnavailable."""

    async def upload_input(self, path: Path, name: str) -> str:
        """Give the engine a file; returns the value for a Load node's input.

        `name` is content-addressed by the caller, so that equal files share one name.
        """

    async def download(self, file: EngineFile, path: Path, max_bytes: int) -> FileDigest:
        """Stream a result into `path` by way of a `.part` file.

        Raises ObjectNotFound when the engine has no such file (any more).
        """

    async def free(self) -> None:
        """Unload models and free memory between prompts."""


# --- journal ----------------------------------------------------------------------------------


class Journal(Protocol):
    """The truth of this machine. Reads see every change that was awaited before.

    Every method raises JournalUnavailable when the disk is full, fails or is locked. A write
    is one transaction: cancelling its caller leaves it whole or undone, mostly whole.
    """

    async def accept(self, arrival: Arrival, change: Change) -> Acceptance:
        """Create a job (status accepted, attempt 1), fsynced; duplicate when it is known."""

    async def seen_webhook(self, webhook_id: str) -> str | None:
        """The job id of a webhook that was answered with 202; None when unknown."""

    async def remember_webhook(self, webhook_id: str, job_id: str) -> None:
        """Remember a JobOutput or JobCommand, fsynced."""

    async def apply(
        self, job_id: str, change: Change, *, expect: Iterable[JobStatus] | None = None
    ) -> Job | None:
        """Apply a change in one transaction and return the new row.

        None, with nothing changed, when the job's status is not in `expect` (somebody was
        first: a cancel, an end). Raises KeyError for an unknown job, IllegalMove for a bug.
        """

    async def record_event(self, job_id: str, event: EventDraft) -> Event:
        """Append an event of a job that need not exist yet (`job:inputs`)."""

    async def job(self, job_id: str) -> Job | None:
        """The row; None when unknown."""

    async def plan(self, job_id: str) -> Mapping[str, Any] | None:
        """The plan as it was stored by a Change; None before it is made."""

    async def stage_runs(self, job_id: str) -> Sequence[StageRun]:
        """The newest run of each stage, in the order in which they began."""

    async def attempts(self, job_id: str) -> Sequence[Attempt]:
        """Every attempt, oldest first."""

    async def family(self, job_id: str, limit: int = 64) -> Sequence[Kin]:
        """The tree of branches that a job is in, parents before their branches; else empty.

        One of more than `limit` jobs is cut to the job's own line, up and down.
        """

    async def events(self, job_id: str, after_seq: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Events in order of seq; superseded progress is left out."""

    async def last_seq(self, job_id: str) -> int:
        """The newest seq of a job's events, 0 when it has none."""

    async def active(self) -> Sequence[Job]:
        """Every job that is not final, in the order of the queue."""

    async def page(self, query: JobQuery) -> JobPage:
        """A page of jobs; raises RequestError(400) for a bad cursor or an unknown `sort`.

        `offset` counts from the cursor's place; `limit` is held between 1 and 1000.
        """

    async def count(self, query: JobQuery) -> int:
        """How many jobs `query` finds on all of its pages."""

    async def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs are in each status."""

    async def active_counts(self) -> Mapping[tuple[JobStatus, str], int]:
        """How many jobs that are not final are in each status, by workflow (empty: not known).

        Costs no more with many jobs that ended.
        """

    async def forget(self, job_id: str) -> None:
        """Remove a job that another desk claimed."""

    async def prune(self, finished_before: datetime, keep: int) -> int:
        """Delete final jobs that ended before `finished_before`, and the oldest beyond `keep`.

        A job with something left in the outbox stays. Works in small transactions; cancelled,
        it stops between two of them. Returns how many jobs went.
        """

    async def outbox(
        self, kinds: Sequence[OutboxKind], *, now: datetime, limit: int
    ) -> Sequence[OutboxRow]:
        """Rows that are due, oldest first, at most one lane ahead per job (its oldest row)."""

    async def outbox_of(
        self, job_id: str, kinds: Sequence[OutboxKind], limit: int
    ) -> Sequence[OutboxRow]:
        """One job's rows of these kinds in order, whether they are due or not."""

    async def outbox_done(self, row_ids: Sequence[int]) -> None:
        """These went out."""

    async def outbox_retry(self, row_id: int, due: datetime) -> None:
        """This failed; try again at `due`."""

    async def outbox_lag(
        self, kinds: Sequence[OutboxKind] = (), job_id: str | None = None
    ) -> tuple[int, float]:
        """How many rows wait, and the age of the oldest in seconds (0 when none).

        Of these kinds; of every kind when `kinds` is empty. Of one job when `job_id` is given.
        """

    async def node_seconds(self, workflow: str) -> Mapping[str, float]:
        """Learned seconds per node id of a workflow (exponentially weighted)."""

    async def learn_node_seconds(self, workflow: str, seconds: Mapping[str, float]) -> None:
        """Fold one run's times in."""

    async def queue_flag(self, name: str) -> str | None:
        """A durable flag of the queue (`paused`, `draining`) with its reason; None when unset."""

    async def set_queue_flag(self, name: str, reason: str | None) -> None:
        """Set or clear (None) a flag."""

    async def write_test(self) -> None:
        """Write something, fsynced, that changes nothing."""

    def subscribe(
        self, listener: Callable[[Sequence[Event], Sequence[Job]], None]
    ) -> Callable[[], None]:
        """Call `listener` on the loop after each commit; returns the way to unsubscribe.

        The listener must not block or raise.
        """


# --- tunnel -----------------------------------------------------------------------------------


class Tunnel(Protocol):
    """How the Lambdas reach the public listener."""

    @property
    def public_url(self) -> str | None:
        """The base URL that reaches the public listener; None while there is none."""

    async def run(self) -> None:
        """Keep the tunnel up until cancelled."""


# --- what the listeners call ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a webhook: the job's status and whether it was known already."""

    job_id: str
    status: JobStatus
    duplicate: bool


class Intake(Protocol):
    """Where well-signed webhooks go. A Receipt means: it is on disk."""

    async def job_created(self, webhook_id: str, webhook: JobCreated) -> Receipt:
        """Take a job in; raises RequestError(503, retry_after_s) when full or draining."""

    async def job_output(self, webhook_id: str, webhook: JobOutput) -> Receipt:
        """Note results that appeared; raises RequestError(404) for an unknown job."""

    async def job_command(self, webhook_id: str, webhook: JobCommand) -> Receipt:
        """Cancel or retry; raises RequestError(404) for an unknown job."""

    def refusals(self) -> Sequence[str]:
        """Why no job is accepted now, in sentences; empty when jobs are accepted."""


class Control(Protocol):
    """What the owner may do."""

    async def retry(self, job_id: str) -> Job:
        """Start a new attempt of a final job; RequestError 404 or 409."""

    async def cancel(self, job_id: str) -> Job:
        """End a job; a cancelled one stays so (no error); 404, or 409 when it ended."""

    async def prioritise(self, job_id: str) -> Job:
        """Put a waiting job first; RequestError 404 or 409."""

    async def pause(self, reason: str) -> None:
        """Hold the queue: jobs are accepted and wait."""

    async def resume(self) -> None:
        """End a pause or a drain."""

    async def drain(self) -> None:
        """Accept nothing new and finish what is here."""

    async def queue(self) -> Mapping[str, Any]:
        """`{paused, draining, running, queued, accepting, …}`."""

    async def health(self) -> Sequence[Check]:
        """The checks as they stand; those that cost something may be some seconds old."""

    def resources(self, seconds: float) -> Sequence[ResourceSample]:
        """What the machine did in the last `seconds`, as far as it is kept, oldest first."""

    async def engine(self, action: str, number: int | None = None) -> Mapping[str, Any]:
        """`start`, `stop`, `restart` or `free` the engine; returns its state.

        Its port is held by somebody else: `attach`, `end-owner` (`number`: the pid that holds
        it) or `move` (`number`: another port).

        RequestError 409 for the process of an engine that somebody else runs, EngineUnavailable
        when it does not answer a `free`.
        """

    def engine_state(self) -> Mapping[str, Any]:
        """What is known of the engine and its process, its last lines of output among it."""
