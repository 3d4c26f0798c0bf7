"""Publishing: every event of the journal goes to the publisher, in order, job by job, for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from jigdesk.domain import events
from jigdesk.domain.changes import OutboxKind, OutboxRow
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import (
    JigDeskError,
    JournalUnavailable,
    PublishError,
    PublishRejected,
    StoreError,
    StoreUnavailable,
)
from jigdesk.domain.events import Event
from jigdesk.domain.job import Job
from jigdesk.ports import Journal, Message, Publisher
from jigdesk.services.backoff import backoff_s, until_it_works

log = logging.getLogger(__name__)

KINDS = (OutboxKind.PUBLISH,)
BATCH = 10
"""Events of one request; Pusher takes no more."""
JOBS_AT_ONCE = 4
REJECTIONS = 5
"""How often an event that the publisher answers but does not take is tried."""
ASK_AGAIN_S = 15.0
"""The longest wait between two tries at a publisher that takes nothing: browsers sit there."""
RECHECK_S = 1.0
SETTLE_S = 2.0
MAX_REMEMBERED = 1_000
_ENDS = frozenset({events.COMPLETED, events.FAILED})

Render = Callable[[Event], Awaitable[Mapping[str, Any]]]
"""The event's data with URLs added, without job_id and seq."""
IsPrivate = Callable[[str], Awaitable[bool]]
"""Whether a signed-in user owns a job whose row does not say it (yet)."""
Hold = Callable[[Job], Awaitable[bool]]
"""Whether the job is this desk's: of another desk's job only that one speaks."""
Settled = Callable[[str], Awaitable[None]]
"""Returns once the store has everything that the journal owes it of a job."""


class PublishOutbox:
    """Delivers the outbox's events: one batch of a job at a time, several jobs at once.

    Nothing of a job waits for it: it reads behind the journal, and what is superseded while the
    publisher is slow or down is not sent any more. A publisher that takes nothing is asked with
    one batch after each backoff, and everything follows once it answers. A batch may go out
    twice when its answer is lost; readers drop by seq. Runs on the core's loop.
    """

    def __init__(
        self,
        journal: Journal,
        publisher: Publisher,
        render: Render,
        is_private: IsPrivate,
        hold: Hold,
        settled: Settled,
        clock: Clock = utc_now,
    ) -> None:
        self._journal = journal
        self._publisher = publisher
        self._render = render
        self._is_private = is_private
        self._hold = hold
        self._settled = settled
        self._clock = clock
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._rounds = asyncio.Condition()
        self._private: dict[str, bool] = {}
        self._failure: JigDeskError | None = None
        self._delivered = False

    @property
    def failure(self) -> JigDeskError | None:
        """Why nothing goes out now; None while everything does."""
        return self._failure

    @property
    def delivered(self) -> bool:
        """Whether the publisher took something since the start."""
        return self._delivered

    async def lag(self) -> tuple[int, float]:
        """How many events wait, and the age of the oldest in seconds (0 when none)."""
        return await self._journal.outbox_lag(KINDS)

    async def run(self) -> None:
        """Deliver until cancelled; what is under way at that moment is delivered again later."""
        unsubscribe = self._journal.subscribe(self._on_commit)
        tries = 0
        try:
            while True:
                self._wake.clear()
                self._hurry.clear()
                failure = await self._round()
                tries = 0 if failure is None else tries + 1
                self._note(failure)
                async with self._rounds:
                    self._rounds.notify_all()
                if failure is not None:
                    await _wait(self._hurry, backoff_s(tries, cap_s=ASK_AGAIN_S))
                else:
                    # a timer only while a rejected event waits for its next try
                    waiting, _ = await until_it_works(self.lag)
                    await _wait(self._wake, RECHECK_S if waiting else None)
        finally:
            unsubscribe()

    async def flush(self) -> None:
        """Return when nothing waits that may go out, or when the publisher takes nothing.

        Put a deadline around it. Only while `run` runs.
        """
        before = None
        while (rows := (await self.lag())[0]) and rows != before:
            before = rows
            async with self._rounds:
                self._hurry.set()
                self._wake.set()
                await self._rounds.wait()
            if self._failure is not None:
                return

    def _on_commit(self, happened: Sequence[Event], _jobs: Sequence[Job]) -> None:
        if happened:
            self._wake.set()

    def _note(self, failure: JigDeskError | None) -> None:
        if failure is not None and self._failure is None:
            log.warning("events wait: %s", failure.message)
        elif failure is None and self._failure is not None:
            log.info("events go out again")
        self._failure = failure

    async def _round(self) -> JigDeskError | None:
        """Deliver whatever is due; returns what stopped all of it, None when nothing did."""
        probing = self._failure is not None
        try:
            while heads := await self._journal.outbox(
                KINDS, now=self._clock(), limit=1 if probing else JOBS_AT_ONCE
            ):
                async with asyncio.TaskGroup() as group:
                    sent = [group.create_task(self._deliver(head.job_id)) for head in heads]
                failures = [failure for task in sent if (failure := task.result()) is not None]
                if failures:
                    return failures[0]
                self._note(None)  # at once: what waited through a long outage takes its time
                probing = False
        except JournalUnavailable as failure:
            return failure
        return None

    async def _deliver(self, job_id: str) -> JigDeskError | None:
        """Send a job's next batch; returns what concerns every other job too."""
        rows: Sequence[OutboxRow] = ()
        try:
            rows = await self._journal.outbox_of(job_id, KINDS, BATCH)
            job = await self._journal.job(job_id)
            if job is not None and not await self._hold(job):
                await self._done([row.row_id for row in rows])
            else:
                await self._send(await self._messages(job_id, job, rows))
        except (PublishError, JournalUnavailable) as failure:
            return failure
        except (StoreUnavailable, StoreError) as failure:  # no URLs and no owner without it
            log.warning("the events of job %s wait for the store: %s", job_id, failure.message)
            await self._put_off(rows[0])
        return None

    async def _messages(
        self, job_id: str, job: Job | None, rows: Sequence[OutboxRow]
    ) -> Sequence[tuple[OutboxRow, Message]]:
        """What to send; rows whose event was superseded in the meantime are done."""
        found = await self._events(job_id, rows)
        gone = [row.row_id for row in rows if row.data["seq"] not in found]
        if gone:
            await self._done(gone)
        pairs = [(row, found[row.data["seq"]]) for row in rows if row.data["seq"] in found]
        if len(pairs) == BATCH and pairs[-1][1].name in _ENDS:
            pairs.pop()  # the short name goes out in the same batch as the long one
        if job is not None and job.status.is_final and pairs and pairs[-1][1].name in events.LAST:
            await self._let_settle(job_id)
        channel = events.channel(job_id, private=await self._private_channel(job_id, job))
        return [
            (row, Message(channel, event.name, await self._data(event))) for row, event in pairs
        ]

    async def _events(self, job_id: str, rows: Sequence[OutboxRow]) -> dict[int, Event]:
        wanted = [int(row.data["seq"]) for row in rows]
        found: dict[int, Event] = {}
        after = min(wanted, default=1) - 1
        while wanted and after < max(wanted):
            page = await self._journal.events(job_id, after, BATCH)
            if not page:
                break
            found.update({event.seq: event for event in page if event.seq in wanted})
            after = page[-1].seq
        return found

    async def _data(self, event: Event) -> Mapping[str, Any]:
        data = events.payload(replace(event, data=await self._render(event)))
        # a Lambda announces uploads without knowing any seq; a reader treats both alike
        return {**data, "seq": 0} if event.name == events.INPUTS else data

    async def _let_settle(self, job_id: str) -> None:
        """Whoever hears of a job's end and then reads status.json must find it there."""
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._settled(job_id)
        except TimeoutError:
            return  # a store that hangs keeps nobody from the news

    async def _private_channel(self, job_id: str, job: Job | None) -> bool:
        if job is not None and (job.owner_id or "").startswith("user:"):
            return True
        if job_id not in self._private:
            private = await self._is_private(job_id)
            if job is None:
                return private  # its request.json, which may claim an owner, is still to come
            while len(self._private) >= MAX_REMEMBERED:
                del self._private[next(iter(self._private))]
            self._private[job_id] = private
        return self._private[job_id]

    async def _send(self, pairs: Sequence[tuple[OutboxRow, Message]]) -> bool:
        """Send in one batch, or one by one when it is rejected; whether all of it went out."""
        if not pairs:
            return True
        try:
            await self._publisher.publish([message for _, message in pairs])
        except PublishRejected as rejection:
            if len(pairs) == 1:
                return await self._rejected(*pairs[0], rejection)
            for pair in pairs:
                if not await self._send([pair]):
                    return False
            return True
        self._delivered = True
        await self._done([row.row_id for row, _ in pairs])
        return True

    async def _rejected(self, row: OutboxRow, message: Message, rejection: PublishError) -> bool:
        """Try the event again later, holding its job back; in the end go on without it."""
        tries = row.tries + 1
        if tries < REJECTIONS:
            await self._put_off(row)
            return False
        log.error(
            "%s of job %s is left out after %d tries: %s",
            message.event,
            row.job_id,
            tries,
            rejection.message,
        )
        await self._done([row.row_id])
        return True

    async def _put_off(self, row: OutboxRow) -> None:
        due = self._clock() + timedelta(seconds=backoff_s(row.tries + 1))
        await until_it_works(lambda: self._journal.outbox_retry(row.row_id, due))

    async def _done(self, row_ids: Sequence[int]) -> None:
        await until_it_works(lambda: self._journal.outbox_done(row_ids))


async def _wait(event: asyncio.Event, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
