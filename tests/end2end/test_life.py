"""Sections 1, 3 and 8: deaths, restarts, attempts, one desk a home, and a stop in time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.harness.browser import BLUR, Browser, chain, refine
from tests.harness.pictures import photo
from tests.harness.serving import SLOW_STEPS, Serving, serving
from tests.harness.shapes import STATUS_FIELDS
from tests.harness.waiting import PATIENCE_S, eventually

FILES = {"photo.png": photo()}
QUICK_STEPS = {"JIGDESK_DEMO_STEP_S": "0"}


def engine_of(desk: Serving) -> list[psutil.Process]:
    """The processes below the desk."""
    return psutil.Process(desk.pid).children(recursive=True)


async def control(http: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    """The status of one answer."""
    async with http.get(url, headers=headers) as answer:
        return answer.status


def prompts_in(desk: Serving, job_id: str) -> dict[str, str]:
    """Stage → prompt id, as state.json keeps them."""
    return dict(desk.document(f"jobs/{job_id}/state.json")["prompt_ids"])


async def test_sigterm_checkpoints_and_the_same_attempt_goes_on(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", SLOW_STEPS) as desk:
        browser = Browser(http, desk.local_url)
        running = await browser.submit(chain(steps=60), FILES)
        waiting = await browser.submit(BLUR, FILES)
        await browser.until(running, "running")
        before = (await browser.job(running))["seq"]
        family = engine_of(desk)
        status, took_s = await asyncio.to_thread(desk.terminate)
        assert status == 0
        assert took_s < desk.stops_within_s
        assert not [process for process in family if process.is_running()], "the whole tree ended"
        assert desk.document(f"jobs/{running}/status.json")["status"] == "running"
        assert not list((desk.bucket / "hosts").glob("*.json")), "it takes its registration away"

        desk.env |= QUICK_STEPS
        await asyncio.to_thread(desk.start)
        browser = Browser(http, desk.local_url)
        for job_id in (running, waiting):
            heard = await browser.watch(job_id)
            assert heard[-1].name == "job_done"
            seqs = [event.seq for event in heard]
            assert seqs == sorted(set(seqs))
            assert (await browser.job(job_id))["attempt"] == 1
        assert (await browser.job(running))["seq"] > before
        assert prompts_in(desk, running)["fine"] == str(uuid.uuid5(uuid.UUID(running), "fine/1"))


async def test_killed_it_goes_on_in_the_same_attempt(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", SLOW_STEPS) as desk:
        browser = Browser(http, desk.local_url)
        job_id = await browser.submit(refine(60), FILES)
        await browser.until(job_id, "running")
        seen = (await browser.job(job_id))["seq"]
        desk.kill()
        desk.env |= QUICK_STEPS
        await asyncio.to_thread(desk.start)
        browser = Browser(http, desk.local_url)
        heard = await browser.watch(job_id)
        assert heard[-1].name == "job_done"
        job = await browser.job(job_id)
        assert (job["status"], job["attempt"]) == ("completed", 1)
        assert max(event.seq for event in heard) > seen
        assert desk.document(f"outputs/{job_id}/output.json")["attempt"] == 1
        names = [event.name for event in heard]
        assert names.count("job_done") == 1


async def test_the_engine_s_death_is_another_attempt_and_three_are_the_most(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", SLOW_STEPS) as desk:
        browser = Browser(http, desk.local_url)
        job_id = await browser.submit(refine(100), FILES)
        for attempt in (1, 2, 3):
            async with asyncio.timeout(PATIENCE_S):
                async for event in browser.events(job_id):
                    if event.name == "job:progress" and event.data["node"]:
                        job = await browser.job(job_id)
                        if job["attempt"] == attempt and job["status"] == "running":
                            break
            for process in engine_of(desk):
                if "engine" in " ".join(process.cmdline()) or "demo" in " ".join(process.cmdline()):
                    process.kill()
        heard = await browser.watch(job_id)
        assert (heard[-1].name, heard[-1].data["code"]) == ("job_error", "engine_lost")
        job = await browser.job(job_id)
        assert (job["status"], job["attempt"]) == ("failed", 3)
        shown = [
            event.data["progress"]
            for event in heard
            if event.name == "job:progress" and event.data["progress"] is not None
        ]
        assert all(0 <= value <= 1 for value in shown)
        # the desk lives on, and so does its next job
        after = await browser.submit(BLUR, FILES)
        assert (await browser.watch(after))[-1].name == "job_done"


async def test_a_second_start_says_who_holds_the_home(desk: Serving) -> None:
    done = desk.run("serve")
    assert done.returncode == 1
    assert str(desk.pid) in done.stderr
    demo = desk.run("jobs", "list", "--json")
    assert demo.returncode == 0, "the first one is unharmed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_while_a_stream_is_open_and_a_job_runs(
    tmp_path: Path, http: aiohttp.ClientSession, number: signal.Signals
) -> None:
    with serving(tmp_path / "home", SLOW_STEPS) as desk:
        browser = Browser(http, desk.local_url)
        job_id = await browser.submit(refine(100), FILES)
        await browser.until(job_id, "running")
        stream = browser.events(job_id)
        await anext(stream)
        status, took_s = await asyncio.to_thread(desk.terminate, number)
        assert status == 0
        assert took_s < desk.stops_within_s
        async for event in stream:  # what it had sent; then the stream is closed, not broken off
            assert event.name != "job_done"


@pytest.mark.slow
async def test_a_job_during_which_the_desk_died_20_times_is_set_aside(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", {"JIGDESK_DEMO_STEP_S": "5"}) as desk:
        browser = Browser(http, desk.local_url)
        job_id = await browser.submit(refine(100), FILES)
        await browser.until(job_id, "running")
        for death in range(1, 21):
            desk.kill()
            await asyncio.to_thread(desk.start)
            browser = Browser(http, desk.local_url)
            job = await browser.job(job_id)
            if death < 20:
                assert job["status"] == "running", (death, job)
                assert job["attempt"] == 1
        await browser.watch(job_id)
        job = await browser.job(job_id)
        assert (job["status"], job["error"]["code"]) == ("failed", "internal")
        assert desk.document(f"outputs/{job_id}/error.json")["code"] == "internal"


async def test_the_lost_webhook_is_found_by_the_sweep(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """What lay in the store while no desk was there; its manifest is older than 30 s."""
    with serving(tmp_path / "home", {"JIGDESK_QUEUE__SWEEP_S": "1"}) as desk:
        browser = Browser(http, desk.local_url)
        created = await browser.create(BLUR, FILES)
        job_id = created["job_id"]
        desk.terminate()
        folder = desk.bucket / f"inputs/{job_id}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "photo.png").write_bytes(FILES["photo.png"])
        (folder / "request.json").write_text(
            '{"version": 1, "task": "blur", "inputs": {"image": "photo.png"}}'
        )
        old = time.time() - 60
        for path in folder.iterdir():
            os.utime(path, (old, old))
        await asyncio.to_thread(desk.start)
        path = desk.bucket / f"jobs/{job_id}/status.json"
        await eventually(lambda: b'"completed"' in path.read_bytes())


async def test_what_was_never_complete_fails_after_a_day(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", {"JIGDESK_QUEUE__SWEEP_S": "1"}) as desk:
        browser = Browser(http, desk.local_url)
        ages_h = {"young": 23, "old": 25}
        jobs = {}
        for name, age_h in ages_h.items():
            created = await browser.create(BLUR, FILES)
            await browser.send_manifest(created, BLUR)  # and never the picture
            jobs[name] = created["job_id"]
            manifest = desk.bucket / f"inputs/{jobs[name]}/request.json"
            then = time.time() - age_h * 3600
            os.utime(manifest, (then, then))
        heard = await browser.watch(jobs["old"])
        assert (heard[-1].name, heard[-1].data["code"]) == ("job_error", "missing_input")
        assert desk.document(f"outputs/{jobs['old']}/error.json")["code"] == "missing_input"
        assert (await browser.job(jobs["young"]))["status"] is None


async def test_another_desk_s_job_is_left_alone_and_shown_as_it_says(
    desk: Serving, browser: Browser, http: aiohttp.ClientSession
) -> None:
    """Two desks on one bucket: the claim in state.json is the other one's."""
    made = await browser.create(BLUR, FILES)
    job_id = made["job_id"]
    claim = {"version": 1, "job_id": job_id, "host_id": "another-host", "attempt": 1}
    told = dict.fromkeys(STATUS_FIELDS) | {
        "version": 1,
        "job_id": job_id,
        "host_id": "another-host",
        "attempt": 1,
        "status": "running",
        "seq": 7,
        "stage": "blur",
        "progress": 0.5,
        "message": "",
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:01.000Z",
    }
    folder = desk.bucket / f"jobs/{job_id}"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps(claim))
    (folder / "status.json").write_text(json.dumps(told))
    await browser.upload(made, FILES)
    await browser.send_manifest(made, BLUR)
    headers = {"Authorization": f"Bearer {desk.token}"}
    url = f"{desk.local_url}/control/jobs/{job_id}"
    # taken in, found to be claimed, and forgotten: a later job shows that its turn has passed
    after = await browser.submit(BLUR, FILES)
    assert (await browser.watch(after))[-1].name == "job_done"
    async with asyncio.timeout(PATIENCE_S):
        while (await control(http, url, headers)) != 404:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.05)
    assert desk.document(f"jobs/{job_id}/status.json") == told
    assert desk.document(f"jobs/{job_id}/state.json") == claim
    assert not (desk.bucket / f"outputs/{job_id}").exists()
    shown = await browser.job(job_id)
    assert {name: shown[name] for name in STATUS_FIELDS} == told
