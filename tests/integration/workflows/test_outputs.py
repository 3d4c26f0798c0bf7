"""Every kind of output, from what a real ComfyUI said of it to a file that is described."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.outputs import read_output
from jigdesk.domain.changes import ResultFile
from jigdesk.domain.engine import NodeOutput, Prompt, PromptSucceeded
from jigdesk.domain.errors import JobError
from jigdesk.domain.template import Template, parse_template
from jigdesk.services.collect import Collector
from jigdesk.services.folder import JobFolder
from jigdesk.services.partial import PartialResults
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_server import FakeComfyServer, open_server
from tests.harness.clips import sound, video
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.workflows.conftest import workflow_desk

JOB = "5f0c6a57-9e37-4b5e-8b7e-5a3a7f3a0001"


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyServer]:
    async with open_server() as server:
        yield server


@pytest.fixture
async def engine(server: FakeComfyServer) -> AsyncIterator[ComfyEngine]:
    async with ComfyEngine.open(server.url, "desk-0001") as engine:
        assert await engine.wait_connected(PATIENCE_S)
        yield engine


def declares(graph: dict[str, Any], node: str, kind: str) -> Template:
    toml = f'title = "T"\n[outputs.result]\nnode = "{node}"\nkind = "{kind}"\n'
    return parse_template("t", toml.encode(), json.dumps(graph).encode())


async def recorded(engine: ComfyEngine, name: str) -> dict[str, NodeOutput]:
    recording = recordings.load(name)
    async with aclosing(engine.run(Prompt(recording.prompt_id, recording.graph))) as events:
        async for event in events:
            if isinstance(event, PromptSucceeded):
                return dict(event.outputs)
    raise AssertionError("the recording ended without an outcome")


def webp() -> bytes:
    frames = [Image.new("RGB", (32, 32), (0, 0, place * 60)) for place in range(4)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=166)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "declared", "body", "expected"),
    [
        ("batch_image", "image", photo(32, 32), ("image", "image/png", 32, 32)),
        ("animated_webp", "image", webp(), ("image", "image/webp", 32, 32)),
        ("video_webm", "video", video(1.0, 64, 64), ("video", "video/webm", 64, 64)),
        ("save_latent", "text", b"{}", ("other", "application/octet-stream", None, None)),
    ],
)
async def test_recorded_outputs(
    server: FakeComfyServer,
    engine: ComfyEngine,
    tmp_path: Path,
    name: str,
    declared: str,
    body: bytes,
    expected: tuple[object, ...],
) -> None:
    graph = recordings.load(name).graph
    for output in recordings.load(name).entry["outputs"].values():
        for listed in output.values():
            for file in listed:
                if isinstance(file, dict):
                    # the subfolder counts: without it there is nothing to find
                    assert file["subfolder"] == "rec"
                    server.files[file["type"], file["subfolder"], file["filename"]] = body
    outputs = await recorded(engine, name)
    folder = JobFolder.of(tmp_path, JOB)
    files = await Collector(engine).collect(
        JOB, "t", declares(graph, "3", declared), outputs, folder
    )
    assert len(files) == (3 if name == "batch_image" else 1)
    file = files[0]
    assert (file.kind, file.content_type, file.width, file.height) == expected
    assert folder.output_path("t", Path(file.key).name).read_bytes() == body
    moves = name in ("animated_webp", "video_webm")
    assert (file.duration_s is not None) == moves
    if moves or name == "batch_image":
        assert file.thumb_key == f"jobs/{JOB}/thumbs/t/{Path(file.key).name}.webp"
        with Image.open(folder.thumb_path("t", f"{Path(file.key).name}.webp")) as small:
            assert small.size == (file.width, file.height)
    else:
        assert file.thumb_key is None


async def test_a_text_alone_becomes_a_file(engine: ComfyEngine, tmp_path: Path) -> None:
    template = declares(recordings.load("text_output").graph, "3", "text")
    outputs = await recorded(engine, "text_output")
    folder = JobFolder.of(tmp_path, JOB)
    (file,) = await Collector(engine).collect(JOB, "t", template, outputs, folder)
    assert (file.key, file.kind) == (f"outputs/{JOB}/t/result.txt", "text")
    assert file.content_type == "text/plain"
    assert folder.output_path("t", "result.txt").read_text().startswith("tensor(")


@pytest.mark.parametrize(
    ("raw", "kind", "body", "expected"),
    [
        ({"audio": [{"filename": "a.flac"}]}, "audio", sound(), ("audio", "audio/flac", ".flac")),
        (
            {"3d": [{"filename": "m.glb"}]},
            "model3d",
            b"glTF",
            ("model3d", "model/gltf-binary", ".glb"),
        ),
        (
            {"gifs": [{"filename": "v.webm", "format": "video/webm", "frame_rate": 8.0}]},
            "video",
            video(0.5),
            ("video", "video/webm", ".webm"),
        ),
        (
            {"latents": [{"filename": "l.latent"}]},
            "text",
            b"x",
            ("other", "application/octet-stream", ".latent"),
        ),
        (
            {"meshes": [{"filename": "odd"}]},
            "model3d",
            b"x",
            ("model3d", "application/octet-stream", ".bin"),
        ),
    ],
)
async def test_lists_of_all_names(
    server: FakeComfyServer,
    engine: ComfyEngine,
    tmp_path: Path,
    raw: dict[str, Any],
    kind: str,
    body: bytes,
    expected: tuple[str, str, str],
) -> None:
    ((listed,),) = raw.values()
    listed |= {"subfolder": "deep/er", "type": "output"}
    server.files["output", "deep/er", listed["filename"]] = body
    graph = {"3": {"class_type": "SaveWhatever", "inputs": {}}}
    outputs = {"3": read_output("3", raw)}
    folder = JobFolder.of(tmp_path, JOB)
    (file,) = await Collector(engine).collect(JOB, "t", declares(graph, "3", kind), outputs, folder)
    assert (file.kind, file.content_type, Path(file.key).suffix) == expected


async def test_temporary_previews_are_no_results(engine: ComfyEngine, tmp_path: Path) -> None:
    graph = {"3": {"class_type": "PreviewImage", "inputs": {}, "_meta": {"title": "Look"}}}
    raw = {"images": [{"filename": "p.png", "subfolder": "", "type": "temp"}]}
    template = declares(graph, "3", "image")
    with pytest.raises(JobError, match="“Look” made no file"):
        await Collector(engine).collect(
            JOB, "t", template, {"3": read_output("3", raw)}, JobFolder.of(tmp_path, JOB)
        )


async def test_small_pictures_reach_the_browser_and_stay_out_of_the_lists(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        request = {"task": "upscale", "params": {"scale": 4.0}, "inputs": {"image": "photo.png"}}
        job_id = await desk.browser.submit(request, {"photo.png": photo(200, 100)})
        heard = await desk.browser.watch(job_id)
        told = [f["key"] for one in heard for f in one.data.get("new_files", ())]
        assert told == [f"outputs/{job_id}/upscale/result.png"]
        await desk.settled()
        (file,) = desk.document(f"outputs/{job_id}/output.json")["files"]
        assert (file["width"], file["height"]) == (800, 400)
        assert file["thumb_key"] == f"jobs/{job_id}/thumbs/upscale/result.png.webp"
        (shown,) = (await desk.browser.job(job_id))["files"]
        async with desk.browser.http.get(shown["thumb_url"]) as answer:
            with Image.open(io.BytesIO(await answer.read())) as small:
                assert small.size == (512, 256)
        assert answer.content_type == "image/webp"


async def test_results_of_a_crowd_stay_apart(
    server: FakeComfyServer, engine: ComfyEngine, tmp_path: Path
) -> None:
    """Two stages whose nodes use the same file names."""
    server.files["output", "", "x.png"] = photo(20, 10)
    raw = {"images": [{"filename": "x.png", "subfolder": "", "type": "output"}]}
    graph = {"3": {"class_type": "SaveImage", "inputs": {}}}
    template = declares(graph, "3", "image")
    collector = Collector(engine)
    folder = JobFolder.of(tmp_path, JOB)

    async def one(stage: str) -> ResultFile:
        found = await collector.collect(JOB, stage, template, {"3": read_output("3", raw)}, folder)
        return found[0]

    files = await asyncio.gather(one("a"), one("b"))
    assert {file.key for file in files} == {f"outputs/{JOB}/{s}/result.png" for s in ("a", "b")}


async def test_a_store_that_is_away_does_not_hold_a_stage(
    server: FakeComfyServer,
    engine: ComfyEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jigdesk.services.partial.SETTLE_S", 0.1)
    server.files["output", "", "x.png"] = photo(20, 10)
    output = read_output("3", {"images": [{"filename": "x.png", "subfolder": ""}]})
    toml = 'title = "T"\n[outputs.result]\nnode = "3"\nkind = "image"\npartial = true\n'
    graph = {"3": {"class_type": "SaveImage", "inputs": {}}}
    template = parse_template("t", toml.encode(), json.dumps(graph).encode())
    folder, collector = JobFolder.of(tmp_path, JOB), Collector(engine)
    sharing = asyncio.Event()

    async def share(_: Sequence[ResultFile]) -> None:
        sharing.set()
        await asyncio.Event().wait()

    partial = PartialResults(JOB, "t", template, folder, collector, share)
    partial.offer(output)
    await sharing.wait()
    early = await partial.settle()
    await partial.close()
    asked = server.requests["GET /view"]
    (file,) = await collector.collect(JOB, "t", template, {"3": output}, folder, early)
    assert file.partial
    assert server.requests["GET /view"] == asked  # it was fetched once
