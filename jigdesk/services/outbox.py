"""The outbox: what a committed change owes the store, delivered in order, for ever."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.changes import OutboxKind, OutboxRow
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JournalUnavailable, StoreError, TransientError
from jigdesk.domain.events import Event
from jigdesk.domain.job import Job, status_document
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.backoff import backoff_s
from jigdesk.services.claim import Claims, state_document

log = logging.getLogger(__name__)

KINDS = (OutboxKind.STATUS, OutboxKind.STATE, OutboxKind.PUT, OutboxKind.DELETE)
BATCH = 32
RECHECK_S = 1.0


class StoreOutbox:
    """Delivers the store's lane: one row of a job at a time, several jobs at once.

    A failure of any kind is tried again with backoff: what the owner can mend (a full disk,
    a wrong key) must not lose a result. Of a job that another desk claimed nothing goes out.
    Runs on the core's loop.
    """

    def __init__(
        self, journal: Journal, store: ObjectStore, claims: Claims, clock: Clock = utc_now
    ) -> None:
        self._journal = journal
        self._store = store
        self._claims = claims
        self._clock = clock
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._delivered = asyncio.Event()
        self.last_failure: str | None = None

    async def run(self) -> None:
        """Deliver until cancelled; what is under way at that moment is delivered again later."""
        unsubscribe = self._journal.subscribe(self._on_commit)
        try:
            while True:
                self._wake.clear()
                # a timer only while something failed and waits for its next try
                timeout_s = RECHECK_S if await self._is_left_waiting() else None
                try:
                    async with asyncio.timeout(timeout_s):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            unsubscribe()

    async def _is_left_waiting(self) -> bool:
        """Deliver what is due; whether something waits for its next try."""
        try:
            await self._deliver_due()
            waiting, _ = await self._journal.outbox_lag(KINDS)
        except JournalUnavailable as failure:  # what went out meanwhile may go out once more
            log.warning("the outbox waits for the journal: %s", failure.message)
            return True
        if not waiting:
            self._idle.set()
        return bool(waiting)

    async def flush(self) -> None:
        """Wait until nothing waits; put a deadline around it."""
        while True:
            waiting, _ = await self._journal.outbox_lag(KINDS)
            if not waiting:
                return
            self._idle.clear()
            self._wake.set()
            await self._idle.wait()

    async def settled(self, job_id: str) -> None:
        """Wait until the store has what this job owes it; put a deadline around it."""
        while True:
            delivered = self._delivered
            waiting, _ = await self._journal.outbox_lag(KINDS, job_id)
            if not waiting:
                return
            await delivered.wait()

    def _on_commit(self, _events: Sequence[Event], _jobs: Sequence[Job]) -> None:
        self._wake.set()

    async def _deliver_due(self) -> None:
        while rows := await self._journal.outbox(KINDS, now=self._clock(), limit=BATCH):
            done = await asyncio.gather(*(self._deliver(row) for row in rows))
            sent = [row.row_id for row, ok in zip(rows, done, strict=True) if ok]
            if sent:
                await self._journal.outbox_done(sent)
                self._delivered.set()
                self._delivered = asyncio.Event()
            for row, ok in zip(rows, done, strict=True):
                if not ok:
                    due = self._clock() + timedelta(seconds=backoff_s(row.tries + 1))
                    await self._journal.outbox_retry(row.row_id, due)

    async def _deliver(self, row: OutboxRow) -> bool:
        try:
            if await self._is_ours(row.job_id):
                await self._send(row)
        except (TransientError, StoreError) as failure:
            self.last_failure = failure.message
            log.warning(
                "%s of job %s waits for the store: %s", row.kind, row.job_id, failure.message
            )
            return False
        self.last_failure = None
        return True

    async def _is_ours(self, job_id: str) -> bool:
        if self._claims.held(job_id):
            return True
        job = await self._journal.job(job_id)
        return job is not None and await self._claims.hold(job)

    async def _send(self, row: OutboxRow) -> None:
        match row.kind:
            case OutboxKind.PUT:
                body = str(row.data["body"]).encode()
                await self._store.put(str(row.data["key"]), body, str(row.data["content_type"]))
            case OutboxKind.DELETE:
                await self._store.delete(list(row.data["keys"]))
            case OutboxKind.STATUS:
                if job := await self._journal.job(row.job_id):
                    document = status_document(job, self._claims.host_id)
                    await self._put(keys.status_key(row.job_id), document)
            case OutboxKind.STATE:
                if job := await self._journal.job(row.job_id):
                    document = await state_document(self._journal, job, self._claims.host_id)
                    await self._put(keys.state_key(row.job_id), document)
            case OutboxKind.PUBLISH:  # another lane's
                raise AssertionError("the store's lane got an event")

    async def _put(self, key: str, document: Mapping[str, Any]) -> None:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        await self._store.put(key, body)
