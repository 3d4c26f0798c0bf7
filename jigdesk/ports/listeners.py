"""What the listeners call: the intake of webhooks and the owner's control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jigdesk.domain.check import Check
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.resources import ResourceSample
from jigdesk.domain.webhooks import JobCommand, JobCreated, JobOutput


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
