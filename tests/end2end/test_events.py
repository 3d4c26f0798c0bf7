"""Section 4 and the event stream of section 6: names, order, data, seq, replays, ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import aiohttp

from tests.harness.browser import BLUR, Browser, Heard, chain, refine
from tests.harness.pictures import photo
from tests.harness.serving import Serving
from tests.harness.shapes import ERROR_CODES, instant, is_error
from tests.harness.waiting import PATIENCE_S

FILES = {"photo.png": photo()}
PROGRESS_DATA = {
    "job_id",
    "seq",
    "status",
    "stage",
    "node",
    "node_title",
    "progress",
    "eta_s",
}
ORDER = ["accepted", "preparing", "queued", "running", "uploading", "confirming"]


def positions(heard: Sequence[Heard], name: str) -> list[int]:
    return [index for index, event in enumerate(heard) if event.name == name]


async def test_a_job_s_events_from_first_to_last(browser: Browser) -> None:
    job_id = await browser.submit(chain(steps=75), FILES)
    heard = await browser.watch(job_id)
    names = [event.name for event in heard]
    assert set(names) <= {
        "job:inputs",
        "job:accepted",
        "job:progress",
        "job:new_files",
        "job:completed",
        "job_done",
    }
    assert names[-2:] == ["job:completed", "job_done"]
    assert names.count("job:accepted") == 1
    seqs = [event.seq for event in heard]
    assert seqs == sorted(set(seqs))
    for event in heard:
        assert event.data["job_id"] == job_id
        assert event.data["seq"] == event.seq
        assert len(json.dumps(event.data).encode()) < 10 * 1024
    (accepted,) = (event for event in heard if event.name == "job:accepted")
    assert set(accepted.data) == {"job_id", "seq", "status", "position"}
    assert accepted.data["status"] == "accepted"
    assert accepted.data["position"] >= 1
    assert positions(heard, "job:accepted")[0] < positions(heard, "job:progress")[0]

    progress = [event for event in heard if event.name == "job:progress"]
    for event in progress:
        assert PROGRESS_DATA <= set(event.data) <= PROGRESS_DATA | {"preview_url"}
    statuses = [event.data["status"] for event in progress]
    assert [ORDER.index(status) for status in statuses] == sorted(map(ORDER.index, statuses))
    shown = [p for event in progress if (p := event.data["progress"]) is not None]
    assert shown == sorted(shown)
    assert all(0 <= value <= 1 for value in shown)
    titles = {event.data["node_title"] for event in progress}
    assert "Refine" in titles, "the node's _meta.title"

    files = [event.data for event in heard if event.name == "job:new_files"]
    assert [data["stage"] for data in files] == ["fine", "big"]
    keys = []
    for data in files:
        (file,) = data["new_files"]
        assert file["kind"] == "image"
        assert file["key"].startswith(f"outputs/{job_id}/{data['stage']}/")
        keys.append(file["key"])
    for event in heard[-2:]:
        assert [file["key"] for file in event.data["files"]] == keys
        for file in event.data["files"]:
            assert {"key", "kind", "url"} <= set(file)
            async with browser.http.get(file["url"]) as answer:
                assert answer.status == 200
                assert (await answer.read()).startswith(b"\x89PNG")


async def test_each_stage_s_first_progress_comes_before_anything_of_it_ran(
    browser: Browser,
) -> None:
    job_id = await browser.submit(chain(steps=20), FILES)
    heard = await browser.watch(job_id)
    for stage in ("fine", "big"):
        running = [
            event
            for event in heard
            if event.name == "job:progress"
            and event.data["stage"] == stage
            and event.data["status"] == "running"
        ]
        assert running[0].data["node"] is None, "it is told when the stage begins, not later"
    stages = [event.data["stage"] for event in heard if event.name == "job:new_files"]
    done = positions(heard, "job:new_files")[stages.index("fine")]
    assert any(event.data.get("stage") == "fine" for event in heard[:done])


async def test_progress_comes_at_most_five_times_a_second(desk: Serving, browser: Browser) -> None:
    job_id = await browser.submit(refine(60), FILES)
    heard = await browser.watch(job_id)
    told = [event for event in heard if event.name == "job:progress" and event.data["node"]]
    assert len(told) >= 3
    # by the desk's own clock: they may reach a busy reader together
    status = desk.document(f"jobs/{job_id}/status.json")
    took = instant(status["updated_at"]) - instant(status["created_at"])
    assert len(told) <= 5 * took.total_seconds() + 3


async def test_status_json_is_written_at_most_once_a_second_but_for_state_changes(
    desk: Serving, browser: Browser
) -> None:
    job_id = await browser.submit(refine(100), FILES)
    watched = asyncio.create_task(browser.watch(job_id))
    path = desk.bucket / f"jobs/{job_id}/status.json"
    written: dict[int, tuple[float, dict[str, Any]]] = {}
    while not watched.done():
        if path.exists():
            document = json.loads(path.read_bytes())
            written.setdefault(document["seq"], (path.stat().st_mtime, document))
        await asyncio.sleep(0.01)
    assert watched.result()[-1].name == "job_done"
    running = [(at, one) for at, one in written.values() if one["status"] == "running"]
    assert len(running) >= 3
    # the first is the change itself; a write may be late, and the next one still in time
    assert len(running) <= (running[-1][0] - running[0][0]) + 2
    shown = [one["progress"] for _, one in running if one["progress"] is not None]
    assert shown == sorted(shown)
    assert any(one["message"].startswith("step ") for _, one in running)


async def test_whoever_hears_of_the_end_finds_it_in_the_store(
    desk: Serving, browser: Browser
) -> None:
    for round_ in range(4):
        request = BLUR if round_ % 2 else {**BLUR, "params": {"radius": 2 + round_}}
        bad = round_ == 3
        created = await browser.create(request, FILES)
        await browser.upload(created, FILES)
        await browser.send_manifest(created, b"{" if bad else request)
        job_id = created["job_id"]
        async for event in browser.events(job_id):
            if event.name in ("job:completed", "job_done", "job:failed", "job_error"):
                status = desk.document(f"jobs/{job_id}/status.json")
                assert status["status"] == ("failed" if bad else "completed")
                end = "error.json" if bad else "output.json"
                assert desk.document(f"outputs/{job_id}/{end}")["version"] == 1
                assert (await browser.job(job_id))["status"] == status["status"]
                assert status["seq"] >= event.seq


async def raw_stream(
    browser: Browser, job_id: str, params: dict[str, str], headers: dict[str, str] | None = None
) -> tuple[int, str]:
    url = f"{browser.local_url}/events/{job_id}"
    async with browser.http.get(url, params=params, headers=headers or {}) as answer:
        return answer.status, await answer.text()


def ids(text: str) -> list[int]:
    return [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]


async def test_replays_from_any_place(browser: Browser) -> None:
    job_id = await browser.submit(BLUR, FILES)
    seqs = [event.seq for event in await browser.watch(job_id)]
    mine = {"client_id": browser.client_id}
    for params in (mine, {**mine, "last_event_id": "0"}):
        status, text = await raw_stream(browser, job_id, params)
        assert (status, ids(text)) == (200, seqs)
    for place in (1, len(seqs) // 2, len(seqs) - 1):
        after = {"Last-Event-ID": str(seqs[place - 1])}
        assert ids((await raw_stream(browser, job_id, mine, after))[1]) == seqs[place:]
        query = {**mine, "last_event_id": str(seqs[place - 1])}
        assert ids((await raw_stream(browser, job_id, query))[1]) == seqs[place:]
    # the header, which EventSource keeps up to date by itself, wins over the query
    stale = {**mine, "last_event_id": str(seqs[0])}
    latest = {"Last-Event-ID": str(seqs[-2])}
    assert ids((await raw_stream(browser, job_id, stale, latest))[1]) == seqs[-1:]
    ended, text = await raw_stream(browser, job_id, mine, {"Last-Event-ID": str(seqs[-1])})
    assert ended in (200, 204)
    assert ids(text) == []


async def test_the_stream_is_open_from_the_201_on(browser: Browser) -> None:
    created = await browser.create(BLUR, FILES)
    url = f"{browser.local_url}/events/{created['job_id']}"
    began = time.monotonic()
    async with browser.http.get(url, params={"client_id": browser.client_id}) as answer:
        assert answer.status == 200
        assert time.monotonic() - began < 14  # and not with the first keep-alive, after 15 s
        assert answer.content_type == "text/event-stream"
        await browser.upload(created, FILES)
        await browser.send_manifest(created, BLUR)
        async with asyncio.timeout(PATIENCE_S):
            text = (await answer.read()).decode()  # until the desk ends it
    assert "event: job_done" in text


async def test_a_ticket_opens_the_stream_and_nothing_else(browser: Browser) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    ticket = (await browser.job(job_id))["ticket"]
    status, text = await raw_stream(browser, job_id, {"ticket": ticket})
    assert status == 200
    assert "event: job_done" in text
    other = await browser.submit(BLUR, FILES)
    middle = len(ticket) // 2
    altered = ticket[:middle] + ("0" if ticket[middle] != "0" else "1") + ticket[middle + 1 :]
    for job, forged in ((other, ticket), (job_id, altered), (job_id, "x")):
        status, text = await raw_stream(browser, job, {"ticket": forged})
        assert status in (401, 404)
        is_error(json.loads(text))
    url = f"{browser.local_url}/api/jobs/{job_id}"
    async with browser.http.get(url, params={"ticket": ticket}) as answer:
        assert answer.status in (400, 401, 404)


async def test_strangers_hear_nothing(
    desk: Serving, browser: Browser, http: aiohttp.ClientSession
) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    stranger = Browser(http, desk.local_url, "stranger-0001")
    status, text = await raw_stream(browser, job_id, {"client_id": stranger.client_id})
    assert status == 404
    is_error(json.loads(text), "not_found")
    for bad in ("abc", "-1", "1.5", str(2**64)):
        query = {"client_id": browser.client_id, "last_event_id": bad}
        status, text = await raw_stream(browser, job_id, query)
        assert status == 400
        assert is_error(json.loads(text))["field"] == "last_event_id"


async def test_seq_grows_across_attempts_and_a_final_status_ends_each(patient: Browser) -> None:
    browser = patient
    job_id = await browser.submit(refine(100), FILES)
    await browser.until(job_id, "running")
    last: dict[str, Any] = {}
    for _ in range(2):
        assert (await browser.command(job_id, "cancel"))[0] == 202
        heard = await browser.watch(job_id)
        assert heard[-1].name == "job_error"
        assert heard[-1].data["code"] in ERROR_CODES
        seqs = [event.seq for event in heard]
        assert seqs == sorted(set(seqs))
        assert seqs[-1] > last.get("seq", 0)
        last = {"seq": seqs[-1]}
        job = await browser.job(job_id)
        assert (job["status"], job["seq"]) == ("cancelled", seqs[-1])
        assert (await browser.command(job_id, "retry"))[0] == 202
        again = await browser.job(job_id)
        assert again["attempt"] == job["attempt"] + 1
        assert again["seq"] > seqs[-1]
    await browser.command(job_id, "cancel")
