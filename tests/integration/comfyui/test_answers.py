"""Whether an engine answers at all: a wrong answer is one, an open port alone is none."""

from __future__ import annotations

import copy
import json
import socket
from dataclasses import replace

import pytest
from aiohttp import web

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.errors import EngineUnavailable, JobError
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_follow import collect, prompt_of
from tests.fakes.comfyui_server import serve
from tests.integration.comfyui.conftest import CLIENT_ID


async def test_a_server_error_is_an_answer(timing: Timing) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="CUDA error")

    app = web.Application()
    app.router.add_get("/{tail:.*}", broken)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ComfyEngine.open(url, CLIENT_ID, timing) as engine:
            assert await engine.answers()
            with pytest.raises(EngineUnavailable, match="500"):
                await engine.system_stats()
    finally:
        await runner.cleanup()


async def test_a_port_that_only_accepts_is_none(timing: Timing) -> None:
    with socket.socket() as frozen:
        frozen.bind(("127.0.0.1", 0))
        frozen.listen()
        url = f"http://127.0.0.1:{frozen.getsockname()[1]}"
        impatient = replace(timing, request_s=0.5, connect_s=0.5)
        async with ComfyEngine.open(url, CLIENT_ID, impatient) as engine:
            with pytest.raises(EngineUnavailable, match="did not answer /prompt in time"):
                await engine.answers()


async def test_a_text_that_has_no_utf8_is_made_one(timing: Timing) -> None:
    prompt = prompt_of("load_broken_image")
    entry = copy.deepcopy(recordings.load("load_broken_image").entry)
    for kind, data in entry["status"]["messages"]:
        if kind == "execution_error":
            data["exception_message"] = "no file 'b\udcfcr.png'"
            data["traceback"] = ["in b\udcfcr.py\n"]

    async def queue(_: web.Request) -> web.Response:
        return web.json_response({"queue_running": [], "queue_pending": []})

    async def history(_: web.Request) -> web.Response:
        return web.json_response({prompt.prompt_id: entry})

    app = web.Application()
    app.router.add_get("/queue", queue)
    app.router.add_get("/history/{prompt_id}", history)
    async with serve(app) as url, ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        with pytest.raises(JobError) as failed:
            await collect(engine, prompt)
    assert "b?r.png" in failed.value.message
    json.dumps(failed.value.details, ensure_ascii=False).encode()
