"""Section 5: what each listener answers, to whom, and how it says no."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import aiohttp
import pytest

from tests.harness.browser import BLUR, Browser
from tests.harness.pictures import photo
from tests.harness.serving import Serving
from tests.harness.shapes import is_error, is_list

NOBODY = "00000000-0000-4000-8000-000000000000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
LOCAL_ROUTES = {
    "/api/jobs": {"GET", "POST"},
    f"/api/jobs/{NOBODY}": {"GET"},
    f"/api/jobs/{NOBODY}/cancel": {"POST"},
    f"/api/jobs/{NOBODY}/retry": {"POST"},
    "/api/workflows": {"GET"},
    "/api/pusher/auth": {"POST"},
    f"/events/{NOBODY}": {"GET"},
    "/metrics": {"GET", "HEAD"},
    "/openapi.json": {"GET", "HEAD"},
    "/dock": {"GET", "HEAD"},
    "/control/jobs": {"GET", "HEAD"},
    f"/control/jobs/{NOBODY}": {"GET", "HEAD"},
    f"/control/jobs/{NOBODY}/retry": {"POST"},
    f"/control/jobs/{NOBODY}/cancel": {"POST"},
    f"/control/jobs/{NOBODY}/prioritise": {"POST"},
    "/control/queue/pause": {"POST"},
    "/control/queue/resume": {"POST"},
    "/control/queue/drain": {"POST"},
    "/control/health": {"GET", "HEAD"},
    "/control/comfyui/start": {"POST"},
    "/control/comfyui/stop": {"POST"},
    "/control/comfyui/restart": {"POST"},
    "/control/requests": {"GET", "HEAD"},
    "/control/requests/nothing/replay": {"POST"},
}


def owner(desk: Serving) -> dict[str, str]:
    return {"Authorization": f"Bearer {desk.token}"}


@pytest.mark.parametrize("path", LOCAL_ROUTES)
async def test_a_wrong_method_is_a_405_with_the_right_ones(
    desk: Serving, http: aiohttp.ClientSession, path: str
) -> None:
    for method in METHODS:
        if method in LOCAL_ROUTES[path] or method in ("HEAD", "OPTIONS"):
            continue
        headers = owner(desk) if path.startswith("/control") else {}
        async with http.request(method, f"{desk.local_url}{path}", headers=headers) as answer:
            assert answer.status == 405, (method, path)
            is_error(await answer.json(), "method_not_allowed")
            allowed = {word.strip() for word in answer.headers["Allow"].split(",")}
            assert LOCAL_ROUTES[path] - {"HEAD"} <= allowed


async def test_unknown_paths_are_404(desk: Serving, http: aiohttp.ClientSession) -> None:
    for path in (
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/api/jobs/x/y/z",
        "/events",
        "/events/",
        "/events/x/y",
        "/control",
        "/control/nothing",
        "/files",
        "/dock/../pyproject.toml",
        "/webhooks/job-created",
        "/healthz",
        "/.env",
        "/metrics/x",
        "/%00",
        "/" + "a" * 4000,
    ):
        for method in ("GET", "POST"):
            url = f"{desk.local_url}{path}"
            async with http.request(method, url, headers=owner(desk)) as answer:
                assert answer.status == 404 or (answer.status, path) == (401, "/api/jobs/x/y/z")
                is_error(await answer.json())


async def test_the_public_listener_has_nothing_else(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    known = {
        "/webhooks/job-created": "POST",
        "/webhooks/job-output": "POST",
        "/webhooks/job-command": "POST",
        "/healthz": "GET",
        "/readyz": "GET",
    }
    others = [*LOCAL_ROUTES, "/", "/webhooks", "/webhooks/", "/files/x", "/favicon.ico", "/%00"]
    for path in (*known, *others):
        for method in METHODS:
            if method == known.get(path) or (method == "HEAD" and known.get(path) == "GET"):
                continue
            url = f"{desk.public_url}{path}"
            async with http.request(method, url, headers=owner(desk)) as answer:
                assert answer.status == 404, (method, path, answer.status)
                if method != "HEAD":
                    is_error(await answer.json(), "not_found")
    async with http.get(f"{desk.public_url}/readyz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic d3Jvbmc="},
        {"Authorization": "é"},
    ],
)
async def test_control_wants_the_token(
    desk: Serving, http: aiohttp.ClientSession, headers: Mapping[str, str]
) -> None:
    for path, methods in LOCAL_ROUTES.items():
        if not path.startswith("/control"):
            continue
        for method in methods - {"HEAD"}:
            async with http.request(method, f"{desk.local_url}{path}", headers=headers) as answer:
                assert answer.status == 401, (method, path)
                is_error(await answer.json())
    token_in_query = f"{desk.local_url}/control/jobs?token={desk.token}"
    async with http.get(token_in_query) as answer:
        assert answer.status == 401


async def test_the_token_is_private(desk: Serving) -> None:
    (path,) = desk.home.rglob("control.token")
    assert path.stat().st_mode & 0o777 == 0o600


async def test_it_answers_for_allowed_hosts_only(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    port = desk.local_url.rpartition(":")[2]
    paths = ("/api/workflows", "/metrics", "/openapi.json", "/dock", "/control/health")
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost@x"):
        for path in paths:
            headers = {"Host": host, **owner(desk)}
            async with http.get(f"{desk.local_url}{path}", headers=headers) as answer:
                assert 400 <= answer.status < 500, (host, path)
                is_error(await answer.json())
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        async with http.get(f"{desk.local_url}/api/workflows", headers={"Host": host}) as answer:
            assert answer.status == 200, host


async def test_pages_of_other_origins_change_nothing(
    desk: Serving, browser: Browser, http: aiohttp.ClientSession
) -> None:
    created = await browser.create(BLUR, {"photo.png": photo()})
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        headers = {"Origin": origin}
        body = {"client_id": browser.client_id, "request": BLUR, "files": []}
        calls = [
            ("POST", "/api/jobs", body),
            ("POST", f"/api/jobs/{created['job_id']}/cancel", {"client_id": browser.client_id}),
            ("POST", "/control/queue/pause", None),
        ]
        for method, path, document in calls:
            everything = {**headers, **owner(desk)} if "/control" in path else headers
            url = f"{desk.local_url}{path}"
            async with http.request(method, url, json=document, headers=everything) as answer:
                assert answer.status == 403, (origin, path)
                is_error(await answer.json())
                assert "Access-Control-Allow-Origin" not in answer.headers
        url = f"{desk.local_url}/api/workflows"
        async with http.get(url, headers=headers) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
    async with http.get(
        f"{desk.local_url}/api/workflows", headers={"Origin": desk.local_url}
    ) as answer:
        assert answer.status == 200


async def test_metrics_and_openapi(desk: Serving, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{desk.local_url}/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        text = await answer.text()
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert samples
    for line in samples:
        float(line.rpartition(" ")[2])
    assert "jigdesk_queue_depth" in text
    async with http.get(f"{desk.local_url}/openapi.json") as answer:
        assert answer.content_type == "application/json"
        document = await answer.json()
    assert document["openapi"].startswith("3.")
    said = {re.sub(r"\{[^}]+\}", "*", path) for path in document["paths"]}
    for path in LOCAL_ROUTES:
        assert path.replace(NOBODY, "*").replace("nothing", "*") in said, path


async def test_control_shows_and_moves(
    desk: Serving, browser: Browser, http: aiohttp.ClientSession
) -> None:
    job_id = await browser.submit(BLUR, {"photo.png": photo()})
    heard = await browser.watch(job_id)
    headers = owner(desk)
    async with http.get(f"{desk.local_url}/control/jobs?limit=1", headers=headers) as answer:
        assert answer.status == 200
        (item,) = is_list(await answer.json())
        assert item["job_id"] == job_id
    query = f"state=completed&q={job_id[:8]}"
    async with http.get(f"{desk.local_url}/control/jobs?{query}", headers=headers) as answer:
        assert [row["job_id"] for row in is_list(await answer.json())] == [job_id]
    async with http.get(f"{desk.local_url}/control/jobs?state=nonsense", headers=headers) as answer:
        assert answer.status == 400
        assert is_error(await answer.json())["field"] == "state"
    async with http.get(f"{desk.local_url}/control/jobs/{job_id}", headers=headers) as answer:
        job = await answer.json()
    assert [event["seq"] for event in job["events"]] == [event.seq for event in heard]
    for event in job["events"]:
        assert {"event", "seq", "at", "data"} <= set(event)
        assert event["at"].endswith("Z")
    assert len(job["attempts"]) == 1
    assert "timings" in json.dumps(job)
    for path in (f"/control/jobs/{NOBODY}", "/control/jobs/x"):
        async with http.get(f"{desk.local_url}{path}", headers=headers) as answer:
            assert answer.status == 404
            is_error(await answer.json())
    for action in ("retry", "cancel", "prioritise"):
        url = f"{desk.local_url}/control/jobs/{NOBODY}/{action}"
        async with http.post(url, headers=headers) as answer:
            assert answer.status == 404
            is_error(await answer.json())
    async with http.get(f"{desk.local_url}/control/health", headers=headers) as answer:
        assert answer.status == 200
    async with http.get(f"{desk.local_url}/control/requests", headers=headers) as answer:
        requests = is_list(await answer.json())
    assert desk.secret not in json.dumps(requests)


async def test_compressed_bodies_are_a_415(desk: Serving, http: aiohttp.ClientSession) -> None:
    for url in (f"{desk.local_url}/api/jobs", f"{desk.public_url}/webhooks/job-created"):
        headers = {"Content-Encoding": "gzip"}
        async with http.post(url, data=b"\x1f\x8b", headers=headers) as answer:
            assert answer.status == 415
            is_error(await answer.json())
