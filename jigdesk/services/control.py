"""Control: the owner's view and levers, as the listeners and the window use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from jigdesk.domain.job import Job
from jigdesk.ports import Check, Journal
from jigdesk.services.commands import Commands
from jigdesk.services.queue import DRAINING, PAUSED, JobQueue


class EngineLevers(Protocol):
    """The engine's process, where the desk has one."""

    async def act(self, action: str) -> Mapping[str, Any]:
        """`start`, `stop`, `restart` or `free`; see `ports.Control.engine`."""

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
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._commands = commands
        self._levers = levers
        self._checks = checks

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
        """See `ports.Control`."""
        await self._queue.set_flag(PAUSED, None)
        await self._queue.set_flag(DRAINING, None)

    async def drain(self) -> None:
        """See `ports.Control`."""
        await self._queue.set_flag(DRAINING, "The owner lets the queue run empty.")

    async def queue(self) -> Mapping[str, Any]:
        """See `ports.Control`."""
        counts = await self._journal.counts()
        refusals = list(self._queue.refusals())
        return {
            "accepting": not refusals,
            "refusals": refusals,
            "paused": self._queue.paused,
            "draining": self._queue.draining,
            "depth": self._queue.depth,
            "running": self._queue.running,
            "waiting": self._queue.waiting,
            "jobs": {status.value: count for status, count in counts.items()},
        }

    async def health(self) -> Sequence[Check]:
        """See `ports.Control`."""
        return await self._checks()

    async def engine(self, action: str) -> Mapping[str, Any]:
        """See `ports.Control`."""
        return await self._levers.act(action)

    def engine_state(self) -> Mapping[str, Any]:
        """See `ports.Control`."""
        return self._levers.state()
