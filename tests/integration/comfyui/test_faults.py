"""What goes wrong on the way, and that it is made right (or said plainly)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.socket import LinkStatus
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import NodeProgress, PromptPosted, PromptStarted
from jigdesk.domain.errors import EngineUnavailable, SetupError
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_follow import Following, collect, outputs, prompt_of, until
from tests.fakes.comfyui_server import FakeComfyServer, open_server, serve
from tests.harness.waiting import PATIENCE_S
from tests.integration.comfyui.conftest import CLIENT_ID

BLURRED = {"3": ["rec/blur_00001_.png"], "4": ["/ComfyUI_temp_gffmu_00001_.png"]}


async def test_a_lost_final_event_is_found_by_the_sweep(
    server: FakeComfyServer, looking: ComfyEngine
) -> None:
    server.faults.lost_kinds = frozenset({"executing_null", "execution_success"})
    assert outputs(await collect(looking, prompt_of("image_success"))) == BLURRED


async def test_silence_from_start_to_end_still_completes(
    server: FakeComfyServer, looking: ComfyEngine
) -> None:
    server.faults.silent = True
    server.hold(after=3)
    async with Following(looking, prompt_of("image_success")) as run:
        await run.seen(PromptStarted)  # the queue says so
        server.release()
        assert outputs(await run.end()) == BLURRED


async def test_a_socket_that_the_server_forgot_is_replaced(
    server: FakeComfyServer, timing: Timing
) -> None:
    patient = replace(timing, reconcile_s=2)
    async with ComfyEngine.open(server.url, CLIENT_ID, patient) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        server.faults.forget_sockets = True
        assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED
        server.faults.forget_sockets = False
        await until(lambda: server.connections == 2 and engine.connected)
        events = await collect(engine, prompt_of("batch_image"))
        assert PromptStarted() in events
        assert any(isinstance(event, NodeProgress) for event in events), "only frames tell it"


async def test_without_any_socket_http_alone_completes(
    server: FakeComfyServer, hasty: Timing
) -> None:
    server.faults.no_socket = True
    alone = replace(hasty, socket_wait_s=0.05)
    async with ComfyEngine.open(server.url, CLIENT_ID, alone) as engine:
        assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED
        assert not engine.connected


async def test_slow_http_is_waited_for(server: FakeComfyServer, engine: ComfyEngine) -> None:
    server.faults.http_delay_s = 0.3
    assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED


async def test_http_that_fails_for_a_moment_is_asked_again(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=4)
    prompt = prompt_of("image_success")
    async with Following(engine, prompt) as run:
        await server.held.wait()
        server.faults.status_codes[f"/history/{prompt.prompt_id}"] = [500, 0]
        server.release()
        assert outputs(await run.end()) == BLURRED


async def test_http_that_fails_for_good_is_said(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=4)
    prompt = prompt_of("image_success")
    async with Following(engine, prompt) as run:
        await server.held.wait()
        server.faults.status_codes[f"/history/{prompt.prompt_id}"] = [500] * 1000
        server.faults.status_codes["/queue"] = [500] * 1000
        server.release()
        with pytest.raises(EngineUnavailable, match="answered 500"):
            await run.end()


async def test_a_post_that_was_taken_and_not_answered_is_not_repeated(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.post_is_taken_unanswered = True
    server.hold(after=2)
    prompt = prompt_of("image_success")
    async with Following(engine, prompt) as run:
        await run.seen(PromptPosted)
        server.release()
        assert outputs(await run.end()) == BLURRED
    assert server.posts == [prompt.prompt_id]


async def test_a_post_that_was_not_taken_is_said_and_may_be_repeated(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.status_codes["/prompt"] = [503]
    prompt = prompt_of("image_success")
    with pytest.raises(EngineUnavailable, match="503"):
        await collect(engine, prompt)
    assert outputs(await collect(engine, prompt)) == BLURRED
    assert server.posts == [prompt.prompt_id]


async def test_a_prompt_waits_its_turn_behind_a_strangers(
    server: FakeComfyServer, looking: ComfyEngine
) -> None:
    server.hold(after=3)
    foreign = prompt_of("ksampler")
    server.enqueue(recordings.load("ksampler"), foreign.prompt_id, "somebody-else")
    await server.held.wait()
    async with Following(looking, prompt_of("image_success")) as run:
        await run.seen(PromptPosted)
        looks = server.requests["GET /queue"]
        await until(lambda: server.requests["GET /queue"] > looks + 2)
        assert run.events == [PromptPosted(adopted=False)]
        server.release()
        assert outputs(await run.end()) == BLURRED


async def test_an_engine_that_went_away_is_said_and_found_again(timing: Timing) -> None:
    async with open_server() as server:
        port = int(server.url.rpartition(":")[2])
        engine_at = ComfyEngine.open(server.url, CLIENT_ID, timing)
        engine = await engine_at.__aenter__()
        try:
            assert await engine.wait_connected(PATIENCE_S)
            server.hold(after=4)
            run = Following(engine, prompt_of("image_success"))
            await run.__aenter__()
            await server.held.wait()
        except BaseException:
            await engine_at.__aexit__(None, None, None)
            raise
    try:
        with pytest.raises(EngineUnavailable):
            await run.end()
        assert not engine.connected
        again = FakeComfyServer()
        async with serve(again.app(), port):
            assert await engine.wait_connected(PATIENCE_S)
            assert (await engine.system_stats())["system"]["comfyui_version"] == "0.3.64"
            await until(lambda: again.connections)
    finally:
        await run.__aexit__(None, None, None)
        await engine_at.__aexit__(None, None, None)


async def test_an_engine_that_is_not_up_yet_is_waited_for(timing: Timing) -> None:
    async with serve(web.Application()) as url:
        port = int(url.rpartition(":")[2])
    async with ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        with pytest.raises(EngineUnavailable):
            await engine.system_stats()
        server = FakeComfyServer()
        async with serve(server.app(), port):
            assert await engine.wait_connected(PATIENCE_S)
            await until(lambda: engine.version == "0.3.64")
            assert (await engine.features())["supports_preview_metadata"] is True


async def test_listeners_hear_of_the_queue_and_the_link(
    server: FakeComfyServer, timing: Timing
) -> None:
    heard: list[LinkStatus] = []
    async with ComfyEngine.open(server.url, CLIENT_ID, timing) as engine:
        stop = engine.listen(heard.append)
        await collect(engine, prompt_of("image_success"))
        await until(lambda: engine.status.queue_remaining == 0)
        assert {status.queue_remaining for status in heard} >= {0, 1}
        server.drop_sockets()
        await until(lambda: engine.status.connections == 2)
        assert not all(status.connected for status in heard)
        stop()
        count = len(heard)
        server.drop_sockets()
        await until(lambda: engine.status.connections == 3)
        assert len(heard) == count


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:8188", "http://", "http://x:99999"])
async def test_an_address_that_is_none_is_refused(url: str, timing: Timing) -> None:
    with pytest.raises(SetupError, match="URL"):
        async with ComfyEngine.open(url, CLIENT_ID, timing):
            pass
