"""Health: one list of checks, each with a sentence and a remedy."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

import psutil

from jigdesk.app.engine import EngineHost
from jigdesk.app.kept_check import CheckCall, KeptCheck
from jigdesk.domain.check import Check
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.ports import Journal
from jigdesk.services.outbox import KINDS, StoreOutbox
from jigdesk.services.queue import JobQueue
from jigdesk.services.stopping import Stopper

CHECK_DEADLINE_S = 10.0
LOW_MEMORY_BYTES = 1024**3
OUTBOX_LATE_S = 60.0
RESUME = "Resume the queue."

WATCH_EVERY_S = 60.0
RECHECK_EVERY_S = 5.0

log = logging.getLogger(__name__)


class Health:
    """Runs every check at once, each with a deadline. Lives on the core's loop."""

    def __init__(
        self,
        mend: str = "Mend it; the check runs again.",
        *,
        clock: Clock = utc_now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`mend` is the remedy of a failure that has none of its own."""
        self._checks: dict[str, KeptCheck] = {}
        self._bugs: dict[str, str] = {}
        self._mend = mend
        self._clock = clock
        self._seconds = seconds

    def add(self, name: str, check: CheckCall, *, keep_s: float = 0.0) -> None:
        """A check by the name that is shown.

        One that costs requests or writes has `keep_s`: its last answer serves who looks for so
        long while it is ok, and for KEEP_S at most while it is not.
        """
        run = partial(self._one, name, check)
        self._checks[name] = KeptCheck(name, run, keep_s, self._clock, self._seconds)

    def follow(self, name: str, listener: Callable[[Check], None]) -> None:
        """Call `listener` with every new answer of this check; it must not block or raise."""
        self._checks[name].follow(listener)

    async def look(self) -> Sequence[Check]:
        """Every check's answer anew, in the order in which they were added."""
        return await asyncio.gather(*(check.fresh() for check in self._checks.values()))

    async def recent(self) -> Sequence[Check]:
        """As `look`, with the answers of a moment ago where getting them again costs something."""
        return await asyncio.gather(*(check.recent() for check in self._checks.values()))

    async def watch(self, every_s: float = WATCH_EVERY_S) -> None:
        """Look now and then until cancelled, and log what changed: nobody may be looking."""
        levels: dict[str, str] = {}
        while True:
            await asyncio.sleep(every_s)
            for check in await self.look():
                if check.level != levels.get(check.name, "ok"):
                    good = check.level == "ok"
                    say = log.info if good else log.warning
                    say("health: %s is %s: %s", check.name, check.level, check.message)
                levels[check.name] = check.level

    async def recheck(self, name: str, every_s: float = RECHECK_EVERY_S) -> None:
        """Until cancelled: while this check's last answer is an error, run it again soon."""
        check = self._checks[name]
        while True:
            await asyncio.sleep(every_s)
            if check.last is not None and check.last.level == "error":
                await check.fresh()

    async def _one(self, name: str, check: CheckCall) -> Check:
        try:
            async with asyncio.timeout(CHECK_DEADLINE_S):
                answer = await check()
        except TimeoutError:
            return Check(name, "error", f"No answer in {CHECK_DEADLINE_S:g} s.", "Look at its log.")
        except JigDeskError as failure:
            return Check(name, "error", failure.message, self._mend)
        except Exception as bug:  # noqa: BLE001 - logged whole; the other checks and the desk go on
            return self._failed(name, bug)
        self._bugs.pop(name, None)
        return answer

    def _failed(self, name: str, bug: Exception) -> Check:
        """A bug in a check; its traceback is logged once, since looks come often."""
        if self._bugs.get(name) != repr(bug):
            self._bugs[name] = repr(bug)
            log.error("the check %s failed itself", name, exc_info=bug)
        message = f"This check itself failed ({type(bug).__name__}): nothing is known of it."
        return Check(name, "error", message, "This is a fault in JigDesk: its log says where.")


def memory_check() -> CheckCall:
    """Whether this machine has memory left."""

    async def check() -> Check:
        memory = await asyncio.to_thread(psutil.virtual_memory)
        message = f"{memory.available / 1e9:.1f} GB of {memory.total / 1e9:.0f} GB are free."
        if memory.available < LOW_MEMORY_BYTES:
            return Check("memory", "warning", message, "End other programs, or add memory.")
        return Check("memory", "ok", message)

    return check


def engine_check(engine: EngineHost, stopper: Stopper) -> CheckCall:
    """Whether the engine answers, and lets go of what was cancelled."""

    async def check() -> Check:
        found = await engine.check()
        overdue_s = stopper.overdue_s()
        if found.level != "ok" or overdue_s is None:
            return found
        message = f"The engine still runs a job that was cancelled {overdue_s:.0f} s ago."
        where = "where it runs" if engine.supervisor is None else "(`jigdesk comfyui restart`)"
        return Check(
            "engine",
            "warning",
            message,
            f"It cannot stop in mid-step or while it loads a model: wait, or restart it {where}.",
        )

    return check


def queue_check(queue: JobQueue) -> CheckCall:
    """Whether jobs are accepted and run."""

    async def check() -> Check:
        if queue.paused is not None:
            ends = queue.paused_by_word is None
            remedy = "It ends by itself; resuming lets jobs run now." if ends else RESUME
            return Check("queue", "warning", f"Held: {queue.paused}", remedy)
        if reasons := queue.refusals():
            return Check(
                "queue", "warning", " ".join(reasons), "Let it run empty, or raise queue.max_depth."
            )
        return Check("queue", "ok", f"{queue.running} running, {queue.waiting} waiting.")

    return check


def journal_check(journal: Journal, outbox: StoreOutbox) -> CheckCall:
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
