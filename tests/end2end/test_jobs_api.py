"""Sections 1 and 6: the jobs API as a browser sees it."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from tests.harness.browser import BLUR, Browser, chain
from tests.harness.pictures import photo
from tests.harness.serving import Serving
from tests.harness.shapes import JOB_ID, STATUS_FIELDS, instant, is_error, is_list

PICTURE = photo()
FILES = {"photo.png": PICTURE}
FILE = {"name": "photo.png", "size_bytes": len(PICTURE), "content_type": "image/png"}


async def post(browser: Browser, body: object) -> tuple[int, Any]:
    async with browser.http.post(f"{browser.local_url}/api/jobs", json=body) as answer:
        return answer.status, await answer.json()


async def test_the_201(browser: Browser) -> None:
    second = {**FILE, "name": "deep/er/mask.png", "sha256": "0" * 64}
    stages = [
        {"name": "a", "workflow": "blur", "inputs": {"image": {"file": "photo.png"}}},
        {"name": "b", "workflow": "invert", "inputs": {"image": {"file": "deep/er/mask.png"}}},
    ]
    body = {
        "client_id": browser.client_id,
        "request": {"stages": stages},
        "files": [FILE, second],
    }
    status, created = await post(browser, body)
    assert status == 201
    job_id = created["job_id"]
    assert JOB_ID.fullmatch(job_id)
    assert uuid.UUID(job_id)
    assert created["channel"] == f"job-{job_id}"
    assert [upload["name"] for upload in created["uploads"]] == ["photo.png", "deep/er/mask.png"]
    for grant in [*created["uploads"], created["manifest_upload"]]:
        assert set(grant) - {"name"} == {"method", "url", "headers", "expires_at"}
        assert grant["method"] == "PUT"
        assert urlsplit(grant["url"]).scheme == "http"
        assert all(isinstance(value, str) for value in grant["headers"].values())
        instant(grant["expires_at"])


async def test_before_it_is_accepted_a_job_answers_200(browser: Browser) -> None:
    created = await browser.create(BLUR, FILES)
    job = await browser.job(created["job_id"])
    assert set(STATUS_FIELDS) <= set(job)
    assert (job["status"], job["seq"], job["files"]) == (None, 0, [])
    (listed,) = [item for item in await everything(browser) if item["job_id"] == job["job_id"]]
    assert listed["status"] is None


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"client_id": None}, 400, None, "client_id"),
        ({"client_id": "short"}, 400, None, "client_id"),
        ({"client_id": "../../etc/passwd"}, 400, None, "client_id"),
        ({"request": None}, 422, "invalid_manifest", "request"),
        ({"request": {**BLUR, "task": "blurr"}}, 422, "unknown_workflow", "request.task"),
        (
            {"request": {**BLUR, "params": {"radius": 32}}},
            422,
            "invalid_parameter",
            "request.params.radius",
        ),
        (
            {"request": {**BLUR, "params": {"radius": "3"}}},
            422,
            "invalid_parameter",
            "request.params.radius",
        ),
        (
            {"request": {**BLUR, "params": {"radius": True}}},
            422,
            "invalid_parameter",
            "request.params.radius",
        ),
        (
            {"request": {**BLUR, "params": {"sigma": 1}}},
            422,
            "invalid_parameter",
            "request.params.sigma",
        ),
        ({"files": []}, 422, None, "files"),
        ({"files": [{**FILE, "size_bytes": -1}]}, 422, None, "files[0].size_bytes"),
        ({"files": [{**FILE, "name": "../x.png"}]}, 422, None, "files[0].name"),
        ({"files": [{**FILE, "content_type": "text\r\nhtml"}]}, 422, None, "files[0].content_type"),
        ({"files": [FILE, FILE]}, 422, None, "files[1].name"),
        ({"files": [{**FILE, "size_bytes": 52428801}]}, 413, "input_too_large", None),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_bad_requests_name_the_field(
    browser: Browser, change: Mapping[str, Any], status: int, code: str | None, field: str | None
) -> None:
    body = {"client_id": browser.client_id, "request": BLUR, "files": [FILE], **change}
    before = len(await everything(browser))
    got, document = await post(browser, body)
    error = is_error(document)
    assert got == status, document
    assert code is None or error["code"] == code
    assert field is None or error["field"] == field
    assert len(await everything(browser)) == before, "nothing was made"


async def test_a_body_that_is_none(browser: Browser) -> None:
    url = f"{browser.local_url}/api/jobs"
    for body in (b"", b"{", b"[]", b"\xff", b'{"a":1}{'):
        async with browser.http.post(url, data=body) as answer:
            assert answer.status == 400
            is_error(await answer.json())
    async with browser.http.post(url, data=io.BytesIO(b"x" * (2 * 1024 * 1024 + 1))) as answer:
        assert answer.status == 413
        is_error(await answer.json())


async def everything(browser: Browser, limit: int = 100) -> list[dict[str, Any]]:
    """All pages of the caller's jobs."""
    found: list[dict[str, Any]] = []
    params = {"client_id": browser.client_id, "limit": str(limit)}
    while True:
        url = f"{browser.local_url}/api/jobs"
        async with browser.http.get(url, params=params) as answer:
            assert answer.status == 200, await answer.text()
            page = await answer.json()
        items = is_list(page)
        assert len(items) <= limit
        found += items
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]


async def test_the_list_is_newest_first_and_pages_neither_repeat_nor_skip(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    visitor = Browser(http, desk.local_url, "lister-000001")
    made = []
    for _ in range(7):
        made.append((await visitor.create(BLUR, FILES))["job_id"])
        await asyncio.sleep(0.02)  # the store's LastModified is what orders them
    newest_first = made[::-1]
    assert [item["job_id"] for item in await everything(visitor)] == newest_first
    for limit in (1, 2, 3, 7):
        assert [item["job_id"] for item in await everything(visitor, limit)] == newest_first
    url = f"{desk.local_url}/api/jobs"
    for query, field in (
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
    ):
        params = {"client_id": visitor.client_id, **query}
        async with http.get(url, params=params) as answer:
            assert answer.status == 400
            assert is_error(await answer.json())["field"] == field


async def test_a_stranger_s_job_is_not_there(desk: Serving, http: aiohttp.ClientSession) -> None:
    owner = Browser(http, desk.local_url, "owner-0000001")
    stranger = Browser(http, desk.local_url, "owner-0000002")
    job_id = await owner.submit(BLUR, FILES)
    await owner.watch(job_id)
    mine = {"client_id": stranger.client_id}
    for job in (job_id, str(uuid.uuid4()), "x", job_id.upper(), f"{job_id}%2F..", "..%2f..%2fx"):
        url = f"{desk.local_url}/api/jobs/{job}"
        async with http.get(url, params=mine) as answer:
            assert answer.status == 404, job
            is_error(await answer.json(), "not_found")
        for command in ("cancel", "retry"):
            async with http.post(f"{url}/{command}", json=mine) as answer:
                assert answer.status == 404, job
                is_error(await answer.json(), "not_found")
        async with http.get(f"{desk.local_url}/events/{job}", params=mine) as answer:
            assert answer.status == 404, job
            is_error(await answer.json(), "not_found")
    assert await everything(stranger) == []
    assert (await owner.job(job_id))["status"] == "completed"


async def test_nobody_is_anybody(browser: Browser) -> None:
    job_id = (await browser.create(BLUR, FILES))["job_id"]
    for path in ("/api/jobs", f"/api/jobs/{job_id}"):
        async with browser.http.get(f"{browser.local_url}{path}") as answer:
            assert answer.status in (400, 401, 404)
            is_error(await answer.json())
    headers = {"Authorization": "Bearer abc.def.ghi"}
    params = {"client_id": browser.client_id}
    async with browser.http.get(
        f"{browser.local_url}/api/jobs", params=params, headers=headers
    ) as answer:
        assert answer.status == 401, "a bad token never falls back to the client id"
        is_error(await answer.json())


async def test_cancel_and_retry_are_202(patient: Browser) -> None:
    browser = patient
    job_id = await browser.submit(
        {"task": "refine", "params": {"steps": 100}, "inputs": {"image": "photo.png"}}, FILES
    )
    await browser.until(job_id, "running")
    status, body = await browser.command(job_id, "retry")
    assert status == 409
    is_error(body)
    status, body = await browser.command(job_id, "cancel")
    assert (status, body["job_id"]) == (202, job_id)
    assert (await browser.watch(job_id))[-1].name == "job_error"
    assert (await browser.job(job_id))["status"] == "cancelled"
    status, body = await browser.command(job_id, "retry")
    assert (status, body["job_id"]) == (202, job_id)
    assert (await browser.command(job_id, "cancel"))[0] == 202


async def put(browser: Browser, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    async with browser.http.put(url, data=body, headers=headers) as answer:
        if answer.status >= 400:
            is_error(await answer.json())
        return answer.status


async def test_uploads_that_were_not_signed(desk: Serving, browser: Browser) -> None:
    created = await browser.create(BLUR, FILES)
    (upload,) = created["uploads"]
    url, headers = upload["url"], upload["headers"]
    assert await put(browser, url, PICTURE + b"x", headers) == 403
    assert await put(browser, url, PICTURE[:-1], headers) == 403
    assert await put(browser, url, PICTURE, {"Content-Type": "text/html"}) == 403
    parts = urlsplit(url)
    for index in range(len(parts.query)):
        letter = "A" if parts.query[index] != "A" else "B"
        query = parts.query[:index] + letter + parts.query[index + 1 :]
        altered = parts._replace(query=query).geturl()
        assert await put(browser, altered, PICTURE, headers) == 403, f"byte {index}"
    other = parts._replace(path=parts.path.replace("photo.png", "phot0.png")).geturl()
    assert await put(browser, other, PICTURE, headers) == 403
    elsewhere = parts._replace(path=parts.path.replace("inputs/", "outputs/")).geturl()
    assert await put(browser, elsewhere, PICTURE, headers) == 403
    assert await put(browser, parts._replace(query="").geturl(), PICTURE, headers) == 403
    async with browser.http.get(url) as answer:
        assert answer.status == 403, "a PUT's signature gives nothing to read"
        is_error(await answer.json())
    assert not (desk.bucket / f"inputs/{created['job_id']}/photo.png").exists()
    assert await put(browser, url, PICTURE, headers) == 200
    assert (desk.bucket / f"inputs/{created['job_id']}/photo.png").read_bytes() == PICTURE


async def test_downloads_that_were_not_signed(browser: Browser) -> None:
    job_id = await browser.submit(BLUR, FILES)
    await browser.watch(job_id)
    (file,) = (await browser.job(job_id))["files"]
    assert {"key", "kind", "stage", "url"} <= set(file)
    async with browser.http.get(file["url"]) as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        body = await answer.read()
    assert body.startswith(b"\x89PNG")
    parts = urlsplit(file["url"])
    for altered in (
        parts._replace(query=parts.query[:-1]),
        parts._replace(query=parts.query + "0"),
        parts._replace(query=parts.query + "&x=1"),
        parts._replace(path=parts.path.replace("result", "resulu")),
        parts._replace(path=parts.path.replace("/outputs/", "/outputs/%2e%2e/outputs/")),
        parts._replace(path=f"/files/inputs/{job_id}/request.json"),
    ):
        async with browser.http.get(URL(altered.geturl(), encoded=True)) as answer:
            assert answer.status == 403, altered
            is_error(await answer.json())
    async with browser.http.put(file["url"], data=body) as answer:
        assert answer.status == 403
        is_error(await answer.json())


async def test_files_so_far(browser: Browser) -> None:
    job_id = await browser.submit(chain(steps=100), FILES)
    async for event in browser.events(job_id):
        if event.name == "job:new_files":
            break
    files = (await browser.job(job_id))["files"]
    assert "fine" in [file["stage"] for file in files]
    assert all({"key", "kind", "stage", "url"} <= set(file) for file in files)
    await browser.command(job_id, "cancel")


async def test_workflows_are_described_as_json_schema(browser: Browser) -> None:
    async with browser.http.get(f"{browser.local_url}/api/workflows") as answer:
        items = {item["name"]: item for item in is_list(await answer.json())}
    bounds = {
        ("blur", "radius"): ("integer", 1, 31, 3),
        ("upscale", "scale"): ("number", 0.1, 8, 2.0),
        ("enhance", "strength"): ("number", 0, 2, 1.0),
        ("refine", "steps"): ("integer", 1, 100, 12),
        ("animate", "fps"): ("integer", 1, 60, 8),
    }
    for (name, param), (kind, low, high, default) in bounds.items():
        schema = items[name]["params"]
        assert schema["type"] == "object"
        spec = schema["properties"][param]
        told = (spec["type"], spec["minimum"], spec["maximum"], spec["default"])
        assert told == (kind, low, high, default)
    for name in ("blur", "upscale", "invert", "enhance", "refine", "animate"):
        assert items[name]["title"]
        assert [entry["name"] for entry in items[name]["inputs"]] == ["image"]


async def test_private_channels_want_pusher_and_a_user(browser: Browser) -> None:
    job_id = (await browser.create(BLUR, FILES))["job_id"]
    url = f"{browser.local_url}/api/pusher/auth"
    form = {"socket_id": "1.1", "channel_name": f"private-job-{job_id}"}
    async with browser.http.post(url, data=form) as answer:
        assert 400 <= answer.status < 500 or answer.status == 503, await answer.text()
        is_error(await answer.json())
