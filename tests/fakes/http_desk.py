"""Both listeners on free loopback ports, with a real journal and scripted ports behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry

from jigdesk.adapters.http.api import ApiRequest, ApiResponse, JobsApiBridge
from jigdesk.adapters.http.control import ControlParts
from jigdesk.adapters.http.events import EventStreams, StreamTimes
from jigdesk.adapters.http.guard import LOOPBACK_HOSTS
from jigdesk.adapters.http.local import LocalParts, local_app
from jigdesk.adapters.http.public import PublicLimits, log_unserved, public_app
from jigdesk.adapters.http.replay import Replayer
from jigdesk.adapters.http.request_log import RequestLog
from jigdesk.adapters.http.server import Endpoint, Listener
from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.publisher.hub import EventHub
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.check import Check
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import Event, EventDraft
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.resources import GpuSample, ResourceSample
from jigdesk.domain.webhooks import JobCommand, JobCreated, JobOutput, Webhook
from jigdesk.ports import Journal, Receipt

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OLD_SECRET = "whsec_" + "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
TOKEN = "t" * 43
WORKFLOWS = (
    {"name": "blur", "title": "Blur", "available": True, "reason": None},
    {"name": "torn", "title": None, "available": False, "reason": "its template is broken."},
)
RUN_KEY = b"a random key of this run"
JOB_ID = "7d1f0c3e-0000-4000-8000-0000000000e2"


class ScriptedIntake:
    """Remembers ids as the journal does; `failure` is raised instead when it is set."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Webhook]] = []
        self.failure: Exception | None = None
        self.reasons: list[str] = []
        self._known: set[str] = set()

    async def job_created(self, webhook_id: str, webhook: JobCreated) -> Receipt:
        return self._take(webhook_id, webhook, known_job=webhook.job_id in self._known)

    async def job_output(self, webhook_id: str, webhook: JobOutput) -> Receipt:
        return self._take(webhook_id, webhook, known_job=False)

    async def job_command(self, webhook_id: str, webhook: JobCommand) -> Receipt:
        return self._take(webhook_id, webhook, known_job=False)

    def refusals(self) -> Sequence[str]:
        return self.reasons

    def _take(self, webhook_id: str, webhook: Webhook, *, known_job: bool) -> Receipt:
        if self.failure is not None:
            raise self.failure
        duplicate = known_job or any(webhook_id == seen for seen, _ in self.taken)
        if not isinstance(webhook, JobCreated) and webhook.job_id not in self._known:
            raise RequestError(404, "not_found", "This desk knows no such job.")
        if not duplicate:
            self.taken.append((webhook_id, webhook))
            self._known.add(webhook.job_id)
        return Receipt(webhook.job_id, JobStatus.ACCEPTED, duplicate)


class ScriptedControl:
    """Moves rows of the real journal, and keeps what it was asked.

    While `go_on` is not set its moves wait half-way; `done` are those that came to their end.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.calls: list[tuple[str, str]] = []
        self.done: list[tuple[str, str]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.paused: str | None = None

    async def retry(self, job_id: str) -> Job:
        return await self._move("retry", job_id)

    async def cancel(self, job_id: str) -> Job:
        return await self._move("cancel", job_id)

    async def prioritise(self, job_id: str) -> Job:
        return await self._move("prioritise", job_id)

    async def _move(self, verb: str, job_id: str) -> Job:
        self.calls.append((verb, job_id))
        job = await self._journal.job(job_id)
        if job is None:
            raise RequestError(404, "not_found", "This desk knows no such job.")
        if verb == "retry" and not job.status.is_final:
            raise RequestError(409, "not_final", "The job is still under way.")
        await self.go_on.wait()
        self.done.append((verb, job_id))
        return job

    async def pause(self, reason: str) -> None:
        self.paused = reason

    async def resume(self) -> None:
        self.paused = None

    async def drain(self) -> None:
        self.calls.append(("drain", ""))

    async def queue(self) -> Mapping[str, Any]:
        return {"paused": self.paused, "queued": 0}

    async def health(self) -> Sequence[Check]:
        return [
            Check("engine", "ok", "It answers."),
            Check("disk", "warning", "Nearly full.", "Delete something."),
        ]

    def resources(self, seconds: float) -> Sequence[ResourceSample]:
        now = utc_now()
        sample = ResourceSample(now, 0.5, 1, 2, 3, 4, 0, 0, 0, 0, (GpuSample("A card"),))
        return [sample] * int(seconds)

    async def engine(self, action: str, number: int | None = None) -> Mapping[str, Any]:
        call = ("engine", action if number is None else f"{action} {number}")
        self.calls.append(call)
        await self.go_on.wait()
        self.done.append(call)
        return {"state": action}

    def engine_state(self) -> Mapping[str, Any]:
        return {"kind": "demo", "last_lines": ["listening"]}


@dataclass(frozen=True)
class Answer:
    """What the scripted jobs API answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def echo(request: ApiRequest) -> Answer:
    """Answer with what arrived."""
    text = f"{request.method} {request.path} {sorted(request.query.items())} {request.source}"
    headers = {"Content-Type": "text/plain", "Set-Cookie": "a=b"}
    return Answer(200, headers, text.encode() + b" " + request.body)


@dataclass
class HttpDesk:
    """What runs, and what is behind it."""

    public: Listener
    local: Listener
    intake: ScriptedIntake
    control: ScriptedControl
    log: RequestLog
    journal: SqliteJournal
    hub: EventHub
    secrets: list[str]
    refused: dict[str, RequestError]
    registry: CollectorRegistry
    broken: set[str]

    async def accept(self, job_id: str = JOB_ID) -> None:
        """Journal a job."""
        draft = EventDraft("job:accepted", {"status": "accepted", "position": 1})
        await self.journal.accept(Arrival(job_id, "jig-react", None), Change(events=(draft,)))

    async def emit(
        self, name: str, job_id: str = JOB_ID, *, to: JobStatus | None = None, **data: Any
    ) -> None:
        """Append an event, with a change of state when `to` is given."""
        change = Change(to=to, events=(EventDraft(name, data),))
        assert await self.journal.apply(job_id, change) is not None

    async def fail(self, job_id: str = JOB_ID) -> None:
        """End a job the way the services do: both names in one batch."""
        data = {"code": "internal", "message": "It broke.", "retryable": True}
        drafts = (EventDraft("job:failed", data), EventDraft("job_error", data))
        await self.journal.apply(job_id, Change(to=JobStatus.FAILED, events=drafts))


@dataclass
class Wishes:
    """What a test wants different."""

    clock: Clock = utc_now
    limits: PublicLimits = field(default_factory=PublicLimits)
    times: StreamTimes = field(default_factory=StreamTimes)
    api: Callable[[ApiRequest], ApiResponse] = echo
    api_threads: int = 4
    api_waiting: int = 16
    api_timeout_s: float = 10.0
    max_streams: int = 50
    max_per_job: int = 10
    allowed_hosts: Sequence[str] = LOOPBACK_HOSTS
    allowed_origins: Sequence[str] = ("https://shop.example",)
    files: Sequence[web.AbstractRouteDef] = ()


@asynccontextmanager
async def http_desk(folder: Path, wishes: Wishes | None = None) -> AsyncIterator[HttpDesk]:
    """Run both listeners until the block ends."""
    wishes = wishes or Wishes()
    secrets = [SECRET, OLD_SECRET]
    refused: dict[str, RequestError] = {}
    broken: set[str] = set()
    log, intake, registry = RequestLog(), ScriptedIntake(), CollectorRegistry()

    async def authorise(job_id: str, query: Mapping[str, str], _headers: Mapping[str, str]) -> None:
        if job_id in refused:
            raise refused[job_id]
        if query.get("client_id", "browser-1") != "browser-1":
            raise RequestError(404, "not_found", "There is no such job.")

    async def render(event: Event) -> Mapping[str, Any]:
        if event.name in broken:
            raise ZeroDivisionError("a bug in render")
        return {**event.data, "url": "https://cdn.example/x"} if "key" in event.data else event.data

    async def read_request(job: Job) -> Mapping[str, Any]:
        return {"version": 1, "job_id": job.job_id, "task": "blur"}

    public: Listener | None = None
    async with SqliteJournal.open(folder / "journal.db") as journal:
        hub = EventHub(journal, max_streams=wishes.max_streams, max_per_job=wishes.max_per_job)
        control = ScriptedControl(journal)
        replayer = Replayer(
            log, lambda: secrets, lambda: None if public is None else public.url, clock=wishes.clock
        )
        parts = LocalParts(
            api=JobsApiBridge(
                wishes.api,
                threads=wishes.api_threads,
                waiting=wishes.api_waiting,
                in_line=0,
                timeout_s=wishes.api_timeout_s,
            ),
            events=EventStreams(journal, hub, authorise, render, wishes.times),
            control=ControlParts(
                journal, control, read_request, log, replayer, lambda: TOKEN, lambda: WORKFLOWS
            ),
            registry=registry,
            assets=folder / "assets",
            files=wishes.files,
            allowed_hosts=wishes.allowed_hosts,
            allowed_origins=wishes.allowed_origins,
        )
        public = Listener(
            public_app(
                intake,
                lambda: secrets,
                log,
                RUN_KEY,
                clock=wishes.clock,
                limits=wishes.limits,
            ),
            Endpoint("127.0.0.1", 0, "server.public"),
            unserved=log_unserved(log, wishes.clock),
        )
        local = Listener(
            local_app(parts), Endpoint("127.0.0.1", 0, "server.local"), cancel_on_disconnect=True
        )
        await public.start()
        await local.start()
        try:
            yield HttpDesk(
                public,
                local,
                intake,
                control,
                log,
                journal,
                hub,
                secrets,
                refused,
                registry,
                broken,
            )
        finally:
            await public.stop()
            await local.stop()
