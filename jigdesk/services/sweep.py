"""Sweep: what webhooks did not tell is found in the store.

Its cost does not grow with finished jobs: a sweep reads at most `PAGES` pages of job prefixes,
asks the store about at most `ASKS` jobs, and goes on from there the next time. It asks only
about jobs that neither the journal nor a bounded memory of earlier answers knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import (
    ErrorCode,
    JobError,
    StoreError,
    TransientError,
)
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.manifest import MAX_REQUEST_BYTES, parse_request
from jigdesk.ports import Journal, ObjectInfo, ObjectStore
from jigdesk.services.claim import Claim, Claims, read_claim
from jigdesk.services.ends import Ends
from jigdesk.services.intake import JobIntake

log = logging.getLogger(__name__)

PAGES = 2
PAGE = 1_000
ASKS = 500
AGE = timedelta(seconds=30)
INCOMPLETE_AGE = timedelta(hours=24)
LOOK_AGAIN = timedelta(minutes=10)
"""How often an incomplete job is looked at; while it is younger, whenever its age doubled."""
REMEMBERED = 100_000


class Sweeper:
    """Looks through `inputs/` for jobs that nobody took. Runs on the core's loop."""

    def __init__(
        self,
        journal: Journal,
        store: ObjectStore,
        intake: JobIntake,
        ends: Ends,
        claims: Claims,
        *,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._journal = journal
        self._store = store
        self._intake = intake
        self._ends = ends
        self._claims = claims
        self._clock = clock
        self._interval_s = interval_s
        self._ids: deque[str] = deque()
        self._after: str | None = None
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._due: OrderedDict[str, datetime] = OrderedDict()
        self._now = asyncio.Event()
        self._sweeping = asyncio.Lock()
        self.last_failure: str | None = None

    def now(self) -> None:
        """Sweep at once: a pause ended, or the tunnel came back."""
        self._now.set()

    async def run(self) -> None:
        """Sweep every `interval_s` until cancelled."""
        while True:
            self._now.clear()
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
                continue

    async def sweep(self) -> int:
        """One round, one at a time; returns how many jobs it took in or failed."""
        async with self._sweeping:
            return await self._round()

    async def _round(self) -> int:
        pages = asked = found = 0
        while asked < ASKS:
            if not self._ids:
                if pages == PAGES or (pages and self._after is None):
                    break
                await self._turn_page()
                pages += 1
                continue
            job_id = self._ids[0]
            if await self._is_unknown(job_id):
                asked += 1
                found += await self._look_safely(job_id)
            self._ids.popleft()  # only now: what a failure cut short is looked at again
        return found

    async def _turn_page(self) -> None:
        after, self._after = self._after, None  # a cursor that is refused is not tried again
        page = await self._store.page("inputs/", after=after, limit=PAGE, delimiter="/")
        self._ids.extend(prefix.removeprefix("inputs/").rstrip("/") for prefix in page.prefixes)
        self._after = page.next_after

    async def _is_unknown(self, job_id: str) -> bool:
        if not is_job_id(job_id) or job_id in self._settled:
            return False
        due = self._due.get(job_id)
        # later than ever it is put off: the clock was set back meanwhile
        if due is not None and timedelta(0) < due - self._clock() <= LOOK_AGAIN:
            return False
        # one that the journal has is in the queue, or at its end
        return await self._journal.job(job_id) is None

    async def _look_safely(self, job_id: str) -> bool:
        """Look at one job; what the store refuses about it keeps no other from being found."""
        try:
            return await self._look(job_id)
        except StoreError as refusal:
            log.warning("the sweep passes over job %s: %s", job_id, refusal.message)
            self._look_again(job_id, LOOK_AGAIN)
            return False

    async def _look(self, job_id: str) -> bool:
        claim = await read_claim(self._store, job_id)
        if claim is not None and self._is_taken(claim):
            self._settle(job_id)
            return False
        listing = (await self._store.page(keys.inputs_prefix(job_id), limit=PAGE)).objects
        if not listing:
            return False
        age = self._clock() - max(info.last_modified for info in listing)
        if age < AGE:
            self._look_again(job_id, min(AGE - age, AGE))
            return False
        missing = await self._missing(job_id, listing)
        if missing is None:
            return await self._take(job_id)
        if age >= INCOMPLETE_AGE:
            return await self._give_up(job_id, missing)
        self._look_again(job_id, min(age, LOOK_AGAIN, INCOMPLETE_AGE - age))
        return False

    def _is_taken(self, claim: Claim) -> bool:
        """Whether nothing is to be done here: it ended, or is another desk's.

        A job that this desk has under way, and that its journal does not know, went down with
        an older journal; a claim that cannot be understood is none.
        """
        if claim.host_id is None:
            return False
        return claim.ended or claim.host_id != self._claims.host_id

    async def _missing(self, job_id: str, listing: Sequence[ObjectInfo]) -> str | None:
        """What the job still lacks, in words; None when it is complete."""
        present = {info.key for info in listing}
        # only a listing that was cut short can have missed one
        is_whole = len(listing) < PAGE

        async def is_there(key: str) -> bool:
            return key in present or (not is_whole and await self._store.head(key) is not None)

        if not await is_there(keys.request_key(job_id)):
            if await is_there(keys.instructions_key(job_id)):
                return None
            return "request.json was never uploaded."
        try:
            body, _ = await self._store.get(keys.request_key(job_id), MAX_REQUEST_BYTES)
            manifest = parse_request(body, job_id)
        except (JobError, StoreError):
            return None  # prepare says what is wrong with it
        for path in manifest.files():
            if not await is_there(keys.input_key(job_id, path)):
                return f"The file {path} was never uploaded."
        return None

    async def _take(self, job_id: str) -> bool:
        if self._intake.refusals():
            return False  # it stays where it is, for this desk later or for another now
        log.info("job %s was found by the sweep", job_id)
        await self._intake.accept(Arrival(job_id, self._store.bucket, None))
        self._due.pop(job_id, None)
        return True

    async def _give_up(self, job_id: str, missing: str) -> bool:
        arrival = Arrival(job_id, self._store.bucket, None)
        acceptance = await self._journal.accept(arrival, Change())
        if acceptance.duplicate:
            return False
        try:
            ours = await self._claims.hold(acceptance.job)
        except (TransientError, StoreError):
            await self._journal.forget(job_id)  # or it would stay here, in nobody's queue
            raise
        if not ours:
            await self._journal.forget(job_id)
            return False
        await self._ends.fail(acceptance.job, JobError(ErrorCode.MISSING_INPUT, missing))
        self._due.pop(job_id, None)
        return True

    def _settle(self, job_id: str) -> None:
        self._settled[job_id] = None
        self._due.pop(job_id, None)
        while len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)

    def _look_again(self, job_id: str, wait: timedelta) -> None:
        self._due[job_id] = self._clock() + wait
        self._due.move_to_end(job_id)
        while len(self._due) > REMEMBERED:
            self._due.popitem(last=False)
