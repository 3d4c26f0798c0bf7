"""Files up and down, and the smaller routes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from aiohttp import web

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import EngineFile
from jigdesk.domain.errors import DiskFull, EngineError, EngineUnavailable, ErrorCode, JobError
from tests.fakes.comfyui_follow import names_in
from tests.fakes.comfyui_server import FakeComfyServer, serve
from tests.integration.comfyui.conftest import CLIENT_ID


async def test_an_upload_lands_in_the_desks_folder_and_equal_names_are_one_file(
    server: FakeComfyServer, engine: ComfyEngine, tmp_path: Path
) -> None:
    source = tmp_path / "photo.png"
    source.write_bytes(os.urandom(3_000_000))
    assert await engine.upload_input(source, "ab12.png") == "jigdesk/ab12.png"
    assert await engine.upload_input(source, "ab12.png") == "jigdesk/ab12.png"
    assert list(server.files) == [("input", "jigdesk", "ab12.png")]
    assert server.files["input", "jigdesk", "ab12.png"] == source.read_bytes()


async def test_the_name_that_the_server_chose_is_used(timing: Timing, tmp_path: Path) -> None:
    async def renames(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"name": "in (1).png", "subfolder": "", "type": "input"})

    app = web.Application()
    app.router.add_post("/upload/image", renames)
    source = tmp_path / "in.png"
    source.write_bytes(b"x")
    async with serve(app) as url, ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        assert await engine.upload_input(source, "in.png") == "in (1).png"


async def test_a_name_that_the_server_refuses_is_an_error(
    engine: ComfyEngine, tmp_path: Path
) -> None:
    source = tmp_path / "in.png"
    source.write_bytes(b"x")
    with pytest.raises(EngineError, match="refused the file"):
        await engine.upload_input(source, "../in.png")


async def test_a_download_is_streamed_and_hashed(
    server: FakeComfyServer, engine: ComfyEngine, tmp_path: Path
) -> None:
    body = os.urandom(5_000_001)
    server.files["output", "rec/sub", "big file+1.webm"] = body
    target = tmp_path / "result.webm"
    digest = await engine.download(
        EngineFile("big file+1.webm", "rec/sub", "output"), target, len(body)
    )
    assert target.read_bytes() == body
    assert (digest.size_bytes, digest.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert names_in(tmp_path) == ["result.webm"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
async def test_a_result_for_which_there_is_no_room_may_be_fetched_later(
    server: FakeComfyServer, engine: ComfyEngine, tmp_path: Path
) -> None:
    server.files["output", "", "r.png"] = os.urandom(3_000_000)
    target, part = tmp_path / "r.png", tmp_path / "r.png.part"
    part.symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="Free some space"):
        await engine.download(EngineFile("r.png", "", "output"), target, 10**7)
    assert names_in(tmp_path) == []
    digest = await engine.download(EngineFile("r.png", "", "output"), target, 10**7)
    assert digest.size_bytes == target.stat().st_size == 3_000_000


async def test_a_result_over_the_limit_leaves_nothing_behind(
    server: FakeComfyServer, engine: ComfyEngine, tmp_path: Path
) -> None:
    server.files["output", "", "big.png"] = bytes(500_000)
    with pytest.raises(JobError) as caught:
        await engine.download(EngineFile("big.png", "", "output"), tmp_path / "big.png", 499_999)
    assert caught.value.error_code is ErrorCode.EXECUTION_ERROR
    assert not caught.value.retryable
    assert names_in(tmp_path) == []


async def test_a_download_that_breaks_off_leaves_the_old_file(
    timing: Timing, tmp_path: Path
) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(bytes(50_000))
        assert request.transport is not None
        request.transport.abort()
        return response

    app = web.Application()
    app.router.add_get("/view", breaks)
    target = tmp_path / "result.png"
    target.write_bytes(b"old")
    async with serve(app) as url, ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        with pytest.raises(EngineUnavailable):
            await engine.download(EngineFile("r.png", "", "output"), target, 10**6)
    assert names_in(tmp_path) == ["result.png"]
    assert target.read_bytes() == b"old"


async def test_a_cancelled_download_leaves_nothing_behind(timing: Timing, tmp_path: Path) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def hangs(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(bytes(2_000_000))
        started.set()
        await stopped.wait()
        return response

    app = web.Application()
    app.router.add_get("/view", hangs)
    async with serve(app) as url, ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        target = tmp_path / "r.png"
        download = asyncio.create_task(
            engine.download(EngineFile("r.png", "", "output"), target, 10**7)
        )
        await started.wait()
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
        stopped.set()
    assert names_in(tmp_path) == []


async def test_free_unloads_models_and_memory(server: FakeComfyServer, engine: ComfyEngine) -> None:
    await engine.free()
    assert server.freed == [{"unload_models": True, "free_memory": True}]


async def test_object_info_names_the_node_classes(engine: ComfyEngine) -> None:
    assert (await engine.object_info())["SaveImage"]["output_node"] is True


async def test_an_answer_without_an_end_is_bounded(timing: Timing) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"[" * 100_000)

    app = web.Application()
    app.router.add_get("/system_stats", endless)
    async with serve(app) as url, ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        with pytest.raises(EngineUnavailable, match="larger"):
            await engine.system_stats()
