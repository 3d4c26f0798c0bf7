"""Health: one list of checks, each with a sentence and a remedy."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence

from jigdesk.domain.errors import JigDeskError
from jigdesk.ports import Check, Journal, ObjectStore
from jigdesk.services.outbox import KINDS, StoreOutbox
from jigdesk.services.queue import JobQueue

CHECK_DEADLINE_S = 10.0
OUTBOX_LATE_S = 60.0


class Health:
    """Runs every check at once, each with a deadline. Lives on the core's loop."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], Awaitable[Check]]] = {}

    def add(self, name: str, check: Callable[[], Awaitable[Check]]) -> None:
        """A check by the name that is shown."""
        self._checks[name] = check

    async def look(self) -> Sequence[Check]:
        """Every check's answer, in the order in which they were added."""
        return await asyncio.gather(
            *(self._one(name, check) for name, check in self._checks.items())
        )

    async def _one(self, name: str, check: Callable[[], Awaitable[Check]]) -> Check:
        try:
            async with asyncio.timeout(CHECK_DEADLINE_S):
                return await check()
        except TimeoutError:
            return Check(name, "error", f"No answer in {CHECK_DEADLINE_S:g} s.", "Look at its log.")
        except JigDeskError as failure:
            return Check(name, "error", failure.message, "Mend it; the check runs again.")


def store_check(store: ObjectStore, host_id: str) -> Callable[[], Awaitable[Check]]:
    """Write, read back, list and delete a small object."""

    async def check() -> Check:
        key = f"hosts/{host_id}/check.json"
        body = json.dumps({"version": 1, "nonce": secrets.token_hex(8)}).encode()
        await store.put(key, body)
        try:
            back, _ = await store.get(key, 1024)
            listed = (await store.page(key, limit=1)).objects
        finally:
            await store.delete([key])
        if back != body or not listed:
            return Check(
                "store",
                "error",
                "The store does not return what was written.",
                "Check that nothing caches or rewrites the bucket's answers.",
            )
        return Check("store", "ok", f"Bucket {store.bucket} can be written, read and listed.")

    return check


def queue_check(queue: JobQueue) -> Callable[[], Awaitable[Check]]:
    """Whether jobs are accepted and run."""

    async def check() -> Check:
        if queue.paused is not None:
            return Check("queue", "warning", f"Held: {queue.paused}", "Resume the queue.")
        if reasons := queue.refusals():
            return Check(
                "queue", "warning", " ".join(reasons), "Let it run empty, or raise queue.max_depth."
            )
        return Check("queue", "ok", f"{queue.running} running, {queue.waiting} waiting.")

    return check


def journal_check(journal: Journal, outbox: StoreOutbox) -> Callable[[], Awaitable[Check]]:
    """Whether what is due to the outside gets out."""

    async def check() -> Check:
        rows, age_s = await journal.outbox_lag(KINDS)
        if rows and age_s > OUTBOX_LATE_S:
            why = outbox.last_failure or "The store does not answer."
            return Check(
                "outbox",
                "warning",
                f"{rows} writes have waited up to {age_s:.0f} s: {why}",
                "Nothing is lost: they go out when the store answers again.",
            )
        return Check("outbox", "ok", f"{rows} writes wait.")

    return check
