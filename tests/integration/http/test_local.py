"""The local listener: who may ask, and what answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import Counter

from jigdesk.adapters.http.api import ApiRequest
from jigdesk.domain.errors import RequestError, StoreUnavailable
from tests.fakes.http_desk import JOB_ID, TOKEN, Answer, HttpDesk, Wishes, echo, http_desk
from tests.harness.waiting import PATIENCE_S

SHOP = "https://shop.example"
EVIL = "https://evil.example"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATHS = ("/api/workflows", "/control/jobs", "/metrics", "/openapi.json", "/dock", "/nowhere")


# --- Host


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8766", "127.0.0.1.nip.example", "x@y"]
)
async def test_a_page_whose_name_was_pointed_here_gets_nothing(
    web_client: aiohttp.ClientSession, desk: HttpDesk, path: str, host: str
) -> None:
    async with web_client.get(desk.local.url + path, headers={"Host": host, **BEARER}) as answer:
        assert answer.status == 421
        assert (await answer.json())["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /metrics HTTP/1.0\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: x.example\r\nConnection: close\r\n\r\n",
        b"GET http://localhost/metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ],
)
async def test_no_host_two_hosts_or_a_host_in_the_path(desk: HttpDesk, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.local.port)
    writer.write(head)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    await writer.wait_closed()
    assert answer.split(b" ", 2)[1] in (b"421", b"400")
    assert b"# HELP" not in answer


async def test_the_loopback_names_are_answered_at_any_port(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    for host in ("localhost", "127.0.0.1:1", "[::1]:8766"):
        async with web_client.get(desk.local.url + "/metrics", headers={"Host": host}) as answer:
            assert answer.status == 200


# --- Origin


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://localhost:3000", SHOP + ".evil.example", ""]
)
async def test_foreign_pages_change_nothing_and_control_nothing(
    web_client: aiohttp.ClientSession, desk: HttpDesk, origin: str
) -> None:
    headers = {"Origin": origin, **BEARER}
    for method, path in (
        ("POST", "/api/jobs"),
        ("POST", "/control/queue/pause"),
        ("GET", "/control/jobs"),
        ("PUT", "/files/x"),
        ("OPTIONS", "/api/jobs"),
        ("OPTIONS", "/control/jobs"),
        ("GET", "/metrics"),
    ):
        async with web_client.request(method, desk.local.url + path, headers=headers) as answer:
            assert (method, path, answer.status) == (method, path, 403)
            assert (await answer.json())["error"]["code"] == "origin_not_allowed"
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert desk.control.paused is None


async def test_a_foreign_read_carries_no_leave_to_be_read(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async with web_client.get(
        desk.local.url + "/api/workflows", headers={"Origin": EVIL}
    ) as answer:
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["/api/jobs", "/files/key", f"/events/{JOB_ID}"])
async def test_a_preflight_of_a_listed_origin_is_answered(
    web_client: aiohttp.ClientSession, desk: HttpDesk, path: str
) -> None:
    headers = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    async with web_client.options(desk.local.url + path, headers=headers) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        assert "content-type" in answer.headers["Access-Control-Allow-Headers"]
        assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_listed_origin_reads_answers_and_errors_but_never_control(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    headers = {"Origin": SHOP, **BEARER}
    async with web_client.post(desk.local.url + "/api/jobs", headers=headers) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    async with web_client.get(desk.local.url + "/events/none", headers=headers) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, SHOP)
    for method in ("GET", "OPTIONS"):
        url = desk.local.url + "/control/jobs"
        async with web_client.request(method, url, headers=headers) as answer:
            assert answer.status == 403


async def test_our_own_page_does_everything(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    headers = {"Origin": desk.local.url, **BEARER}
    async with web_client.post(desk.local.url + "/control/queue/pause", headers=headers) as answer:
        assert answer.status == 200
    assert desk.control.paused == "Paused by the owner."


# --- the jobs API


async def test_the_api_gets_the_request_and_sends_no_cookie(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    url = desk.local.url + "/api/jobs?client_id=browser-1"
    async with web_client.post(url, data=b"hello") as answer:
        text = await answer.text()
        assert text == "POST /api/jobs [('client_id', 'browser-1')] 127.0.0.1 hello"
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_doubled_parameter_and_a_flood_are_refused(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async with web_client.get(desk.local.url + "/api/jobs?limit=1&limit=2") as answer:
        assert (answer.status, (await answer.json())["error"]["field"]) == (400, "limit")
    async with web_client.post(
        desk.local.url + "/api/jobs", data=io.BytesIO(b" " * 3_000_000)
    ) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (RequestError(429, "too_many", "Wait.", retry_after_s=7), 429, "too_many"),
        (StoreUnavailable("The store is away."), 503, "store_unavailable"),
        (KeyError("oops"), 500, "internal"),
    ],
)
async def test_what_the_api_raises_becomes_an_error(
    tmp_path: Path,
    web_client: aiohttp.ClientSession,
    failure: Exception,
    status: int,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: ApiRequest) -> Answer:
        raise failure

    async with (
        http_desk(tmp_path, Wishes(api=fail)) as desk,
        web_client.get(desk.local.url + "/api/jobs") as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
        assert ("Retry-After" in answer.headers) == (status in (429, 503))
    assert ("oops" in caplog.text) == (status == 500)


async def test_a_stuck_api_bounds_what_waits_and_leaves_the_rest_alone(
    tmp_path: Path, web_client: aiohttp.ClientSession
) -> None:
    go, entered = threading.Event(), threading.Event()

    def stuck(request: ApiRequest) -> Answer:
        entered.set()
        assert go.wait(PATIENCE_S)
        return echo(request)

    wishes = Wishes(api=stuck, api_threads=1, api_waiting=2, api_timeout_s=3)
    async with http_desk(tmp_path, wishes) as desk:
        try:
            url = desk.local.url + "/api/jobs"

            async def ask() -> tuple[int, str]:
                async with web_client.get(url) as answer:
                    return answer.status, (await answer.json())["error"]["code"]

            answers = await asyncio.gather(*(ask() for _ in range(4)))
            assert sorted(answers) == [(503, "busy")] * 2 + [(503, "unavailable")] * 2
            assert entered.is_set()
            async with web_client.get(desk.local.url + "/metrics") as answer:
                assert answer.status == 200
        finally:
            go.set()


# --- pages


@pytest.fixture
async def with_dock(tmp_path: Path) -> AsyncIterator[HttpDesk]:
    assets = tmp_path / "assets"
    (assets / "icons").mkdir(parents=True)
    (assets / "dock.html").write_text(
        "<script>let a = 1;</script><script src='/dock/d.js'></script>"
    )
    (assets / "d.js").write_text("1")
    (assets / "icons" / "a.svg").write_text("<svg/>")
    (assets / "notes.toml").write_text("secret = 1")
    (tmp_path / "outside.js").write_text("secret")
    (assets / "link.js").symlink_to(tmp_path / "outside.js")
    async with http_desk(tmp_path) as desk:
        yield desk


async def test_the_dock_and_its_files(
    web_client: aiohttp.ClientSession, with_dock: HttpDesk
) -> None:
    async with web_client.get(with_dock.local.url + "/dock") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"]
        digest = base64.b64encode(hashlib.sha256(b"let a = 1;").digest()).decode()
        assert f"script-src 'self' 'sha256-{digest}';" in policy
        assert policy.count("sha256-") == 1
    for path, content_type in (("d.js", "text/javascript"), ("icons/a.svg", "image/svg+xml")):
        async with web_client.get(f"{with_dock.local.url}/dock/{path}") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith(content_type)


@pytest.mark.parametrize(
    "path",
    [
        "missing.js",
        "notes.toml",
        "link.js",
        "../outside.js",
        "%2e%2e/outside.js",
        "..%2foutside.js",
        "icons",
        "icons/",
        "%00.js",
        "a" * 300 + ".js",
        "d.js/x.js",
        "/etc/hosts.js",
    ],
)
async def test_nothing_else_is_served(
    web_client: aiohttp.ClientSession, with_dock: HttpDesk, path: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", with_dock.local.port)
    writer.write(
        f"GET /dock/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer


async def test_without_a_dock_there_is_a_404(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async with web_client.get(desk.local.url + "/dock") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "not_found")


async def test_metrics_are_prometheus_text(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    Counter("jigdesk_tests", "Counts.", registry=desk.registry).inc(3)
    async with web_client.get(desk.local.url + "/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "jigdesk_tests_total 3.0" in await answer.text()


async def test_strangers_files_cannot_run_as_pages(
    tmp_path: Path, web_client: aiohttp.ClientSession
) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<script>1</script>", content_type="text/html")

    async with (
        http_desk(tmp_path, Wishes(files=[web.get("/files/{key:.*}", page)])) as desk,
        web_client.get(desk.local.url + "/files/a.html") as answer,
    ):
        assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_wrong_methods_and_paths_are_errors_in_json(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async with web_client.post(desk.local.url + "/metrics") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
        assert (await answer.json())["error"]["code"] == "method_not_allowed"
    async with web_client.get(desk.local.url + "/webhooks/job-created") as answer:
        assert answer.status == 404
