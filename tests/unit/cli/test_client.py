"""The client against a loopback server that behaves as a desk's listener may."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from jigdesk.commands.client import (
    DeskClient,
    DeskLost,
    DeskNotRunning,
    LocalFileError,
    connect,
    open_client,
)
from jigdesk.domain.errors import RequestError
from jigdesk.settings import load_settings
from tests.harness.waiting import PATIENCE_S

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def desk(path: str, handler: Handler) -> AsyncIterator[DeskClient]:
    app = web.Application()
    app.router.add_route("*", path, handler)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        open_client(str(server.make_url("")), "token") as client,
    ):
        yield client


def sse(name: str, seq: int) -> bytes:
    return f"event: {name}\nid: {seq}\ndata: {json.dumps({'seq': seq})}\n\n".encode()


async def test_lost_connections_are_taken_up_where_they_broke_off() -> None:
    asked: list[str] = []

    async def events(request: web.Request) -> web.StreamResponse:
        asked.append(request.query["last_event_id"])
        if len(asked) == 3:
            return web.Response(status=503)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        if len(asked) == 1:
            await answer.write(sse("job:accepted", 1) + sse("job:progress", 5))
            assert request.transport is not None
            request.transport.abort()
        elif len(asked) == 2:
            await answer.write(sse("job:progress", 5) + sse("job:progress", 6))
        else:
            await answer.write(sse("job:completed", 9) + sse("job_done", 10))
        return answer

    async with desk("/events/abc", events) as client:
        seen = [(event.name, event.seq) async for event in client.events("abc", "client-one")]
    assert seen == [
        ("job:accepted", 1),
        ("job:progress", 5),
        ("job:progress", 6),
        ("job:completed", 9),
        ("job_done", 10),
    ]
    assert asked == ["0", "5", "6", "6"]


async def test_the_end_of_an_earlier_attempt_ends_nothing() -> None:
    async def events(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(sse("job:failed", 3) + sse("job_error", 4))
        await answer.write(sse("job:accepted", 5) + sse("job:completed", 6) + sse("job_done", 7))
        return answer

    async with desk("/events/abc", events) as client:
        seen = [event.name async for event in client.events("abc", "client-one")]
    assert seen[1:3] == ["job_error", "job:accepted"]
    assert seen[-1] == "job_done"


async def test_an_unknown_job_is_not_asked_for_again() -> None:
    calls = 0

    async def refuse(_: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return web.json_response({"error": {"code": "not_found", "message": "No."}}, status=404)

    async with desk("/events/abc", refuse) as client:
        with pytest.raises(RequestError, match=r"No\."):
            async for _ in client.events("abc", "client-one"):
                pass
    assert calls == 1


async def test_a_refusal_keeps_its_code_message_and_field() -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        error = {"code": "invalid_parameter", "message": "Too big.", "field": "request.params.x"}
        return web.json_response({"error": error}, status=422)

    async with desk("/api/jobs", refuse) as client:
        with pytest.raises(RequestError) as caught:
            await client.api("POST", "/jobs", body={})
    assert (caught.value.status, caught.value.code) == (422, "invalid_parameter")
    assert (caught.value.message, caught.value.field) == ("Too big.", "request.params.x")


async def test_the_token_goes_with_control_calls_alone() -> None:
    seen: list[str | None] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({})

    async with desk("/{rest:.*}", note) as client:
        await client.control("GET", "/jobs")
        await client.api("GET", "/workflows")
    assert seen == ["Bearer token", None]


async def test_another_homes_token_is_said() -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=401)

    async with desk("/control/jobs", refuse) as client:
        with pytest.raises(RequestError, match="another home"):
            await client.control("GET", "/jobs")


async def test_what_is_no_desk_is_said() -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>")

    async with desk("/control/jobs", page) as client:
        with pytest.raises(DeskLost, match="is no desk"):
            await client.control("GET", "/jobs")


async def test_a_file_is_streamed_up_with_its_length_and_headers(tmp_path: Path) -> None:
    body = bytes(300_000)
    path = tmp_path / "big.png"
    path.write_bytes(body)
    got: dict[str, object] = {}

    async def take(request: web.Request) -> web.StreamResponse:
        got.update(request.headers)
        got["body"] = await request.read()
        return web.Response()

    async with desk("/put", take) as client:
        url = f"{client._base_url}/put"
        await client.upload(
            {"method": "PUT", "url": url, "headers": {"Content-Type": "image/png"}}, path
        )
    assert got["body"] == body
    assert got["Content-Length"] == str(len(body))
    assert got["Content-Type"] == "image/png"


async def test_a_refused_download_leaves_no_file(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=403)

    async with desk("/files/a", refuse) as client:
        with pytest.raises(RequestError, match="403"):
            await client.download(f"{client._base_url}/files/a", tmp_path / "a.png")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a folder of a test


async def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    async def give(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x")

    (tmp_path / "taken").write_bytes(b"")
    async with desk("/files/a", give) as client:
        url = f"{client._base_url}/files/a"
        with pytest.raises(LocalFileError, match="taken"):
            await client.download(url, tmp_path / "taken" / "a.png")
        with pytest.raises(LocalFileError, match=r"gone\.png"):
            await client.upload({"method": "PUT", "url": url}, tmp_path / "gone.png")


async def test_a_download_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"some")
        assert request.transport is not None
        request.transport.abort()
        return answer

    async with desk("/files/a", break_off) as client:
        with pytest.raises(DeskLost):
            await client.download(f"{client._base_url}/files/a", tmp_path / "a.png")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a folder of a test


async def test_a_desk_that_never_ran(home: Path) -> None:
    with pytest.raises(DeskNotRunning, match="jigdesk serve"):
        async with connect(load_settings({"JIGDESK_HOME": str(home)})):
            pass


async def test_a_token_that_cannot_be_read_is_another_matter(home: Path) -> None:
    settings = load_settings({"JIGDESK_HOME": str(home)})
    settings.paths.control_token.mkdir(parents=True)
    with pytest.raises(LocalFileError, match=r"control\.token: cannot be read: Is a directory"):
        async with connect(settings):
            pass


async def test_a_desk_that_is_gone(home: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    (home / "state").mkdir()
    (home / "state" / "control.token").write_text("token")
    (home / "state" / "listeners.json").write_text(
        json.dumps({"local_url": f"http://127.0.0.1:{port}"})
    )
    async with connect(load_settings({"JIGDESK_HOME": str(home)})) as client:
        with pytest.raises(DeskNotRunning, match=str(port)):
            await asyncio.wait_for(client.control("GET", "/jobs"), PATIENCE_S)
