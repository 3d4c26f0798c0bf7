"""Sweep: what webhooks did not tell is found in the store.

Its cost does not grow with finished jobs: a sweep reads at most `PAGES` pages of job prefixes
and goes on from there the next time, and asks the store about a prefix only when neither the
journal nor a bounded memory of earlier answers knows it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import (
    ErrorCode,
    JobError,
    ObjectNotFound,
    StoreError,
    TransientError,
)
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.manifest import MAX_REQUEST_BYTES, parse_request
from jigdesk.ports import Journal, ObjectInfo, ObjectStore
from jigdesk.services.claim import claim, claimed_by
from jigdesk.services.ends import Ends
from jigdesk.services.intake import JobIntake

log = logging.getLogger(__name__)

PAGES = 2
PAGE = 1_000
AGE = timedelta(seconds=30)
INCOMPLETE_AGE = timedelta(hours=24)
REMEMBERED = 100_000


class Sweeper:
    """Looks through `inputs/` for jobs that nobody took. Runs on the core's loop."""

    def __init__(
        self,
        journal: Journal,
        store: ObjectStore,
        intake: JobIntake,
        ends: Ends,
        *,
        host_id: str,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._journal = journal
        self._store = store
        self._intake = intake
        self._ends = ends
        self._host_id = host_id
        self._clock = clock
        self._interval_s = interval_s
        self._after: str | None = None
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._now = asyncio.Event()
        self.last_failure: str | None = None

    def now(self) -> None:
        """Sweep at once: a pause ended, or the tunnel came back."""
        self._now.set()

    async def run(self) -> None:
        """Sweep every `interval_s` until cancelled."""
        while True:
            try:
                await self.sweep()
                self.last_failure = None
            except (TransientError, StoreError) as failure:
                self.last_failure = failure.message
                log.warning("the sweep waits for the store: %s", failure.message)
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._now.wait()
            except TimeoutError:
                pass
            self._now.clear()

    async def sweep(self) -> int:
        """One round; returns how many jobs it took in or failed."""
        found = 0
        for _ in range(PAGES):
            page = await self._store.page("inputs/", after=self._after, limit=PAGE, delimiter="/")
            for prefix in page.prefixes:
                found += await self._look(prefix.removeprefix("inputs/").rstrip("/"))
            self._after = page.next_after
            if self._after is None:
                break
        return found

    async def _look(self, job_id: str) -> bool:
        if not is_job_id(job_id) or job_id in self._settled:
            return False
        if await self._journal.job(job_id) is not None:
            return False  # the queue has it; its end is in the journal
        if await claimed_by(self._store, job_id) is not None:
            self._settle(job_id)  # another desk's
            return False
        listing = (await self._store.page(keys.inputs_prefix(job_id), limit=PAGE)).objects
        if not listing or self._clock() - max(o.last_modified for o in listing) < AGE:
            return False
        missing = await self._missing(job_id, listing)
        if missing is None:
            return await self._take(job_id)
        if self._clock() - max(o.last_modified for o in listing) > INCOMPLETE_AGE:
            return await self._give_up(job_id, missing)
        return False

    async def _missing(self, job_id: str, listing: Sequence[ObjectInfo]) -> str | None:
        """What the job still lacks, in words; None when it is complete."""
        present = {info.key for info in listing}
        if keys.request_key(job_id) not in present:
            if keys.instructions_key(job_id) in present:
                return None
            return "request.json was never uploaded."
        try:
            body, _ = await self._store.get(keys.request_key(job_id), MAX_REQUEST_BYTES)
            manifest = parse_request(body, job_id)
        except (JobError, StoreError, ObjectNotFound):
            return None  # prepare says what is wrong with it
        for path in manifest.files():
            key = keys.input_key(job_id, path)
            if key not in present and await self._store.head(key) is None:
                return f"The file {path} was never uploaded."
        return None

    async def _take(self, job_id: str) -> bool:
        if self._intake.refusals():
            return False  # it stays where it is, for this desk later or for another now
        log.info("job %s was found by the sweep", job_id)
        await self._intake.accept(Arrival(job_id, self._store.bucket, None))
        return True

    async def _give_up(self, job_id: str, missing: str) -> bool:
        arrival = Arrival(job_id, self._store.bucket, None)
        acceptance = await self._journal.accept(arrival, Change())
        if acceptance.duplicate:
            return False
        if not await claim(self._journal, self._store, acceptance.job, self._host_id):
            await self._journal.forget(job_id)
            return False
        await self._ends.fail(acceptance.job, JobError(ErrorCode.MISSING_INPUT, missing))
        return True

    def _settle(self, job_id: str) -> None:
        self._settled[job_id] = None
        while len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)
