"""Metrics: what `/metrics` tells Prometheus about the desk."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from jigdesk.domain.events import Event
from jigdesk.domain.job import Job
from jigdesk.ports import Journal
from jigdesk.services.queue import JobQueue

_SECONDS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
MAX_WORKFLOWS = 200


class DeskMetrics:
    """Follows the journal's commits; reading costs no query."""

    def __init__(self, journal: Journal, queue: JobQueue) -> None:
        self._journal = journal
        self._queue = queue
        self._workflows: Tally[str] = Tally()

    def register(self, registry: CollectorRegistry) -> None:
        """Put the metrics into `registry` and keep them up to date."""
        ended = Counter(
            "jigdesk_jobs_ended",
            "Jobs that ended, by status and workflow.",
            ["status", "workflow"],
            registry=registry,
        )
        seconds = Histogram(
            "jigdesk_job_seconds",
            "Seconds from acceptance to completion.",
            ["workflow"],
            buckets=_SECONDS,
            registry=registry,
        )
        Gauge("jigdesk_queue_depth", "Jobs that have not ended.", registry=registry).set_function(
            lambda: self._queue.depth
        )
        Gauge(
            "jigdesk_queue_running", "Jobs that hold an engine slot.", registry=registry
        ).set_function(lambda: self._queue.running)
        Gauge("jigdesk_queue_paused", "1 while the queue is held.", registry=registry).set_function(
            lambda: float(self._queue.paused is not None)
        )

        def follow(events: Sequence[Event], jobs: Sequence[Job]) -> None:
            finals = {event.job_id for event in events if event.name in ("job_done", "job_error")}
            for job in jobs:
                if job.job_id not in finals or not job.status.is_final:
                    continue
                finals.discard(job.job_id)
                workflow = self._label(job.workflow or "")
                ended.labels(job.status.value, workflow).inc()
                if job.finished_at is not None and job.status.value == "completed":
                    spent_s = (job.finished_at - job.created_at).total_seconds()
                    seconds.labels(workflow).observe(spent_s)

        self._journal.subscribe(follow)

    def _label(self, workflow: str) -> str:
        """Labels are bounded: manifests choose the chain of workflows."""
        if workflow not in self._workflows and len(self._workflows) >= MAX_WORKFLOWS:
            return "other"
        self._workflows[workflow] += 1
        return workflow
