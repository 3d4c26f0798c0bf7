"""The queue: which job is prepared and run next, and who is under way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from jigdesk.domain.errors import TransientError
from jigdesk.domain.fairness import Waiting, in_turn
from jigdesk.domain.holds import Hold, HoldBy
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Journal
from jigdesk.services.backoff import backoff_s, until_it_works

log = logging.getLogger(__name__)

PREPARING_AT_ONCE = 2
FINISHING_AT_ONCE = 8

PAUSED = "paused"
DRAINING = "draining"


class Worker(Protocol):
    """Takes one job a part of its way; every step may be entered again."""

    async def prepare(self, job_id: str) -> None:
        """Accepted → queued, unless the job ends or is another desk's."""

    async def run(self, job_id: str, release: Callable[[], None]) -> None:
        """Queued → an end, or accepted again; `release` gives the engine's slot back."""

    async def finish(self, job_id: str) -> None:
        """Everything ran → stored, confirmed, completed."""


class JobQueue:
    """Holds every job that is not final and gives out the slots.

    Preparing and finishing have few slots of their own, so that a store that hangs never
    leaves more than a handful of jobs in memory; running has `concurrency` slots, taken in
    turn between owners. Lives on the core's loop; nothing in it waits on a timer.
    """

    def __init__(self, journal: Journal, *, concurrency: int, max_depth: int) -> None:
        self._journal = journal
        self._concurrency = concurrency
        self._max_depth = max_depth
        self._accepted: dict[str, Waiting] = {}
        self._queued: dict[str, Waiting] = {}
        self._resuming: dict[str, Waiting] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._phase: dict[str, str] = {}
        self._troubles: dict[str, int] = {}
        self._served: dict[str | None, int] = {}
        self._turns = 0
        self._flags: dict[str, str] = {}
        self._obstacles: dict[str, str] = {}
        self._holds: dict[HoldBy, Hold] = {}
        self._spares = 0
        self._asking: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._on_change: list[Callable[[], None]] = []
        self._on_turn: list[Callable[[], None]] = []

    # --- what others ask ---------------------------------------------------------------------

    @property
    def paused(self) -> str | None:
        """Why no job starts: the reasons of all holds; None when jobs start."""
        return " ".join(hold.reason for hold in self._holding()) or None

    @property
    def paused_until(self) -> datetime | None:
        """When jobs start again by themselves; None when nobody knows, or when they start now."""
        ends = [hold.until for hold in self._holding()]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def paused_by_word(self) -> str | None:
        """The reason of a pause that lasts until somebody resumes; None without one."""
        return self._flags.get(PAUSED)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Everything that holds the queue, and what was lifted."""
        word = self.paused_by_word
        paused = () if word is None else (Hold("pause", word),)
        return (*paused, *self._holds.values())

    @property
    def draining(self) -> str | None:
        """Why nothing new is accepted; None when it is."""
        return self._flags.get(DRAINING)

    @property
    def depth(self) -> int:
        """Jobs that are here and not final."""
        return len(self._accepted) + len(self._queued) + len(self._resuming) + len(self._tasks)

    @property
    def running(self) -> int:
        """Jobs that hold an engine slot."""
        return self._in("run")

    @property
    def concurrency(self) -> int:
        """How many engine slots there are."""
        return self._concurrency

    @property
    def waiting(self) -> int:
        """Jobs that wait for an engine slot or to be prepared."""
        return self.depth - len(self._tasks)

    def holding(self) -> tuple[str, ...]:
        """The jobs that hold an engine slot."""
        return tuple(job_id for job_id, phase in self._phase.items() if phase == "run")

    def refusals(self) -> Sequence[str]:
        """Why no job is accepted now; empty when jobs are accepted."""
        reasons = []
        if self._closing:
            reasons.append("The desk is shutting down.")
        if self.draining is not None:
            reasons.append(f"The queue is draining: {self.draining}")
        reasons.extend(self._obstacles.values())
        if self.depth >= self._max_depth:
            reasons.append(f"The queue is full: {self.depth} of {self._max_depth} jobs.")
        return reasons

    def position(self, job_id: str) -> int | None:
        """The place in the line, from 1; None when the job does not wait."""
        line = self._line()
        return next((i for i, job in enumerate(line, 1) if job.job_id == job_id), None)

    def positions(self) -> Mapping[str, int]:
        """The place in the line of every job that waits, from 1."""
        return {job.job_id: i for i, job in enumerate(self._line(), 1)}

    # --- what others tell --------------------------------------------------------------------

    async def load(self, jobs: Sequence[Job]) -> None:
        """Take over what the journal holds at the start."""
        for name in (PAUSED, DRAINING):
            if reason := await self._journal.queue_flag(name):
                self._flags[name] = reason
        for job in jobs:
            self.add(job)

    def add(self, job: Job) -> None:
        """A job that has to go on from where its status says."""
        entry = Waiting(job.job_id, job.owner_id, job.priority, job.queue_order)
        match job.status:
            case JobStatus.ACCEPTED | JobStatus.PREPARING:
                self._accepted[job.job_id] = entry
            case JobStatus.QUEUED | JobStatus.RUNNING:
                self._queued[job.job_id] = entry
            case JobStatus.UPLOADING | JobStatus.CONFIRMING:
                self._resuming[job.job_id] = entry
            case _:
                return
        self._wake.set()

    async def drop(self, job_id: str) -> None:
        """Stop whatever is done for this job, and wait until it stopped."""
        for line in (self._accepted, self._queued, self._resuming):
            line.pop(job_id, None)
        self._wake.set()
        task = self._tasks.get(job_id)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    def reprioritise(self, job: Job) -> None:
        """The job's priority or owner changed."""
        for line in (self._accepted, self._queued):
            if job.job_id in line:
                line[job.job_id] = Waiting(job.job_id, job.owner_id, job.priority, job.queue_order)

    def top_priority(self) -> int:
        """A priority above every job that waits."""
        return max((job.priority for job in self._line()), default=0) + 1

    async def set_flag(self, name: str, reason: str | None) -> None:
        """Pause or drain (a reason), or stop doing so (None); survives a restart."""
        await self._journal.set_queue_flag(name, reason)
        if reason is None:
            self._flags.pop(name, None)
        else:
            self._flags[name] = reason
        self._wake.set()
        self._tell_change()

    def hold(self, by: HoldBy, hold: Hold | None) -> None:
        """Start no job for a reason outside of the queue, until it is None again.

        One that was lifted stays so, whatever its words, until it was None. Not kept over a
        restart.
        """
        if hold is None:
            self._holds.pop(by, None)
        else:
            known = self._holds.get(by)
            self._holds[by] = replace(hold, lifted=known is not None and known.lifted)
        self._wake.set()
        self._tell_change()

    def lift(self) -> None:
        """Let jobs start in spite of what holds the queue now, until it holds it anew."""
        self._holds = {by: replace(hold, lifted=True) for by, hold in self._holds.items()}
        self._wake.set()
        self._tell_change()

    def obstruct(self, name: str, reason: str | None) -> None:
        """Take nothing new in for a reason outside of the queue, until it is None again."""
        if reason is None:
            self._obstacles.pop(name, None)
        else:
            self._obstacles[name] = reason
        self._tell_change()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the queue is held, drained or resumed; it must not raise."""
        self._on_change.append(listener)

    def on_turn(self, listener: Callable[[], None]) -> None:
        """Call `listener` after jobs came, started or ended; it must not block or raise."""
        self._on_turn.append(listener)

    def close(self) -> None:
        """Accept nothing more and start nothing more."""
        self._closing = True

    # --- slots for more than one stage of a job ----------------------------------------------

    async def spare_slot(self) -> None:
        """Return once an engine slot is free that no waiting job takes. Cancelling is safe."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking.append(turn)
        self._wake.set()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back_slot()  # it was given just then
            elif turn in self._asking:
                self._asking.remove(turn)
            raise

    def give_back_slot(self) -> None:
        """The slot is free again."""
        self._spares -= 1
        self._wake.set()

    # --- the loop ----------------------------------------------------------------------------

    async def serve(self, worker: Worker) -> None:
        """Give out slots until cancelled; what is under way is cancelled too (a checkpoint)."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                self._give_out(group, worker)
                for listener in tuple(self._on_turn):
                    listener()
                await self._wake.wait()

    def _give_out(self, group: asyncio.TaskGroup, worker: Worker) -> None:
        if self._closing:
            return
        while self._in("prepare") < PREPARING_AT_ONCE and (job := self._take(self._accepted)):
            self._start(group, "prepare", job.job_id, worker.prepare(job.job_id))
        while self._in("finish") < FINISHING_AT_ONCE and (job := self._take(self._resuming)):
            self._start(group, "finish", job.job_id, worker.finish(job.job_id))
        while self._may_run() and (job := self._take(self._queued)):
            self._turns += 1
            self._served[job.owner] = self._turns
            release = partial(self._release, job.job_id)
            self._start(group, "run", job.job_id, worker.run(job.job_id, release))
        while self._asking and self._may_run():
            turn = self._asking.pop(0)
            if not turn.done():
                self._spares += 1
                turn.set_result(None)

    def _holding(self) -> tuple[Hold, ...]:
        return tuple(hold for hold in self.holds if not hold.lifted)

    def _tell_change(self) -> None:
        for listener in tuple(self._on_change):
            listener()

    def _may_run(self) -> bool:
        return (
            not self._holding()
            and self._in("run") + self._spares < self._concurrency
            and self._in("finish") < FINISHING_AT_ONCE
        )

    def _start(
        self, group: asyncio.TaskGroup, phase: str, job_id: str, way: Coroutine[Any, Any, None]
    ) -> None:
        self._phase[job_id] = phase
        task = group.create_task(self._follow(job_id, way), name=f"{phase} {job_id}")
        self._tasks[job_id] = task
        task.add_done_callback(lambda _: self._ended(job_id))

    async def _follow(self, job_id: str, way: Coroutine[Any, Any, None]) -> None:
        try:
            await way
        except TransientError as trouble:  # a full disk, a store that is down: enter again later
            tries = self._troubles[job_id] = self._troubles.get(job_id, 0) + 1
            self._release(job_id)
            log.warning("job %s waits: %s", job_id, trouble.message)
            await asyncio.sleep(backoff_s(tries))
        else:
            self._troubles.pop(job_id, None)
        job = await until_it_works(lambda: self._journal.job(job_id))
        if job is not None:  # where it stands now says where it goes on; ended: nowhere
            self.add(job)

    def _release(self, job_id: str) -> None:
        self._phase[job_id] = "finish"
        self._wake.set()

    def _ended(self, job_id: str) -> None:
        del self._tasks[job_id]
        del self._phase[job_id]
        self._wake.set()

    def _in(self, phase: str) -> int:
        return sum(1 for value in self._phase.values() if value == phase)

    def _take(self, line: dict[str, Waiting]) -> Waiting | None:
        # a job whose last task is just ending waits for that: one task a job
        free = [job for job in line.values() if job.job_id not in self._tasks]
        if not free:
            return None
        job = in_turn(free, self._served)[0]
        return line.pop(job.job_id)

    def _line(self) -> list[Waiting]:
        return in_turn([*self._queued.values(), *self._accepted.values()], self._served)
