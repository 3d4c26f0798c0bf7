"""A prompt's way through the client, against a server that plays real recordings."""

from __future__ import annotations

import pytest

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import (
    NodeExecuted,
    NodeFinished,
    NodeProgress,
    NodesCached,
    Preview,
    Prompt,
    PromptPosted,
    PromptStarted,
    PromptSucceeded,
)
from jigdesk.domain.errors import ErrorCode, JobError
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_follow import Following, collect, outputs, prompt_of, until
from tests.fakes.comfyui_server import FakeComfyServer
from tests.harness.waiting import PATIENCE_S
from tests.integration.comfyui.conftest import CLIENT_ID

SUCCESSES = [
    "animated_webp",
    "batch_image",
    "custom_prompt_id",
    "image_cached",
    "image_success",
    "ksampler",
    "ksampler_preview_metadata",
    "load_image",
    "runtime_error",
    "save_latent",
    "text_output",
    "video_webm",
    "websocket_image",
]


@pytest.mark.parametrize("name", SUCCESSES)
async def test_every_recorded_success_ends_with_what_history_says(
    server: FakeComfyServer, engine: ComfyEngine, name: str
) -> None:
    server.prefer = name
    events = await collect(engine, prompt_of(name))
    assert events[:2] == [PromptPosted(adopted=False), PromptStarted()]
    last = events[-1]
    assert isinstance(last, PromptSucceeded)
    expected = recordings.load(name).entry["outputs"]
    assert set(last.outputs) == set(expected)
    for node, raw in expected.items():
        files = [file for kind in raw.values() for file in kind if isinstance(file, dict)]
        assert [file.filename for _, file in last.outputs[node].files] == [
            file["filename"] for file in files
        ]
        assert [file.subfolder for _, file in last.outputs[node].files] == [
            file["subfolder"] for file in files
        ]
        assert last.outputs[node].animated == (raw.get("animated") == [True])
        assert list(last.outputs[node].texts) == raw.get("text", [])


@pytest.mark.parametrize("name", SUCCESSES)
async def test_nothing_is_told_twice(
    server: FakeComfyServer, engine: ComfyEngine, name: str
) -> None:
    server.prefer = name
    events = await collect(engine, prompt_of(name))
    told = [event for event in events if not isinstance(event, Preview)]
    assert len(told) == len(set(map(repr, told)))
    finished = {event.node for event in events if isinstance(event, NodeFinished)}
    cached = {node for event in events if isinstance(event, NodesCached) for node in event.nodes}
    assert not finished & cached
    reached = {event.node for event in events if isinstance(event, NodeProgress)}
    assert reached == finished


async def test_a_healthy_run_asks_http_only_at_its_start_and_end(server: FakeComfyServer) -> None:
    async with ComfyEngine.open(server.url, CLIENT_ID, Timing()) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        prompt = prompt_of("image_success")
        await collect(engine, prompt)
    history = f"GET /history/{prompt.prompt_id}"
    asked = {route: count for route, count in server.requests.items() if route != "GET /ws"}
    asked.pop("GET /system_stats", None)
    assert asked == {"GET /queue": 1, history: 2, "POST /prompt": 1}


async def test_steps_and_previews_of_a_sampler_are_told(engine: ComfyEngine) -> None:
    events = await collect(engine, prompt_of("ksampler_preview_metadata"))
    steps = [e.value for e in events if isinstance(e, NodeProgress) and e.node == "4"]
    assert steps[0] is None
    assert steps[-1] == 6
    assert steps[1:] == sorted(steps[1:])
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    assert {preview.node for preview in previews} == {"4"}
    assert all(preview.data.startswith(b"\xff\xd8") for preview in previews[:1])


async def test_results_are_told_as_they_appear(engine: ComfyEngine) -> None:
    events = await collect(engine, prompt_of("image_success"))
    executed = [e.output.node for e in events if isinstance(e, NodeExecuted)]
    assert executed == ["4", "3"]


@pytest.mark.parametrize("greeted_before", [True, False])
async def test_a_prompt_that_runs_already_is_adopted(
    server: FakeComfyServer, timing: Timing, greeted_before: bool
) -> None:
    prompt = prompt_of("ksampler")
    server.hold(after=7)
    server.enqueue(recordings.load("ksampler"), prompt.prompt_id, CLIENT_ID)
    await server.held.wait()
    async with ComfyEngine.open(server.url, CLIENT_ID, timing) as engine:
        if greeted_before:
            assert await engine.wait_connected(PATIENCE_S)
            await until(lambda: server.first_messages)
            await engine.system_stats()
        async with Following(engine, prompt) as run:
            await run.seen(NodeProgress)
            # the node comes from the greeting of the socket, which names no prompt
            assert run.events[:2] == [PromptPosted(adopted=True), PromptStarted()]
            assert run.events[2] == NodeProgress("3", None, None)
            server.release()
            assert outputs(await run.end()) == {"6": ["rec/ks_00001_.png"]}
    assert server.posts == []


async def test_a_prompt_that_waits_already_is_adopted(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=2)
    server.enqueue(recordings.load("image_success"), prompt_of("image_success").prompt_id, "other")
    await server.held.wait()
    prompt = prompt_of("batch_image")
    server.enqueue(recordings.load("batch_image"), prompt.prompt_id, CLIENT_ID)
    async with Following(engine, prompt) as run:
        await run.seen(PromptPosted)
        assert run.events == [PromptPosted(adopted=True)]
        server.release()
        assert len(outputs(await run.end())["3"]) == 3
    assert server.posts == []


async def test_a_prompt_that_ended_already_is_collected(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    prompt = prompt_of("image_success")
    first = await collect(engine, prompt)
    again = await collect(engine, prompt)
    assert again == [PromptPosted(adopted=True), first[-1]]
    assert server.posts == [prompt.prompt_id]


async def test_closing_the_iterator_leaves_the_prompt_running(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.hold(after=3)
    prompt = prompt_of("image_success")
    run = engine.run(prompt)
    assert await anext(run) == PromptPosted(adopted=False)
    await server.held.wait()
    await run.aclose()
    server.release()
    assert outputs(await collect(engine, prompt))["3"] == ["rec/blur_00001_.png"]
    assert server.interrupted == []
    assert server.posts == [prompt.prompt_id]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("unknown_node", ErrorCode.MISSING_NODE, "'NoSuchNode'; the nearest that it has is"),
        ("missing_model", ErrorCode.MISSING_MODEL, "'random_sd15.safetensors'"),
        ("load_image_missing_file", ErrorCode.MISSING_INPUT, "'nope.png'"),
        ("missing_input", ErrorCode.VALIDATION_FAILED, "filename_prefix"),
        ("bad_value", ErrorCode.VALIDATION_FAILED, "width: Value -5 smaller than min of 1"),
        ("no_outputs", ErrorCode.VALIDATION_FAILED, "no outputs"),
    ],
)
async def test_a_refused_prompt_says_what_is_wrong(
    engine: ComfyEngine, name: str, code: ErrorCode, said: str
) -> None:
    with pytest.raises(JobError) as caught:
        await collect(engine, prompt_of(name))
    assert caught.value.error_code is code
    assert said in caught.value.message


async def test_a_failing_node_is_named_and_its_paths_stay_here(engine: ComfyEngine) -> None:
    with pytest.raises(JobError) as caught:
        await collect(engine, prompt_of("load_broken_image"))
    error = caught.value
    assert error.error_code is ErrorCode.EXECUTION_ERROR
    assert error.message == "“LoadImage” failed: cannot identify image file 'broken.png'"
    assert error.details["node"] == "1"
    assert error.details["node_type"] == "LoadImage"
    assert "/opt/ComfyUI/nodes.py" in str(error.details["traceback"])


async def test_a_partly_refused_prompt_fails_and_is_taken_back(
    server: FakeComfyServer, engine: ComfyEngine
) -> None:
    server.faults.node_errors = recordings.load("missing_input").response[1]["node_errors"]
    server.hold(after=0)
    prompt = prompt_of("image_success")
    with pytest.raises(JobError) as caught:
        await collect(engine, prompt)
    assert caught.value.error_code is ErrorCode.VALIDATION_FAILED
    assert server.interrupted + server.deleted == [prompt.prompt_id]


async def test_an_id_that_is_no_canonical_uuid_is_a_bug(engine: ComfyEngine) -> None:
    prompt = Prompt("7D1F0C3E-0000-4000-8000-0000000000E2", {})
    with pytest.raises(ValueError, match="canonical"):
        await collect(engine, prompt)
    with pytest.raises(ValueError, match="canonical"):
        await engine.cancel("not-an-id")
