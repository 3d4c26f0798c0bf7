"""Pusher goes away, the desk goes away: nothing is lost, nothing comes twice, no job waits."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from jigdesk.domain.events import PROGRESS
from jigdesk.services.publishing import KINDS
from tests.harness.browser import BLUR, Browser, refine
from tests.harness.pictures import photo
from tests.harness.ports import free_port
from tests.harness.process import desk_process
from tests.harness.serving import STOPS_WITHIN_S
from tests.integration.desk.conftest import Desk, running_desk
from tests.realparts.soketi_server import Soketi, Subscriber, publisher_settings, subscriber

pytestmark = [pytest.mark.realparts, pytest.mark.slow]
OUTAGE_S = 20.0
SEEDS = itertools.count(100)


class Gate:
    """The desk's way to the server: while it is closed, every connection breaks.

    Pusher keeps no event for who comes later, so the desk is let through again only when the
    browsers are back.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.is_open = True
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Gate]:
        server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        async with server:
            yield self
            self.close()

    def close(self) -> None:
        self.is_open = False
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        self.is_open = True

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            both = {writer, far_writer}
            self._writers |= both
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(reader, far_writer))
                    group.create_task(_pump(far_reader, writer))
            finally:
                self._writers -= both
                for each in both:
                    each.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Run:
    """One job from the first call to its end, and how long it took from manifest to end."""

    def __init__(self, browser: Browser, request: dict[str, Any]) -> None:
        self.browser = browser
        self.request = request
        self.files = {"photo.png": photo(seed=next(SEEDS))}
        self.job_id = ""
        self.channel = ""
        self.seconds = 0.0
        self._created: dict[str, Any] = {}

    async def create(self) -> None:
        """Ask for the job, as a page does before it uploads anything."""
        self._created = await self.browser.create(self.request, self.files)
        self.job_id, self.channel = self._created["job_id"], self._created["channel"]

    async def go(self) -> None:
        """Upload everything and wait for the end, by the desk's own stream."""
        await self.start()
        begun = time.monotonic()
        assert (await self.browser.watch(self.job_id))[-1].name == "job_done"
        self.seconds = time.monotonic() - begun

    async def start(self) -> None:
        """Upload everything."""
        await self.browser.upload(self._created, self.files)
        await self.browser.send_manifest(self._created, self.request)


def assert_whole(page: Subscriber, run: Run, expected: Sequence[tuple[str, int]]) -> None:
    """Every event but progress came exactly once and in order; progress never went back."""
    heard = [
        (line["event"], line["data"]["seq"])
        for line in page.heard(run.channel)
        if line["event"] != "job:inputs"
    ]
    assert [one for one in heard if one[0] != PROGRESS] == list(expected)
    seqs = [seq for _, seq in heard]
    assert seqs == sorted(set(seqs))
    assert [name for name, _ in heard[-2:]] == ["job:completed", "job_done"]


async def _expected(desk: Desk, job_id: str) -> list[tuple[str, int]]:
    events = await desk.core.journal.events(job_id)
    return [(e.name, e.seq) for e in events if e.name not in (PROGRESS, "job:inputs")]


async def test_twenty_seconds_without_pusher_lose_nothing_and_slow_no_job(
    soketi: Soketi, tmp_path: Path
) -> None:
    gate = Gate(soketi.port)
    env = {**publisher_settings(gate.port), "JIGDESK_DEMO_STEP_S": "0.05"}
    async with (
        gate.running(),
        running_desk(tmp_path / "home", **env) as desk,
        subscriber(soketi.port) as page,
    ):

        async def in_peace(count: int) -> list[Run]:
            runs = [Run(desk.browser, refine(20)) for _ in range(count)]
            for run in runs:
                await run.create()
                await page.follow(run.channel)
                await run.go()
            return runs

        before = await in_peace(4)

        cut = Run(desk.browser, refine(60))  # its events begin before and end within the outage
        await cut.create()
        await page.follow(cut.channel)
        going = asyncio.create_task(cut.go())
        await page.until(lambda: page.count(cut.channel, PROGRESS) > 3)
        gate.close()
        await soketi.kill()
        down_since = time.monotonic()
        await going

        during: list[Run] = []
        while time.monotonic() - down_since < OUTAGE_S:
            run = Run(desk.browser, refine(20))
            await run.create()
            await page.subscribe(run.channel)
            await run.go()
            during.append(run)
        waiting, age_s = await desk.core.journal.outbox_lag()
        assert waiting > 4 * len(during)
        assert age_s > OUTAGE_S - 5

        await soketi.start()
        await page.subscribed(cut.channel, times=2)
        await page.subscribed(*(run.channel for run in during))
        gate.open()
        await page.done(*(run.channel for run in [*before, cut, *during]))
        after = await in_peace(4)
        await page.done(*(run.channel for run in after))
        for run in [*before, cut, *during, *after]:
            assert_whole(page, run, await _expected(desk, run.job_id))
        await desk.settled()
        health = {check.name: check.level for check in await desk.core.health.look()}
        assert health["publisher"] == "ok"
        # the quickest of each: whatever else this machine does makes some runs slower
        usual = min(run.seconds for run in [*before, *after])
        slower = min(run.seconds for run in during) / usual
        assert slower < 1.5, f"jobs took {slower:.2f} times as long without Pusher"


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
async def test_a_desk_that_restarts_during_the_outage_goes_on_after_it(
    soketi: Soketi, tmp_path: Path, killed: bool
) -> None:
    env = {**soketi.settings, "JIGDESK_DEMO_STEP_S": "0.05"}
    async with desk_process(tmp_path / "home", env) as (desk, browser):
        await soketi.kill()
        ended, cut = Run(browser, BLUR), Run(browser, refine(40))
        for run in (ended, cut):
            await run.create()
        await ended.go()
        await cut.start()
        await browser.until(cut.job_id, "running")
        if killed:
            await desk.kill()
        else:
            begun = time.monotonic()
            assert await desk.terminate() == 0
            assert time.monotonic() - begun < STOPS_WITHIN_S + desk.started_in_s

        await soketi.start()
        async with subscriber(soketi.port) as page:
            await page.follow(ended.channel, cut.channel)
            await desk.start()
            await page.done(ended.channel, cut.channel)
            for run in (ended, cut):
                stream = await browser.watch(run.job_id)
                told = [(e.name, e.seq) for e in stream if e.name not in (PROGRESS, "job:inputs")]
                assert_whole(page, run, told)

            # the next start finds nothing left to say of them
            said = len(page.heard(ended.channel)) + len(page.heard(cut.channel))
            assert await desk.terminate() == 0
            await desk.start()
            fresh = Run(browser, BLUR)
            await fresh.create()
            await page.follow(fresh.channel)
            await fresh.go()
            await page.done(fresh.channel)
            assert len(page.heard(ended.channel)) + len(page.heard(cut.channel)) == said


async def test_a_server_that_never_answers_holds_up_neither_a_job_nor_the_stop(
    tmp_path: Path,
) -> None:
    taken: set[asyncio.StreamWriter] = set()

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.add(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with running_desk(tmp_path / "home", **publisher_settings(port)) as desk:
            run = Run(desk.browser, BLUR)
            await run.create()
            await run.go()
            assert taken
            assert (await desk.core.journal.outbox_lag(KINDS))[0] > 4
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 30
        for writer in taken:
            writer.transport.abort()
