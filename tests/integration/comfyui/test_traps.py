"""The traps of ComfyUI's server, one test each (numbers as in docs on the engine's protocol)."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from websockets.utils import accept_key

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import (
    EngineFile,
    NodeExecuted,
    NodeProgress,
    Preview,
    PromptPosted,
    PromptStarted,
    PromptSucceeded,
)
from jigdesk.domain.errors import (
    EngineStalled,
    EngineUnavailable,
    ErrorCode,
    JobError,
    ObjectNotFound,
)
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_follow import Following, collect, names_in, outputs, prompt_of, until
from tests.fakes.comfyui_server import FakeComfyServer, serve
from tests.harness.waiting import PATIENCE_S, eventually
from tests.integration.comfyui.conftest import CLIENT_ID

BLURRED = {"3": ["rec/blur_00001_.png"], "4": ["/ComfyUI_temp_gffmu_00001_.png"]}


async def test_trap_01_success_is_announced_before_history_is_written(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.late_history_s = 0.15
    assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED


async def test_trap_01_success_without_an_end_and_without_history_is_not_done(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.lost_history = True
    server.faults.lost_kinds = frozenset({"executing_null"})
    with pytest.raises(EngineUnavailable, match="lost"):
        await collect(engine, prompt_of("image_success"))


async def test_trap_02_a_reconnect_replays_nothing(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.drop_socket_after = 6
    server.hold(after=8)
    async with Following(engine, prompt_of("ksampler")) as run:
        await server.held.wait()
        await until(lambda: server.connections == 2 and engine.connected)
        server.release()
        assert outputs(await run.end()) == {"6": ["rec/ks_00001_.png"]}
    assert [e.value for e in run.events if isinstance(e, NodeProgress) and e.node == "4"][-1] == 6
    assert server.first_messages == 2 * [
        {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
    ]


async def test_trap_02_the_end_is_found_when_the_socket_dies_just_before(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    frames = recordings.load("image_success").frames
    own = [f for f in frames if f.kind not in ("status", "executing_null")]
    server.faults.drop_socket_after = len(own)
    assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED


async def test_trap_02_a_reconnect_looks_at_once(server: FakeComfyServer, timing: Timing) -> None:
    patient = replace(timing, reconcile_s=600, settle_s=600)
    server.hold(after=6)
    async with ComfyEngine.open(server.url, CLIENT_ID, patient) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        prompt = prompt_of("image_success")
        async with Following(engine, prompt) as run:
            await server.held.wait()
            server.faults.no_socket = True
            server.drop_sockets()
            await until(lambda: not engine.connected)
            server.release()
            await until(lambda: prompt.prompt_id in server.history)  # nobody was told
            server.faults.no_socket = False
            assert outputs(await run.end()) == BLURRED


async def test_trap_02_the_old_socket_is_closed_before_the_new_one_opens(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    for count in range(2, 6):
        server.drop_sockets()
        await until(lambda count=count: server.connections == count and engine.connected)
    assert server.most_open_sockets == 1
    assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED


async def test_trap_03_a_frame_of_20_mib_passes(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.huge_preview_bytes = 20 * 1024 * 1024
    events = await collect(engine, prompt_of("image_success"))
    assert outputs(events) == BLURRED
    assert max(len(e.data) for e in events if isinstance(e, Preview)) == 20 * 1024 * 1024
    assert server.connections == 1


async def test_trap_03_a_silent_socket_is_found_by_pings(timing: Timing) -> None:
    """A server that accepts the handshake and then reads nothing: no pong comes."""
    accepted = 0

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        request = await reader.readuntil(b"\r\n\r\n")
        if b"/ws" not in request:
            writer.close()
            return
        key = next(
            line.partition(b": ")[2]
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accepted += 1
        writer.write(_handshake(key) + _text_frame(json.dumps({"type": "status", "data": {}})))
        await stop.wait()
        writer.close()

    stop = asyncio.Event()
    listener = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    pinging = replace(timing, ping_interval_s=0.05, ping_timeout_s=0.05, close_s=0.05)
    try:
        async with ComfyEngine.open(f"http://127.0.0.1:{port}", CLIENT_ID, pinging):
            await until(lambda: accepted >= 3)
    finally:
        stop.set()
        listener.close()
        await listener.wait_closed()


async def test_trap_04_prompts_are_posted_under_the_sockets_own_id(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=4)
    async with Following(engine, prompt_of("image_success")) as run:
        await server.held.wait()
        assert server.running is not None
        assert server.running.client_id == CLIENT_ID
        assert set(server.sockets) == {CLIENT_ID}
        server.release()
        await run.end()


async def test_trap_04_events_of_strangers_are_not_taken_for_ours(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=6)
    foreign = prompt_of("ksampler")
    # a client that gives no id of its own can end up under ours
    server.enqueue(recordings.load("ksampler"), foreign.prompt_id, CLIENT_ID)
    await server.held.wait()
    async with Following(engine, prompt_of("image_success")) as run:
        await run.seen(PromptPosted)
        server.release()
        events = await run.end()
    assert not [event for event in events if isinstance(event, Preview)]
    assert [e.node for e in events if isinstance(e, NodeProgress)] == ["1", "4", "2", "3"]


async def test_trap_05_execution_blocked_does_not_end_the_prompt(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    prompt = prompt_of("image_success")
    blocked = {
        "prompt_id": prompt.prompt_id,
        "node_id": "2",
        "node_type": "ImageBlur",
        "exception_type": "ExecutionBlocked",
        "exception_message": "Execution Blocked: no face found",
        "traceback": [],
        "executed": [],
        "current_inputs": {},
        "current_outputs": [],
    }
    server.faults.extra_frames = [json.dumps({"type": "execution_error", "data": blocked})]
    assert outputs(await collect(engine, prompt)) == BLURRED


async def test_trap_06_an_interruption_is_no_error(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=5)
    async with Following(engine, prompt_of("ksampler")) as run:
        await server.held.wait()
        # somebody presses stop in ComfyUI's own page: history calls it `error`
        async with _session() as session, session.post(f"{server.url}/interrupt", json={}):
            pass
        with pytest.raises(JobError) as caught:
            await run.end()
    assert caught.value.error_code is ErrorCode.CANCELLED


async def test_trap_07_a_prompt_that_a_restart_wiped_is_lost_and_not_done(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=5)
    async with Following(engine, prompt_of("ksampler")) as run:
        await server.held.wait()
        server.wipe()
        with pytest.raises(EngineUnavailable, match="neither in its queue nor in its history"):
            await run.end()
    assert not [event for event in run.events if isinstance(event, PromptSucceeded)]
    assert len(server.posts) == 1


async def test_trap_08_another_program_on_the_port_is_not_taken_for_the_engine(
    timing: Timing,
) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>It works!</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with serve(app) as url, ComfyEngine.open(url, CLIENT_ID, timing) as engine:
        with pytest.raises(EngineUnavailable, match="not as ComfyUI does"):
            await collect(engine, prompt_of("image_success"))
        with pytest.raises(EngineUnavailable, match="not as ComfyUI does"):
            await engine.system_stats()
        assert not engine.connected
        assert engine.version is None


async def test_trap_09_expanded_nodes_count_for_the_node_that_made_them(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    prompt = prompt_of("image_success")

    def state(value: float, status: str) -> dict[str, object]:
        return {
            "value": value,
            "max": 4,
            "state": status,
            "node_id": "2.0.0.7",
            "prompt_id": prompt.prompt_id,
            "display_node_id": "2",
            "parent_node_id": "2",
            "real_node_id": "2.0.0.7",
        }

    output = {"images": [{"filename": "inner.png", "subfolder": "sub", "type": "output"}]}
    server.faults.extra_frames = [
        json.dumps(
            {
                "type": "progress_state",
                "data": {"prompt_id": prompt.prompt_id, "nodes": {"2.0.0.7": state(3, "running")}},
            }
        ),
        json.dumps(
            {
                "type": "executed",
                "data": {
                    "node": "2.0.0.7",
                    "display_node": "2",
                    "output": output,
                    "prompt_id": prompt.prompt_id,
                },
            }
        ),
    ]
    events = await collect(engine, prompt)
    assert NodeProgress("2", 3, 4) in events
    executed = [e.output for e in events if isinstance(e, NodeExecuted)]
    assert executed[0].node == "2"
    assert executed[0].files == (("images", EngineFile("inner.png", "sub", "output")),)


async def test_trap_10_a_cached_result_whose_file_was_deleted_is_not_found(
    server: FakeComfyServer, engine: ComfyEngine, tmp_path: Path
) -> None:
    server.prefer = "image_cached"
    events = await collect(engine, prompt_of("image_cached"))
    last = events[-1]
    assert isinstance(last, PromptSucceeded)
    _, file = last.outputs["3"].files[0]
    server.files.clear()
    with pytest.raises(ObjectNotFound, match=r"rec/blur_00001_\.png"):
        await engine.download(file, tmp_path / "result.png", 1000)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("runs", [True, False])
async def test_trap_11_a_dead_worker_is_a_stall(
    server: FakeComfyServer, hasty: Timing, runs: bool
) -> None:
    if runs:
        server.hold(after=3)  # it began, and then nothing moves
    else:
        server.faults.dead_worker = True  # accepted, never begun
    short = replace(hasty, stall_timeout_s=0.6)
    async with ComfyEngine.open(server.url, CLIENT_ID, short) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        with pytest.raises(EngineStalled, match="worker seems dead"):
            await collect(engine, prompt_of("ksampler"))
        assert engine.connected


async def test_trap_11_waiting_behind_a_strangers_long_prompt_is_no_stall(
    server: FakeComfyServer, timing: Timing
) -> None:
    server.hold(after=3)
    server.enqueue(recordings.load("ksampler"), prompt_of("ksampler").prompt_id, "somebody-else")
    await server.held.wait()
    short = replace(timing, stall_timeout_s=2, reconcile_s=0.1)
    async with (
        ComfyEngine.open(server.url, CLIENT_ID, short) as engine,
        Following(engine, prompt_of("image_success")) as run,
    ):
        await run.seen(PromptPosted)
        looks = server.requests["GET /queue"]
        await until(lambda: server.requests["GET /queue"] > looks + 25)
        server.release()
        assert outputs(await run.end()) == BLURRED


async def test_trap_12_what_is_not_on_disk_is_no_result(engine: ComfyEngine) -> None:
    events = await collect(engine, prompt_of("websocket_image"))
    assert events[-1] == PromptSucceeded({})
    assert [e.content_type for e in events if isinstance(e, Preview)] == ["image/png"]


async def test_a_broken_or_unknown_frame_does_not_end_the_session(
    server: FakeComfyServer, engine: ComfyEngine, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.extra_frames = [
        "not json",
        '{"type": "executing"}',
        '{"type": "crystools.monitor", "data": {"cpu": 3}}',
        '{"type": "progress", "data": {"value": "NaN", "max": []}}',
        b"\x00",
        b"\x00\x00\x00\x04\xff\xff\xff\xff{}",
        b"\x00\x00\x00\x63whatever",
    ]
    with caplog.at_level(logging.ERROR):
        assert outputs(await collect(engine, prompt_of("image_success"))) == BLURRED
    assert server.connections == 1


async def test_started_is_told_though_the_start_was_lost(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.lost_kinds = frozenset({"execution_start"})
    events = await collect(engine, prompt_of("image_success"))
    assert [event for event in events if isinstance(event, PromptStarted)] == [PromptStarted()]
    assert outputs(events) == BLURRED


def _session() -> ClientSession:
    return ClientSession()


def _handshake(key: bytes) -> bytes:
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key.decode())}\r\n\r\n"
    ).encode()


def _text_frame(text: str) -> bytes:
    body = text.encode()
    assert len(body) < 126
    return bytes([0x81, len(body)]) + body


async def test_a_move_while_the_socket_connects_does_not_end_at_the_old_address(
    server: FakeComfyServer, timing: Timing
) -> None:
    knocked, let_in = asyncio.Event(), asyncio.Event()

    async def slow_socket(request: web.Request) -> web.StreamResponse:
        knocked.set()
        await let_in.wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "status", "data": {"status": {}, "sid": CLIENT_ID}})
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/ws", slow_socket)
    async with (
        serve(app) as elsewhere,
        ComfyEngine.open(elsewhere, CLIENT_ID, timing) as engine,
    ):
        async with asyncio.timeout(PATIENCE_S):
            await knocked.wait()
        await engine.move_to(server.url)
        let_in.set()
        await eventually(lambda: server.connections == 1)
        assert await engine.wait_connected(PATIENCE_S)
