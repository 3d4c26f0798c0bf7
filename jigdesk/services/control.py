"""Control: the owner's view and levers, as the listeners and the window use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from jigdesk.domain.check import Check
from jigdesk.domain.clock import to_rfc3339
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.resources import ResourceSample
from jigdesk.ports import Journal
from jigdesk.services.commands import Commands
from jigdesk.services.prepare import STAGES_BETWEEN
from jigdesk.services.queue import DRAINING, PAUSED, JobQueue


class EngineLevers(Protocol):
    """The engine's process, where the desk has one."""

    async def act(self, action: str, number: int | None = None) -> Mapping[str, Any]:
        """See `ports.Control.engine`."""

    def state(self) -> Mapping[str, Any]:
        """What is known of it."""


class DeskControl:
    """Implements `ports.Control`."""

    def __init__(
        self,
        journal: Journal,
        queue: JobQueue,
        commands: Commands,
        levers: EngineLevers,
        checks: Callable[[], Awaitable[Sequence[Check]]],
        resources: Callable[[float], Sequence[ResourceSample]],
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._commands = commands
        self._levers = levers
        self._checks = checks
        self._resources = resources

    async def retry(self, job_id: str) -> Job:
        """See `ports.Control`."""
        return await self._commands.retry(job_id)

    async def cancel(self, job_id: str) -> Job:
        """See `ports.Control`."""
        return await self._commands.cancel(job_id)

    async def prioritise(self, job_id: str) -> Job:
        """See `ports.Control`."""
        return await self._commands.prioritise(job_id)

    async def pause(self, reason: str) -> None:
        """See `ports.Control`."""
        await self._queue.set_flag(PAUSED, reason)

    async def resume(self) -> None:
        """See `ports.Control`. Quiet hours and yielding are lifted until they begin anew."""
        self._queue.lift()
        await self._queue.set_flag(PAUSED, None)
        await self._queue.set_flag(DRAINING, None)

    async def drain(self) -> None:
        """See `ports.Control`."""
        await self._queue.set_flag(DRAINING, "The owner lets the queue run empty.")

    async def queue(self) -> Mapping[str, Any]:
        """See `ports.Control`."""
        counts = await self._journal.counts()
        refusals = list(self._queue.refusals())
        until = self._queue.paused_until
        return {
            "accepting": not refusals,
            "refusals": refusals,
            "paused": self._queue.paused,
            "paused_until": None if until is None else to_rfc3339(until),
            "holds": [hold.to_dict() for hold in self._queue.holds],
            "draining": self._queue.draining,
            "depth": self._queue.depth,
            "running": self._queue.running,
            "waiting": self._queue.waiting,
            "wait_s": await self._wait_s(),
            "jobs": {status.value: count for status, count in counts.items()},
        }

    async def _wait_s(self) -> float | None:
        """Seconds until all that is here has run; None when a workflow was never timed.

        Counts what each workflow's nodes usually take, spread over the slots: an estimate for
        the next job in the line. A job that was not read yet says no workflow: unknown.
        """
        usual: dict[str, float | None] = {}
        whole_s = 0.0
        for job in await self._journal.active():
            if job.status in (JobStatus.UPLOADING, JobStatus.CONFIRMING):
                continue
            left_s = job.eta_s if job.status is JobStatus.RUNNING else None
            for name in () if left_s is not None else (job.workflow or "").split(STAGES_BETWEEN):
                if name not in usual:
                    seconds = await self._journal.node_seconds(name)
                    usual[name] = sum(seconds.values()) if seconds else None
                known = usual[name]
                if known is None:
                    return None
                left_s = (left_s or 0.0) + known
            whole_s += left_s or 0.0
        return round(whole_s / self._queue.concurrency, 1)

    async def health(self) -> Sequence[Check]:
        """See `ports.Control`."""
        return await self._checks()

    def resources(self, seconds: float) -> Sequence[ResourceSample]:
        """See `ports.Control`."""
        return self._resources(seconds)

    async def engine(self, action: str, number: int | None = None) -> Mapping[str, Any]:
        """See `ports.Control`."""
        return await self._levers.act(action, number)

    def engine_state(self) -> Mapping[str, Any]:
        """See `ports.Control`."""
        return self._levers.state()
