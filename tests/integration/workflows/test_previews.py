"""A running job's preview in the store: only while somebody looks, and not too often."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from jigdesk.adapters.store.threaded import ThreadedStore
from jigdesk.domain import keys
from jigdesk.domain.engine import Preview
from jigdesk.services.live_preview import LivePreviews
from jigdesk.services.previews import Previews
from tests.fakes.memory_store import MemoryStore, TickingClock
from tests.harness.browser import refine
from tests.harness.pictures import bomb, photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.workflows.conftest import workflow_desk

JOB = "5f0c6a57-9e37-4b5e-8b7e-5a3a7f3a0001"
OTHER = "5f0c6a57-9e37-4b5e-8b7e-5a3a7f3a0002"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - the store is what is waited for
            await asyncio.sleep(0.01)


async def test_a_browser_that_follows_sees_the_picture_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.3")
    async with workflow_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(refine(100), {"photo.png": photo()})
        urls = []
        async with asyncio.timeout(PATIENCE_S):
            async for heard in desk.browser.events(job_id):
                assert "preview_key" not in heard.data
                if "preview_url" in heard.data:
                    urls.append(heard.data["preview_url"])
                    if len(urls) == 2:
                        break
        assert f"jobs/{job_id}/preview.jpg" in urls[0]
        async with desk.browser.http.get(urls[1]) as answer:
            assert answer.content_type == "image/jpeg"
            assert Image.open(io.BytesIO(await answer.read())).format == "JPEG"
        assert (await desk.browser.command(job_id, "cancel"))[0] == 202


async def test_nobody_looks_nothing_is_written(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(refine(12), {"photo.png": photo()})
        done = asyncio.Event()
        seen = []
        unsubscribe = desk.core.work.previews.subscribe(lambda job, _: seen.append(job))
        leave = desk.core.journal.subscribe(
            lambda _, jobs: done.set() if any(job.status.is_final for job in jobs) else None
        )
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
        unsubscribe()
        leave()
        assert job_id in seen
        await desk.settled()
        assert f"jobs/{job_id}/preview.jpg" not in desk.files_of(job_id)


async def test_a_frame_that_would_be_huge_keeps_no_other_from_being_written() -> None:
    memory = MemoryStore(TickingClock())
    puts: list[str] = []
    memory.before = lambda operation, key: puts.append(key) if operation == "put" else None
    previews = Previews()
    async with ThreadedStore(memory) as store:
        running = asyncio.create_task(LivePreviews(store, previews, lambda _: True).run())
        await asyncio.sleep(0)  # it subscribes
        previews.offer(JOB, Preview("1", "image/png", bomb()))
        previews.offer(OTHER, Preview("1", "image/png", photo()))
        await until(lambda: running.done() or bool(puts))
        assert puts == [keys.preview_key(OTHER)]
        running.cancel()
        await asyncio.wait([running])


async def test_at_most_once_in_two_seconds_and_for_thirty_after_asking() -> None:
    now = 100.0
    memory = MemoryStore(TickingClock())
    puts: list[str] = []
    memory.before = lambda operation, key: puts.append(key) if operation == "put" else None
    previews = Previews()
    async with ThreadedStore(memory) as store:
        live = LivePreviews(store, previews, lambda _: False, lambda: now)
        running = asyncio.create_task(live.run())
        await asyncio.sleep(0)  # it subscribes
        try:
            frame = Preview("1", "image/png", photo())
            previews.offer(JOB, frame)
            live.asked(OTHER)
            previews.offer(OTHER, frame)
            await until(lambda: len(puts) == 1)
            assert puts == [keys.preview_key(OTHER)]  # nobody asked for the other
            await until(lambda: live.take_news(OTHER) == keys.preview_key(OTHER))
            assert live.take_news(OTHER) is None
            now += 1.9
            previews.offer(OTHER, frame)
            live.asked(JOB)
            previews.offer(JOB, frame)
            await until(lambda: keys.preview_key(JOB) in puts)
            assert puts.count(keys.preview_key(OTHER)) == 1  # too soon
            now += 0.2
            previews.offer(OTHER, frame)
            await until(lambda: puts.count(keys.preview_key(OTHER)) == 2)
            now += 29.0
            live.asked(JOB)
            previews.offer(OTHER, frame)  # nobody asked for 30 s
            previews.offer(JOB, frame)
            await until(lambda: puts.count(keys.preview_key(JOB)) == 2)
            assert puts.count(keys.preview_key(OTHER)) == 2
            now += 5.0
            broken = Preview("1", "image/png", b"no picture")
            previews.offer(JOB, broken)
            now += 5.0
            previews.offer(JOB, frame)
            await until(lambda: puts.count(keys.preview_key(JOB)) == 3)
        finally:
            running.cancel()
            await asyncio.wait([running])
