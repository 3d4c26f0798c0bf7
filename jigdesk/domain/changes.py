"""A change of a job: one value, one transaction of the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from jigdesk.domain.events import EventDraft
from jigdesk.domain.job import Job, JobStatus


class OutboxKind(StrEnum):
    """What the dispatcher does with a row of the outbox."""

    STATUS = "status"  # write status.json from the job's row as it is then; coalesced
    STATE = "state"  # write state.json from the journal as it is then; coalesced
    PUT = "put"  # {"key", "body", "content_type"}
    DELETE = "delete"  # {"keys": […]}
    # {"seq"}: one event to the publisher, in order; a draft without seq in a Change stands for
    # all of the Change's events, one row each
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class OutboxDraft:
    """One thing that must go out; `data` is JSON."""

    kind: OutboxKind
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing that waits to go out; rows of one job leave in the order of `row_id`."""

    row_id: int
    job_id: str
    kind: OutboxKind
    data: Mapping[str, Any]
    tries: int


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One result of a stage, as output.json lists it.

    `width`, `height` in pixels, `duration_s`, `thumb_key` are None where the file has none;
    `index` counts from 0 within the output.
    """

    key: str
    stage: str
    output: str
    node: str
    index: int
    kind: str
    content_type: str
    size_bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    partial: bool = False
    thumb_key: str | None = None


class StageState(StrEnum):
    """Where a stage's run is."""

    POSTING = "posting"  # the prompt id is written down, the POST may have happened
    RAN = "ran"  # the engine ended it well; results are on the engine
    STORED = "stored"  # results are in the store
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage of one attempt: the idempotency marker of running and storing it."""

    stage: str
    attempt: int
    prompt_id: str
    state: StageState
    started_at: datetime
    ended_at: datetime | None = None
    files: tuple[ResultFile, ...] = ()
    load_s: float = 0.0
    run_s: float = 0.0
    upload_s: float = 0.0
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Node id → {"started_at", "seconds", "state": "done"|"cached"|"failed"}."""
    recipe: str = ""
    """What it was made of (`jigdesk.domain.recipe`); empty where an older desk ran it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction does to a job's row and what hangs on it.

    `to` None leaves the status. `fields` are `Job` fields to set. Events get their seq in
    order. `plan` is the JSON of manifest.json when it becomes known. `durable` false skips the
    fsync (progress); a change of status is always durable. `new_attempt` starts the next
    attempt: it raises `attempt`, resets progress and failure, and opens a row of `attempts`
    whose reason is the field `message`; a field `failure` then says why the last one ended.
    """

    to: JobStatus | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[EventDraft, ...] = ()
    outbox: tuple[OutboxDraft, ...] = ()
    stage_runs: tuple[StageRun, ...] = ()
    plan: Mapping[str, Any] | None = None
    durable: bool = True
    new_attempt: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A JobCreated webhook that was let in."""

    job_id: str
    bucket: str
    webhook_id: str | None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The journal's answer to an arrival; `duplicate` when the id or the job was known."""

    job: Job
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job; `status` and `ended_at` are None while it runs."""

    attempt: int
    started_at: datetime
    reason: str
    ended_at: datetime | None = None
    status: JobStatus | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Kin:
    """A job of a family: one that branches from another, or that others branch from.

    `depth` counts from 0, the family's first job. `parent_id` and `stage` (the parent's, whose
    results it starts from) are None for the first. `job` is None where its row is gone.
    """

    job_id: str
    depth: int
    parent_id: str | None = None
    stage: str | None = None
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class JobQuery:
    """What a page of jobs shows; `cursor` is opaque, None for the first page.

    `states` empty means all; `text` searches id, owner, workflow and message; `created_from`
    None means from the beginning.
    """

    states: tuple[JobStatus, ...] = ()
    text: str = ""
    owner_id: str | None = None
    created_from: datetime | None = None
    sort: str = "created_at"
    descending: bool = True
    limit: int = 50
    cursor: str | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of jobs and the cursor of the next one (None at the end)."""

    jobs: tuple[Job, ...]
    next_cursor: str | None
