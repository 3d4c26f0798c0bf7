"""What clients send without meaning to: empty fields, fields of their own, too much, too early."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from tests.harness.browser import BLUR, Browser
from tests.harness.pictures import photo
from tests.harness.serving import Serving, serving
from tests.harness.shapes import is_error, is_list
from tests.harness.waiting import eventually
from tests.harness.webhooks import created, send

FILES = {"photo.png": photo()}


async def test_an_empty_parameter_is_as_good_as_none(
    desk: Serving, browser: Browser, http: aiohttp.ClientSession
) -> None:
    await browser.create(BLUR, FILES)
    control = {"Authorization": f"Bearer {desk.token}"}
    for path, headers in (
        (f"/api/jobs?client_id={browser.client_id}&limit=&cursor=", {}),
        ("/control/jobs?state=&q=&limit=&cursor=", control),
        ("/control/requests?limit=&cursor=", control),
    ):
        async with http.get(f"{desk.local_url}{path}", headers=headers) as answer:
            assert answer.status == 200, path
            is_list(await answer.json())


async def test_event_sources_may_add_parameters_of_their_own(browser: Browser) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    params = {"client_id": browser.client_id, "last_event_id": "", "_": "1771234567"}
    url = f"{browser.local_url}/events/{job_id}"
    async with browser.http.get(url, params=params) as answer:
        assert answer.status == 200
        assert "event: job_done" in await answer.text()


async def refused(browser: Browser, request: object, names: list[str]) -> dict[str, Any]:
    files = [{"name": name, "size_bytes": 10, "content_type": "image/png"} for name in names]
    body = {"client_id": browser.client_id, "request": request, "files": files}
    async with browser.http.post(f"{browser.local_url}/api/jobs", json=body) as answer:
        assert 400 <= answer.status < 500
        return is_error(await answer.json())


async def test_what_is_wrong_with_the_request_comes_before_its_files(browser: Browser) -> None:
    for names in ([], ["photo.png"], ["other.png"]):
        assert (await refused(browser, {"task": "blurr"}, names))["code"] == "unknown_workflow"
        bad = {"task": "blur", "params": {"radius": 99}}
        assert (await refused(browser, bad, names))["code"] == "invalid_parameter"


async def test_a_file_that_nobody_takes_does_no_harm(desk: Serving, browser: Browser) -> None:
    files = {**FILES, "notes.txt": b"not for the machine"}
    job_id = await browser.submit(BLUR, files)
    assert (await browser.watch(job_id))[-1].name == "job_done"
    assert not (desk.home / "jobs" / job_id / "inputs" / "notes.txt").exists()


async def test_a_range_beyond_the_end_says_how_long_it_is(browser: Browser) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    (file,) = (await browser.job(job_id))["files"]
    async with browser.http.get(file["url"], headers={"Range": "bytes=99999999-"}) as answer:
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{file['size_bytes']}"
        is_error(await answer.json())


async def test_a_burst_is_taken_whole(desk: Serving) -> None:
    """Nobody is sent away because many came in the same moment."""
    visitor = "burst-000001"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        browser = Browser(http, desk.local_url, visitor)

        async def announce() -> int:
            document = created(str(uuid.uuid4()))
            return (await send(http, desk.public_url, desk.secret, "job-created", document))[0]

        async def upload() -> None:
            await browser.upload(await browser.create(BLUR, FILES), FILES)

        assert set(await asyncio.gather(*(announce() for _ in range(150)))) == {202}
        await asyncio.gather(*(upload() for _ in range(150)))


async def test_a_line_break_is_an_altered_byte_too(browser: Browser) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    (file,) = (await browser.job(job_id))["files"]
    url = URL(file["url"].replace("result", "res%0Alt", 1), encoded=True)
    async with browser.http.get(url) as answer:
        assert answer.status == 403
        is_error(await answer.json())


async def test_the_registration_follows_the_queue(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", {"JIGDESK_QUEUE__MAX_DEPTH": "1"}) as full:
        control = {"Authorization": f"Bearer {full.token}"}
        browser = Browser(http, full.local_url)

        def told() -> tuple[int, bool]:
            (path,) = (full.bucket / "hosts").glob("*.json")
            host = full.document(f"hosts/{path.name}")
            return host["queue_depth"], host["accepting"]

        async with http.post(f"{full.local_url}/control/queue/pause", headers=control) as answer:
            assert answer.status == 200
        await browser.submit(BLUR, FILES)
        # well before the 30 s after which it is written in any case
        await eventually(lambda: told() == (1, False), within_s=29)
        async with http.post(f"{full.local_url}/control/queue/resume", headers=control) as answer:
            assert answer.status == 200
        await eventually(lambda: told() == (0, True), within_s=29)


async def test_a_draining_queue_takes_no_retry_but_a_cancel(
    desk: Serving, browser: Browser, http: aiohttp.ClientSession
) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    control = {"Authorization": f"Bearer {desk.token}"}

    async def tell(word: str) -> tuple[int, dict[str, Any]]:
        said = {"version": 1, "type": "JobCommand", "job_id": job_id, "command": word}
        document = {**said, "event_time": "2026-03-01T12:00:00Z"}
        return await send(http, desk.public_url, desk.secret, "job-command", document)

    async with http.post(f"{desk.local_url}/control/queue/drain", headers=control) as answer:
        assert answer.status == 200
    try:
        status, refusal = await tell("retry")
        assert status == 503
        is_error(refusal, "unavailable")
        assert (await tell("cancel"))[0] == 202, "it has ended: nothing happens"
        assert (await browser.job(job_id))["attempt"] == 1
    finally:
        async with http.post(f"{desk.local_url}/control/queue/resume", headers=control) as answer:
            assert answer.status == 200
    assert (await tell("retry"))[0] == 202


async def test_a_webhook_id_speaks_of_one_job_only(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    name = f"msg_{uuid.uuid4()}"

    async def tell(job_id: str) -> tuple[int, dict[str, Any]]:
        document = created(job_id)
        return await send(
            http, desk.public_url, desk.secret, "job-created", document, webhook_id=name
        )

    assert (await tell(first))[0] == 202
    status, answer = await tell(second)
    assert (status, answer["duplicate"], answer["job_id"]) == (200, True, first)

    # an id is remembered after its 202, and not when it told nothing new
    name = f"msg_{uuid.uuid4()}"
    assert (await tell(first))[0] == 200
    assert (await tell(second))[0] == 202
