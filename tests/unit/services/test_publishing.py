"""Every event reaches the publisher, in order, whatever the publisher does meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change, OutboxKind
from jigdesk.domain.errors import (
    JigDeskError,
    PublishError,
    PublishForbidden,
    PublishRejected,
    StoreUnavailable,
)
from jigdesk.domain.events import (
    ACCEPTED,
    COMPLETED,
    DONE_SHORT,
    INPUTS,
    NEW_FILES,
    PROGRESS,
    Event,
    EventDraft,
)
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Message
from jigdesk.services import publishing
from jigdesk.services.publishing import KINDS, PublishOutbox
from tests.harness.waiting import PATIENCE_S, eventually

ACCEPT = Change(events=(EventDraft(ACCEPTED, {"status": "accepted", "position": 1}),))


class Browsers:
    """What a Pusher of the test's own was sent; it fails, waits or refuses as it is told."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Message]] = []
        self.tries = 0
        self.failure: PublishError | None = None
        self.rejects: Callable[[Message], bool] = lambda _: False
        self.open = asyncio.Event()
        self.open.set()
        self.got = asyncio.Condition()

    async def publish(self, batch: Sequence[Message]) -> None:
        async with self.got:
            self.tries += 1
            self.got.notify_all()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        if any(self.rejects(message) for message in batch):
            raise PublishRejected("Not this one.")
        async with self.got:
            self.batches.append(batch)
            self.got.notify_all()

    def heard(self, job_id: str) -> list[tuple[str, int]]:
        """Names and seqs of a job in the order in which they came."""
        return [
            (message.event, message.data["seq"])
            for batch in self.batches
            for message in batch
            if message.data["job_id"] == job_id
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self.got:
            await self.got.wait_for(condition)


class World:
    """A journal that publishes, an outbox and the browsers behind it."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.browsers = Browsers()
        self.owned_by_users: set[str] = set()
        self.store_failure: StoreUnavailable | None = None
        self.others: set[str] = set()
        self.settled_at: list[int] = []
        self.outbox = PublishOutbox(
            journal, self.browsers, self.render, self.is_private, self.hold, self.settled
        )

    async def render(self, event: Event) -> dict[str, Any]:
        if self.store_failure is not None:
            raise self.store_failure
        data = dict(event.data)
        if "files" in data:
            data["files"] = [{**file, "url": f"https://x/{file['key']}"} for file in data["files"]]
        return data

    async def is_private(self, job_id: str) -> bool:
        return job_id in self.owned_by_users

    async def hold(self, job: Job) -> bool:
        return job.job_id not in self.others

    async def settled(self, _job_id: str) -> None:
        self.settled_at.append(len(self.browsers.batches))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.outbox.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    async def job(self) -> str:
        job_id = str(uuid.uuid4())
        await self.journal.accept(Arrival(job_id, "bucket", None), ACCEPT)
        return job_id

    async def tell(self, job_id: str, *drafts: EventDraft) -> None:
        await self.journal.apply(job_id, Change(events=drafts))

    async def progress(self, job_id: str, value: float) -> None:
        draft = EventDraft(PROGRESS, {"status": "running", "stage": "a", "progress": value})
        await self.tell(job_id, draft)

    async def complete(self, job_id: str, count: int = 1) -> None:
        files = [{"key": f"outputs/{job_id}/a/{n}.png", "kind": "image"} for n in range(count)]
        await self.tell(
            job_id,
            EventDraft(COMPLETED, {"files": files}),
            EventDraft(DONE_SHORT, {"files": files}),
        )

    async def drained(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while (await self.outbox.lag())[0]:  # noqa: ASYNC110 - the journal says no event
                await asyncio.sleep(0.005)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(publishing, "backoff_s", lambda _tries, **_: 0.02)
    monkeypatch.setattr(publishing, "RECHECK_S", 0.02)
    async with SqliteJournal.open(tmp_path / "journal.db", publishing=True) as journal:
        yield World(journal)


async def test_events_go_out_in_order_and_the_last_two_together(world: World) -> None:
    async with world.running():
        job_id = await world.job()
        await world.progress(job_id, 0.5)
        await world.complete(job_id)
        await world.drained()
    names = [name for name, _ in world.browsers.heard(job_id)]
    assert names == [ACCEPTED, PROGRESS, COMPLETED, DONE_SHORT]
    assert [m.event for m in world.browsers.batches[-1]][-2:] == [COMPLETED, DONE_SHORT]
    last = world.browsers.batches[-1][-1]
    assert last.channel == f"job-{job_id}"
    assert last.data["files"][0]["url"].startswith("https://x/outputs/")
    assert world.outbox.delivered


async def test_the_end_goes_out_after_the_store_says_the_same(world: World) -> None:
    job_id = await world.job()
    async with world.running():
        await world.drained()
        assert world.settled_at == []
        ended = Change(to=JobStatus.CANCELLED, events=(EventDraft(DONE_SHORT, {}),))
        await world.journal.apply(job_id, ended)
        await world.drained()
    assert world.settled_at == [1]  # before the second batch
    assert len(world.browsers.batches) == 2


async def test_of_a_job_that_another_desk_holds_nothing_is_said(world: World) -> None:
    job_id = await world.job()
    world.others.add(job_id)
    async with world.running():
        await world.drained()
    assert world.browsers.batches == []


async def test_completed_waits_for_its_short_name_rather_than_end_a_full_batch(
    world: World,
) -> None:
    job_id = await world.job()
    for number in range(8):
        await world.tell(job_id, EventDraft(NEW_FILES, {"stage": f"s{number}", "new_files": []}))
    await world.complete(job_id)
    async with world.running():
        await world.drained()
    assert [len(batch) for batch in world.browsers.batches] == [9, 2]
    assert [m.event for m in world.browsers.batches[1]] == [COMPLETED, DONE_SHORT]


async def test_no_batch_has_more_than_ten_and_none_is_empty(world: World) -> None:
    job_id = await world.job()
    for number in range(35):
        await world.tell(job_id, EventDraft(NEW_FILES, {"stage": f"s{number}", "new_files": []}))
    async with world.running():
        await world.drained()
    assert {len(batch) for batch in world.browsers.batches[:-1]} == {10}
    seqs = [seq for _, seq in world.browsers.heard(job_id)]
    assert seqs == list(range(1, 37))


async def test_an_owner_who_signed_in_gets_a_private_channel_from_the_first_event_on(
    world: World,
) -> None:
    async with world.running():
        early = str(uuid.uuid4())
        world.owned_by_users.add(early)
        await world.journal.record_event(early, EventDraft(INPUTS, {"keys_changed": ["k"]}))
        await world.journal.accept(Arrival(early, "bucket", None), ACCEPT)
        known = await world.job()
        await world.journal.apply(known, Change(fields={"owner_id": "user:u1"}))
        await world.complete(known)
        await world.drained()
    channels = {(m.event, m.channel) for batch in world.browsers.batches for m in batch}
    assert {channel for name, channel in channels if early in channel} == {f"private-job-{early}"}
    assert (DONE_SHORT, f"private-job-{known}") in channels


async def test_announced_uploads_carry_seq_0(world: World) -> None:
    async with world.running():
        job_id = str(uuid.uuid4())
        await world.journal.record_event(job_id, EventDraft(INPUTS, {"keys_changed": ["k"]}))
        await world.drained()
    assert world.browsers.heard(job_id) == [(INPUTS, 0)]
    assert world.browsers.batches[0][0].data["keys_changed"] == ["k"]


async def test_while_pusher_is_slow_progress_becomes_the_newest_one(world: World) -> None:
    async with world.running():
        job_id = await world.job()
        await world.progress(job_id, 0.0)
        await world.drained()
        world.browsers.open.clear()
        before = world.browsers.tries
        await world.progress(job_id, 0.01)
        await world.browsers.until(lambda: world.browsers.tries > before)
        for step in range(2, 100):
            await world.progress(job_id, step / 100)
        rows, _ = await world.outbox.lag()
        assert rows <= 2  # however many frames there were
        world.browsers.open.set()
        await world.complete(job_id)
        await world.drained()
    heard = world.browsers.heard(job_id)
    seqs = [seq for _, seq in heard]
    assert seqs == sorted(set(seqs))
    assert len(heard) <= 6
    shown = [m.data["progress"] for b in world.browsers.batches for m in b if m.event == PROGRESS]
    assert shown[-1] == 0.99
    assert heard[-2:] == [(COMPLETED, seqs[-2]), (DONE_SHORT, seqs[-1])]


async def test_a_dead_pusher_is_asked_with_one_batch_and_then_gets_everything_once(
    world: World,
) -> None:
    world.browsers.failure = PublishError("Pusher cannot be reached.")
    jobs = [await world.job() for _ in range(20)]
    async with world.running():
        await world.browsers.until(lambda: world.browsers.tries >= 8)
        assert world.outbox.failure is world.browsers.failure
        # four jobs at first, then one for each backoff
        assert world.browsers.tries <= 12
        for job_id in jobs:
            await world.complete(job_id)
        told: list[JigDeskError | None] = []
        world.browsers.rejects = lambda _: bool(told.append(world.outbox.failure))
        world.browsers.failure = None
        await world.drained()
        await eventually(lambda: world.outbox.failure is None)  # the last answer may be on its way
    assert told[0] is not None
    assert told[-1] is None, "it says so with the first answer and not with the last"
    for job_id in jobs:
        assert world.browsers.heard(job_id) == [(ACCEPTED, 1), (COMPLETED, 2), (DONE_SHORT, 3)]


async def test_what_waits_goes_out_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with SqliteJournal.open(path, publishing=True) as journal:
        before = World(journal)
        before.browsers.failure = PublishForbidden("Wrong secret.")
        job_id = await before.job()
        await before.complete(job_id)
        async with before.running():
            await before.browsers.until(lambda: before.browsers.tries >= 1)
    async with SqliteJournal.open(path, publishing=True) as journal:
        after = World(journal)
        async with after.running():
            await after.drained()
        assert [name for name, _ in after.browsers.heard(job_id)] == [
            ACCEPTED,
            COMPLETED,
            DONE_SHORT,
        ]


async def test_a_desk_without_a_publisher_owes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with SqliteJournal.open(path, publishing=True) as journal:
        await World(journal).job()
        assert (await journal.outbox_lag(KINDS))[0] == 1
    async with SqliteJournal.open(path) as journal:
        await World(journal).job()
        assert (await journal.outbox_lag([OutboxKind.PUBLISH]))[0] == 0


async def test_one_event_that_is_not_taken_holds_its_own_job_back_and_not_for_ever(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bad = await world.job()
    await world.tell(bad, EventDraft(NEW_FILES, {"stage": "poison", "new_files": []}))
    await world.complete(bad)
    good = await world.job()
    await world.complete(good)
    world.browsers.rejects = lambda message: message.data.get("stage") == "poison"
    async with world.running():
        await world.browsers.until(lambda: len(world.browsers.heard(good)) == 3)
        assert world.browsers.heard(bad) in ([], [(ACCEPTED, 1)])  # held back
        await world.drained()
    assert [name for name, _ in world.browsers.heard(bad)] == [ACCEPTED, COMPLETED, DONE_SHORT]
    assert world.outbox.failure is None
    assert [r.levelname for r in caplog.records if "left out" in r.message] == ["ERROR"]


async def test_a_store_that_gives_no_urls_holds_nobody_else_back(world: World) -> None:
    world.store_failure = StoreUnavailable("not now")
    job_id = await world.job()
    async with world.running():
        async with asyncio.timeout(PATIENCE_S):
            while True:
                rows = await world.journal.outbox_of(job_id, KINDS, 1)
                if rows and rows[0].tries:
                    break
                await asyncio.sleep(0.005)
        assert world.outbox.failure is None
        world.store_failure = None
        await world.drained()
    assert world.browsers.heard(job_id) == [(ACCEPTED, 1)]


async def test_a_flush_tries_a_dead_pusher_once_and_a_living_one_until_all_is_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "backoff_s", lambda _tries, **_: 3600.0)
    world.browsers.failure = PublishError("down")
    job_id = await world.job()
    async with world.running():
        await eventually(lambda: world.outbox.failure is not None)
        async with asyncio.timeout(PATIENCE_S):
            await world.outbox.flush()
        assert world.browsers.tries == 2
        assert (await world.outbox.lag())[0] == 1
        world.browsers.failure = None
        await world.complete(job_id)
        async with asyncio.timeout(PATIENCE_S):
            await world.outbox.flush()
        assert len(world.browsers.heard(job_id)) == 3


async def test_more_files_than_fit_are_cut_and_said_so(world: World) -> None:
    async with world.running():
        job_id = await world.job()
        await world.complete(job_id, count=400)
        await world.drained()
    last = world.browsers.batches[-1][-1]
    assert last.data["truncated"] is True
    assert 0 < len(last.data["files"]) < 400
