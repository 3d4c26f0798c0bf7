"""The cloud on one machine: with the local store, the desk runs the Lambdas' own logic.

An object that lands under `inputs/` or `outputs/` becomes an S3 event; the logic runs in a
thread and its webhook goes over real loopback HTTP, signed, like anybody's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

from jigdesk.adapters.store.local import LocalStore
from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, to_rfc3339
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.events import INPUTS, EventDraft
from jigdesk.domain.host import HostRegistration
from jigdesk.ports import Journal, Message
from lambdas.common.delivery import Desks
from lambdas.common.ports import WebhookSender
from lambdas.common.records import RecordsFailed
from lambdas.notify_webhook_on_s3_upload.logic import NotifyWebhook
from lambdas.s3_to_comfyui.logic import S3ToComfyUI

log = logging.getLogger(__name__)

WORKERS = 4
WAITING = 10_000
TRIES_AFTER_S = (0.5, 2.0, 10.0)
"""S3 tries an event twice more after minutes; here nobody has to wait that long."""


class JournalPublisher:
    """Puts the Lambdas' events on the desk's own event stream. Called from threads."""

    def __init__(self, journal: Journal, loop: asyncio.AbstractEventLoop) -> None:
        self._journal = journal
        self._loop = loop

    def publish(self, batch: Sequence[Message]) -> None:
        """Journal what the Lambda announces; blocks until it is committed."""
        for message in batch:
            if message.event != INPUTS:
                continue
            draft = EventDraft(INPUTS, {"keys_changed": list(message.data["keys_changed"])})
            asyncio.run_coroutine_threadsafe(
                self._journal.record_event(str(message.data["job_id"]), draft), self._loop
            ).result(timeout=10)


class ThisDesk(Desks):
    """The one desk that a local store belongs to, reached over loopback, tunnel or not."""

    def registered(self) -> tuple[HostRegistration, ...]:
        """None: the address on loopback is known."""
        return ()

    def for_job(self, job_id: str) -> tuple[str, ...]:
        """See `Desks.for_job`."""
        return self.for_new_job()


class LocalCloud:
    """Feeds object-created events to the Lambdas' logic. Lives on the core's loop.

    What is lost when the desk dies here, the sweep and the confirmation find by themselves.
    """

    def __init__(
        self,
        store: LocalStore,
        journal: Journal,
        sender: WebhookSender,
        webhook_url: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._created: asyncio.Queue[str] = asyncio.Queue(WAITING)
        desks = ThisDesk(store, sender, fallback_url=webhook_url, clock=clock)
        self._on_input = S3ToComfyUI(store, JournalPublisher(journal, self._loop), desks, clock)
        self._on_output = NotifyWebhook(store, desks)

    async def run(self) -> None:
        """Handle events until cancelled."""
        unsubscribe = self._store.on_created(self._announce)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
        finally:
            unsubscribe()

    def _announce(self, key: str) -> None:
        self._loop.call_soon_threadsafe(self._put, key)

    def _put(self, key: str) -> None:
        try:
            self._created.put_nowait(key)
        except asyncio.QueueFull:
            log.warning("too many uploads at once: %s is left to the sweep", key)

    async def _work(self) -> None:
        while True:
            key = await self._created.get()
            for wait_s in (*TRIES_AFTER_S, None):
                try:
                    await asyncio.to_thread(self._handle, key)
                    break
                except (JigDeskError, RecordsFailed) as failure:
                    log.warning("the event of %s failed: %s", key, failure)
                if wait_s is not None:
                    await asyncio.sleep(wait_s)

    def _handle(self, key: str) -> None:
        event = {"Records": [self._record(key)]}
        parsed = keys.parse_key(key)
        if parsed is None:
            return
        if parsed.area == "inputs":
            self._on_input.handle(event)
        else:
            self._on_output.handle(event)

    def _record(self, key: str) -> dict[str, Any]:
        return {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": to_rfc3339(self._clock()),
            "s3": {
                "bucket": {"name": self._store.bucket},
                "object": {
                    "key": quote_plus(key),
                    # another one for each write, as S3's is
                    "sequencer": f"{time.time_ns():016X}",
                },
            },
        }
