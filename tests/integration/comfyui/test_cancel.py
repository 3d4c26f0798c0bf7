"""A cancel stops one prompt and never another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import PromptPosted, PromptStarted
from jigdesk.domain.errors import ErrorCode, JobError
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_follow import Following, collect, outputs, prompt_of, until
from tests.fakes.comfyui_server import FakeComfyServer, open_server
from tests.harness.waiting import PATIENCE_S
from tests.integration.comfyui.conftest import CLIENT_ID


@pytest.fixture(params=[False, True], ids=["0.3.64", "jobs-routes"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[FakeComfyServer]:
    """Both generations of the server: with and without `/api/jobs`."""
    async with open_server(jobs_routes=request.param) as server:
        yield server


async def _end_of(run: Following) -> ErrorCode:
    with pytest.raises(JobError) as caught:
        await run.end()
    return caught.value.error_code


async def test_cancelling_a_waiting_prompt_does_not_touch_the_running_one(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=5)
    first, second = prompt_of("ksampler"), prompt_of("image_success")
    async with Following(engine, first) as running, Following(engine, second) as waiting:
        await running.seen(PromptStarted)
        await waiting.seen(PromptPosted)
        await engine.cancel(second.prompt_id)
        assert await _end_of(waiting) is ErrorCode.CANCELLED
        server.release()
        assert outputs(await running.end()) == {"6": ["rec/ks_00001_.png"]}
    assert server.deleted == [second.prompt_id]
    assert server.interrupted == []


async def test_cancelling_the_running_prompt_lets_the_waiting_one_run(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=5)
    first, second = prompt_of("ksampler"), prompt_of("image_success")
    async with Following(engine, first) as running, Following(engine, second) as waiting:
        await server.held.wait()
        await waiting.seen(PromptPosted)
        await engine.cancel(first.prompt_id)
        assert await _end_of(running) is ErrorCode.CANCELLED
        server.release()
        assert outputs(await waiting.end())["3"] == ["rec/blur_00001_.png"]
    assert server.interrupted == [first.prompt_id]
    assert server.deleted == []


async def test_a_cancel_does_not_hang_on_a_route_that_fails(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.status_codes["/api/jobs"] = [500]
    server.hold(after=5)
    prompt = prompt_of("ksampler")
    async with Following(engine, prompt) as run:
        await server.held.wait()
        await engine.cancel(prompt.prompt_id)
        assert await _end_of(run) is ErrorCode.CANCELLED
    assert server.interrupted == [prompt.prompt_id]


async def test_cancelling_what_is_not_there_touches_nobody(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=5)
    prompt = prompt_of("ksampler")
    async with Following(engine, prompt) as run:
        await server.held.wait()
        await engine.cancel(prompt_of("ksampler").prompt_id)
        server.release()
        assert outputs(await run.end()) == {"6": ["rec/ks_00001_.png"]}
    assert server.interrupted == server.deleted == []
    # old servers stop whatever runs, whichever id they are given
    assert server.requests["POST /interrupt"] == 0


async def test_a_strangers_running_prompt_is_left_alone(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=3)
    foreign = prompt_of("ksampler")
    server.enqueue(recordings.load("ksampler"), foreign.prompt_id, "somebody-else")
    await server.held.wait()
    ours = prompt_of("image_success")
    async with Following(engine, ours) as run:
        await run.seen(PromptPosted)
        await engine.cancel(ours.prompt_id)
        assert await _end_of(run) is ErrorCode.CANCELLED
    assert server.running is not None
    assert server.running.prompt_id == foreign.prompt_id
    assert server.interrupted == []


async def test_a_cancel_between_look_and_post_is_not_lost(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.http_delay_s = 0.05
    prompt = prompt_of("ksampler")
    async with Following(engine, prompt) as run:
        await until(lambda: server.requests["GET /queue"])  # it looks: nothing is posted yet
        await engine.cancel(prompt.prompt_id)
        assert await _end_of(run) is ErrorCode.CANCELLED
    assert server.posts == []


async def test_a_cancel_that_came_too_late_is_a_cancel_all_the_same(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=21)  # all but the last two frames of it are out
    prompt = prompt_of("image_success")
    async with Following(engine, prompt) as run:
        await run.seen(PromptStarted)
        server.faults.status_codes["/interrupt"] = [200]  # answered, without effect
        server.faults.status_codes[f"/api/jobs/{prompt.prompt_id}/cancel"] = [404]
        await engine.cancel(prompt.prompt_id)
        server.release()
        assert await _end_of(run) is ErrorCode.CANCELLED
    assert prompt.prompt_id in server.history


async def test_a_waiting_prompt_that_is_cancelled_ends_at_once(
    timing: Timing, server: FakeComfyServer
) -> None:
    """Nothing is sent about a deleted prompt, and no sweep comes to its help here."""
    server.hold(after=5)
    patient = replace(timing, reconcile_s=600)
    async with ComfyEngine.open(server.url, CLIENT_ID, patient) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        first, second = prompt_of("ksampler"), prompt_of("image_success")
        async with Following(engine, first), Following(engine, second) as waiting:
            await server.held.wait()
            await waiting.seen(PromptPosted)
            await engine.cancel(second.prompt_id)
            assert await _end_of(waiting) is ErrorCode.CANCELLED


async def test_a_cancel_works_without_frames(timing: Timing, server: FakeComfyServer) -> None:
    server.faults.silent = True
    server.hold(after=5)
    prompt = prompt_of("ksampler")
    async with (
        ComfyEngine.open(server.url, CLIENT_ID, timing) as engine,
        Following(engine, prompt) as run,
    ):
        await server.held.wait()
        await engine.cancel(prompt.prompt_id)
        assert await _end_of(run) is ErrorCode.CANCELLED


async def test_many_prompts_at_once_end_each_with_their_own(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    names = ["image_success", "batch_image", "ksampler", "save_latent", "video_webm"] * 4
    prompts = [prompt_of(name) for name in names]
    ends = await asyncio.gather(*(collect(engine, prompt) for prompt in prompts))
    for name, events in zip(names, ends, strict=True):
        assert set(outputs(events)) == set(recordings.load(name).entry["outputs"])
    assert sorted(server.posts) == sorted(prompt.prompt_id for prompt in prompts)


async def test_two_runs_of_one_prompt_post_it_once(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    prompt = prompt_of("image_success")
    one, two = await asyncio.gather(collect(engine, prompt), collect(engine, prompt))
    assert one[-1] == two[-1]
    assert server.posts == [prompt.prompt_id]
