"""Registration: `hosts/{host_id}.json` tells the Lambdas where this desk is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import StoreError, TransientError
from jigdesk.domain.host import REGISTRATION_TTL_S, HostRegistration, HostState
from jigdesk.ports import ObjectStore
from jigdesk.services.backoff import backoff_s
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

INTERVAL_S = 30.0
LOOK_AFTER_S = 2.0
"""How soon a change of the queue's depth is written: at most that often, too."""
LEAVE_DEADLINE_S = 2.0
WORKFLOWS_LOOKED_AT = 10
"""After so many renewals it is seen whether what the desk offers is still in the store."""
SKEW_NOTED = timedelta(seconds=3)
"""From this change of the clocks' difference on a registration is written again at once."""


class Registration:
    """Writes the registration every 30 s and on change, and removes it on a clean stop.

    The Lambdas read `expires_at` by a clock that is the store's and not this machine's. So it is
    written in the store's time, as far as the answers to our own writes tell it.
    """

    def __init__(
        self,
        store: ObjectStore,
        queue: JobQueue,
        host_id: str,
        *,
        public_url: Callable[[], str | None],
        workflows: Callable[[], Sequence[Mapping[str, Any]]],
        clock: Clock,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._store = store
        self._queue = queue
        self._host_id = host_id
        self._public_url = public_url
        self._workflows = workflows
        self._clock = clock
        self._interval_s = interval_s
        self._changed = asyncio.Event()
        self._ahead = timedelta(0)  # the store's clock before ours
        self._renewals = 0
        self._written: bytes | None = None
        self._etag: str | None = None
        self._told: tuple[bool, int] | None = None
        self._looking: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Something that a registration says is different now."""
        self._changed.set()

    def look(self) -> None:
        """Jobs came, went on or ended: soon see whether the queue is still as it was told.

        Cheap, for every commit; called on the core's loop.
        """
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(LOOK_AFTER_S, self._compare)

    def _compare(self) -> None:
        self._looking = None
        present = self._present()
        if (present.accepting, present.queue_depth) != self._told:
            self.changed()

    async def run(self) -> None:
        """Register until cancelled; then leave, within a deadline."""
        failures = 0
        try:
            while True:
                self._changed.clear()
                failures = 0 if await self._register() else failures + 1
                # after an outage the Lambdas have to find the desk again soon
                again_s = backoff_s(failures) if failures else self._interval_s
                try:
                    async with asyncio.timeout(min(again_s, self._interval_s)):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            if self._looking is not None:
                self._looking.cancel()
            await self._leave()

    async def _register(self) -> bool:
        """Write it; whether the store took it."""
        workflows = _json({"version": 1, "workflows": list(self._workflows())})
        try:
            if abs(await self._write_host()) > SKEW_NOTED:
                await self._write_host()  # by now it is known how late it is there
            await self._write_workflows(workflows)
        except (TransientError, StoreError) as failure:
            log.warning("the registration waits for the store: %s", failure.message)
            return False
        return True

    async def _write_host(self) -> timedelta:
        """Write it; returns by how much the store's clock was other than thought."""
        present, before = self._present(), self._clock()
        info = await self._store.put(keys.host_key(self._host_id), _json(present.to_dict()))
        self._told = (present.accepting, present.queue_depth)
        known = self._ahead
        self._ahead = _ahead(known, before, info.last_modified, self._clock())
        return self._ahead - known

    async def _write_workflows(self, workflows: bytes) -> None:
        """Write them when they are others, or when the store has not what was written."""
        key = keys.host_workflows_key(self._host_id)
        self._renewals += 1
        if workflows == self._written and self._renewals % WORKFLOWS_LOOKED_AT == 0:
            found = await self._store.head(key)
            if found is None or found.etag != self._etag:
                log.warning("%s was removed or changed by somebody: it is written again", key)
                self._written = None
        if workflows != self._written:
            self._etag = (await self._store.put(key, workflows)).etag
            self._written = workflows

    def _present(self) -> HostRegistration:
        state: HostState = "running"
        if self._queue.draining is not None:
            state = "draining"
        elif self._queue.paused is not None:
            state = "paused"
        return HostRegistration(
            host_id=self._host_id,
            webhook_url=self._public_url(),
            accepting=not self._queue.refusals(),
            state=state,
            queue_depth=self._queue.depth,
            expires_at=self._clock() + self._ahead + timedelta(seconds=REGISTRATION_TTL_S),
        )

    async def _leave(self) -> None:
        # what it offers stays: jobs that come meanwhile are checked by it and wait for the desk
        try:
            async with asyncio.timeout(LEAVE_DEADLINE_S):
                await self._store.delete([keys.host_key(self._host_id)])
        except (TimeoutError, TransientError, StoreError):
            log.warning("the registration could not be removed; it expires by itself")


def _ahead(known: timedelta, before: datetime, written: datetime, after: datetime) -> timedelta:
    """How far the store's clock is ahead of ours: `known`, or what is nearest to it and can be.

    The store wrote between `before` and `after`, which are ours, at `written`, which is the
    store's own time in whole seconds.
    """
    least, most = written - after, written + timedelta(seconds=1) - before
    return min(max(known, least), most)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
