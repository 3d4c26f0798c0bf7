"""Metrics: what `/metrics` tells Prometheus about the desk."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from jigdesk.adapters.http.public import WEBHOOK_ROUTES
from jigdesk.adapters.http.request_log import LoggedRequest, RequestLog
from jigdesk.adapters.process.supervisor import EngineState, EngineStatus, EngineSupervisor
from jigdesk.adapters.resources.sampler import ResourceSampler
from jigdesk.domain.errors import TransientError
from jigdesk.domain.events import Event
from jigdesk.domain.holds import HoldBy
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.resources import GpuSample, ResourceSample
from jigdesk.ports import Journal
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

_SECONDS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
MAX_WORKFLOWS = 200
COUNT_EVERY_S = 5.0
_OTHER_ROUTE = "other"
_ROUTES = {*WEBHOOK_ROUTES, "/healthz", "/readyz"}


class DeskMetrics:
    """Follows what happens; reading costs no query. Lives on the core's loop.

    Every label is bounded, whatever comes from outside.
    """

    def __init__(self, journal: Journal, queue: JobQueue, registry: CollectorRegistry) -> None:
        self._journal = journal
        self._registry = registry
        self._workflows: Tally[str] = Tally()
        self._ended = Counter(
            "jigdesk_jobs_ended",
            "Jobs that ended, by status and workflow.",
            ["status", "workflow"],
            registry=registry,
        )
        self._seconds = Histogram(
            "jigdesk_job_seconds",
            "Seconds from acceptance to completion.",
            ["workflow"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._jobs = Gauge(
            "jigdesk_jobs", "Jobs in the journal, by status.", ["status"], registry=registry
        )
        self._active = _Present(
            "jigdesk_jobs_active",
            "Jobs that have not ended, by status and workflow; what has none is left out.",
            ["status", "workflow"],
            registry,
        )
        self._outbox_rows = self._gauge(
            "jigdesk_outbox_rows", "Writes that wait for the outside to take them."
        )
        self._outbox_age = self._gauge(
            "jigdesk_outbox_age_seconds", "How long the oldest of them has waited."
        )
        self._gauge("jigdesk_queue_depth", "Jobs that have not ended.", lambda: queue.depth)
        self._gauge("jigdesk_queue_running", "Jobs that hold a slot.", lambda: queue.running)
        self._gauge(
            "jigdesk_queue_paused", "1 while the queue is held.", lambda: queue.paused is not None
        )
        self._held = Gauge(
            "jigdesk_queue_held",
            "1 while this holds the queue; what the owner lifted does not.",
            ["by"],
            registry=registry,
        )
        self._gauge(
            "jigdesk_accepting", "1 while new jobs are accepted.", lambda: not queue.refusals()
        )
        for by in get_args(HoldBy):
            held = partial(_holds, queue, by)
            self._held.labels(by).set_function(held)
        journal.subscribe(self._on_commit)

    async def run(self) -> None:
        """Count the journal's rows every few seconds until cancelled."""
        while True:
            try:
                counts = await self._journal.counts()
                active = await self._journal.active_counts()
                rows, age_s = await self._journal.outbox_lag()
            except TransientError as failed:
                log.debug("the journal was not counted: %s", failed)
            else:
                for status in JobStatus:
                    self._jobs.labels(status.value).set(counts.get(status, 0))
                self._active.show(self._by_label(active))
                self._outbox_rows.set(rows)
                self._outbox_age.set(age_s)
            await asyncio.sleep(COUNT_EVERY_S)

    def follow_engine(self, supervisor: EngineSupervisor) -> None:
        """Count the engine's restarts."""
        restarts = Counter(
            "jigdesk_engine_restarts",
            "How often the engine was started again because it ended by itself or was stuck.",
            registry=self._registry,
        )
        self._gauge(
            "jigdesk_engine_ready",
            "1 while the engine's process is ready.",
            lambda: supervisor.state.status is EngineStatus.READY,
        )
        before = supervisor.state.status

        def follow(state: EngineState) -> None:
            nonlocal before
            if state.status is not before and state.status is EngineStatus.RESTARTING:
                restarts.inc()
            before = state.status

        supervisor.subscribe(follow)

    def follow_requests(self, requests: RequestLog) -> None:
        """Count what the public listener answers."""
        answers = Counter(
            "jigdesk_webhook_answers",
            "Answers of the public listener, by route and HTTP status.",
            ["route", "status"],
            registry=self._registry,
        )
        seconds = Histogram(
            "jigdesk_webhook_seconds",
            "Seconds from a webhook's first byte to its answer.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self._registry,
        )

        def follow(request: LoggedRequest) -> None:
            path = request.path.partition("?")[0]
            route = path if path in _ROUTES else _OTHER_ROUTE
            answers.labels(route, request.status).inc()
            if path in WEBHOOK_ROUTES:
                seconds.observe(request.latency_s)

        requests.subscribe(follow)

    def follow_tunnel(self, public_url: Callable[[], str | None]) -> None:
        """Whether the Lambdas can reach the desk."""
        self._gauge(
            "jigdesk_tunnel_up",
            "1 while there is a public URL that is not known to lead astray.",
            lambda: public_url() is not None,
        )

    def follow_sleep(self, held: Callable[[], bool]) -> None:
        """Whether the machine is kept awake."""
        self._gauge("jigdesk_sleep_inhibited", "1 while the machine is kept awake.", held)

    def follow_resources(self, sampler: ResourceSampler) -> None:
        """The machine's newest sample."""
        for name, text, read in _MACHINE:
            self._gauge(name, text, _newest(sampler, read))
        gauges = [
            (_Present(name, text, ["index", "name"], self._registry), read)
            for name, text, read in _GPU
        ]

        def follow(sample: ResourceSample) -> None:
            for gauge, read in gauges:
                figures = {
                    (str(index), gpu.name): read(gpu) for index, gpu in enumerate(sample.gpus)
                }
                gauge.show(figures)

        sampler.subscribe(follow)

    def _gauge(self, name: str, text: str, read: Callable[[], float] | None = None) -> Gauge:
        gauge = Gauge(name, text, registry=self._registry)
        if read is not None:
            gauge.set_function(lambda: float(read()))
        return gauge

    def _on_commit(self, events: Sequence[Event], jobs: Sequence[Job]) -> None:
        finals = {event.job_id for event in events if event.name in ("job_done", "job_error")}
        for job in jobs:
            if job.job_id not in finals or not job.status.is_final:
                continue
            finals.discard(job.job_id)
            workflow = self._label(job.workflow or "")
            self._ended.labels(job.status.value, workflow).inc()
            if job.finished_at is not None and job.status is JobStatus.COMPLETED:
                spent_s = (job.finished_at - job.created_at).total_seconds()
                self._seconds.labels(workflow).observe(spent_s)

    def _by_label(self, active: Mapping[tuple[JobStatus, str], int]) -> dict[tuple[str, str], int]:
        found: Tally[tuple[str, str]] = Tally()
        for (status, workflow), number in active.items():
            found[status.value, self._label(workflow)] += number
        return found

    def _label(self, workflow: str) -> str:
        """Labels are bounded: manifests choose the chain of workflows."""
        if not workflow:
            return ""  # not known yet: one label, whatever else there is
        if workflow not in self._workflows and len(self._workflows) >= MAX_WORKFLOWS:
            return "other"
        self._workflows[workflow] += 1
        return workflow


class _Present:
    """A gauge of what is there now: figures that are gone go from the metrics too."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._gauge = Gauge(name, text, labels, registry=registry)
        self._shown: set[tuple[str, ...]] = set()

    def show(self, figures: Mapping[tuple[str, str], float | None]) -> None:
        """Show these and nothing else; None is not known."""
        known = {labels: value for labels, value in figures.items() if value is not None}
        for labels in self._shown - known.keys():
            self._gauge.remove(*labels)
        for labels, value in known.items():
            self._gauge.labels(*labels).set(value)
        self._shown = set(known)


_MACHINE: tuple[tuple[str, str, Callable[[ResourceSample], float]], ...] = (
    ("jigdesk_cpu_ratio", "Share of all cores that is busy.", lambda one: one.cpu),
    ("jigdesk_memory_used_bytes", "Memory in use.", lambda one: one.memory_used_bytes),
    ("jigdesk_disk_free_bytes", "Room on the jobs' disk.", lambda one: one.disk_free_bytes),
)
_GPU: tuple[tuple[str, str, Callable[[GpuSample], float | None]], ...] = (
    ("jigdesk_gpu_ratio", "Share of the time in which it was busy.", lambda gpu: gpu.busy),
    ("jigdesk_gpu_memory_used_bytes", "GPU memory in use.", lambda gpu: gpu.memory_used_bytes),
    ("jigdesk_gpu_memory_bytes", "GPU memory there is.", lambda gpu: gpu.memory_total_bytes),
    ("jigdesk_gpu_temperature_celsius", "Its temperature.", lambda gpu: gpu.temperature_c),
    ("jigdesk_gpu_power_watts", "What it draws.", lambda gpu: gpu.power_w),
)


def _holds(queue: JobQueue, by: HoldBy) -> float:
    return float(any(hold.by == by and not hold.lifted for hold in queue.holds))


def _newest(
    sampler: ResourceSampler, read: Callable[[ResourceSample], float]
) -> Callable[[], float]:
    def value() -> float:
        return float("nan") if sampler.latest is None else read(sampler.latest)

    return value
