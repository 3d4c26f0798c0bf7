"""The demo engine against what a real ComfyUI 0.3.64 said to the same requests.

Frames are compared one by one, in order and with all their data. What differs from run to run is
replaced by a name: ids of prompts and clients, times, the letters in names of temporary files,
and, in errors, the lines of tracebacks (they name the engine's own code).
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes.comfyui_recordings import FOLDER
from tests.fakes.demo_engine import DemoEngine, demo_engine

RUNS = {
    "image_success": (),
    "image_cached": ("image_success",),
    "batch_image": (),
    "animated_webp": (),
    "custom_prompt_id": ("image_success",),
    "load_image": (),
    "load_broken_image": (),
}
REFUSED = (
    "bad_value",
    "missing_input",
    "unknown_node",
    "no_outputs",
    "load_image_missing_file",
)


def recording(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return data


def normal(value: Any, names: dict[str, str]) -> Any:
    """The same value with what differs from run to run replaced."""
    if isinstance(value, dict):
        return {normal(key, names): _normal_field(key, each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [normal(each, names) for each in value]
    if isinstance(value, str):
        for found, name in names.items():
            value = value.replace(found, name)
        return re.sub(r"ComfyUI_temp_[a-z]{5}_", "ComfyUI_temp_letters_", value)
    return value


def _normal_field(key: str, value: Any, names: dict[str, str]) -> Any:
    if key == "timestamp":
        return isinstance(value, int)
    if key == "traceback":
        return bool(value) and all(isinstance(line, str) for line in value)
    return normal(value, names)


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 32), (200, 30, 90)).save(buffer, "PNG")
    return buffer.getvalue()


async def provide(engine: DemoEngine) -> None:
    await engine.upload("in.png", picture(), subfolder="job-1")
    await engine.upload("broken.png", b"this is no picture")


async def run(engine: DemoEngine, request: dict[str, Any]) -> tuple[Any, list[Any], Any]:
    """Post as the recorder did; returns the answer, the frames and the history."""
    async with engine.listen(request["client_id"]) as listener:
        status, answer = await engine.post("/prompt", request)
        assert status == 200
        await listener.until_left(answer["prompt_id"])
        # Whoever hears this finds the history entry there.
        history = await engine.get(f"/history/{answer['prompt_id']}")
    return answer, listener.frames, history


@pytest.mark.parametrize("name", RUNS)
async def test_runs_as_recorded(name: str, tmp_path: Path) -> None:
    data = recording(name)
    async with demo_engine(tmp_path) as engine:
        await provide(engine)
        for earlier in RUNS[name]:
            await run(engine, recording(earlier)["request"])
        answer, frames, history = await run(engine, data["request"])
    recorded = data["response"]["json"]
    names = {str(tmp_path): "/opt/ComfyUI", answer["prompt_id"]: "PROMPT"}
    recorded_names = {recorded["prompt_id"]: "PROMPT"}
    recorded_frames = [frame["text"] for frame in data["frames"]]
    assert normal(frames, names) == normal(recorded_frames, recorded_names)
    number, recorded_number = answer["number"], recorded["number"]
    assert normal({**answer, "number": 0}, names) == normal(
        {**recorded, "number": 0}, recorded_names
    )
    entry, recorded_entry = (
        normal(history, names)["PROMPT"],
        normal(data["history"], recorded_names)["PROMPT"],
    )
    assert entry["prompt"].pop(0) == number
    assert recorded_entry["prompt"].pop(0) == recorded_number
    assert entry == recorded_entry


@pytest.mark.parametrize("name", REFUSED)
async def test_refuses_as_recorded(name: str, tmp_path: Path) -> None:
    data = recording(name)
    async with demo_engine(tmp_path) as engine:
        status, answer = await engine.post("/prompt", data["request"])
        assert await engine.get("/queue") == {"queue_running": [], "queue_pending": []}
    assert status == data["response"]["status"]
    assert answer == data["response"]["json"]


async def test_answers_http_as_recorded(tmp_path: Path) -> None:
    data = recording("http_answers")
    async with demo_engine(tmp_path) as engine:
        stats = await engine.get("/system_stats")
        assert stats["system"].keys() == data["system_stats"]["system"].keys()
        assert stats["devices"][0].keys() == data["system_stats"]["devices"][0].keys()
        assert stats["system"]["comfyui_version"].startswith("demo-")
        assert "--port=0" in stats["system"]["argv"]

        async with engine.http.post(f"{engine.url}/prompt", data="{nonsense") as bad:
            assert {"status": bad.status, "text": await bad.text()} == data["bad_json"]
        status, answer = await engine.upload("in.png", picture(), subfolder="job-1")
        assert {"status": status, "json": answer} == data["upload_image"]
        status, answer = await engine.upload("in.png", picture(), subfolder="../../outside")
        assert {"status": status, "text": answer} == data["upload_traversal"]
        status, answer = await engine.upload("broken.png", b"this is no picture")
        assert {"status": status, "json": answer} == data["upload_broken"]

        assert await engine.get("/queue") == data["GET /queue"]["json"]
        assert await engine.get("/features") == data["GET /features"]["json"]
        info = await engine.get("/object_info/SaveImage")
        assert plain(info) == plain(data["GET /object_info/SaveImage"]["json"])
        async with engine.http.get(f"{engine.url}/api/jobs") as jobs:
            assert {"status": jobs.status} == data["GET /api/jobs"]

        request = recording("image_success")["request"]
        first, _, _ = await run(engine, request)
        await run(engine, {**request, "prompt_id": "another"})
        newest = await engine.get("/history", max_items="1")
        assert list(newest) == ["another"]
        oldest = await engine.get("/history", max_items="1", offset="0")
        recorded = data["GET /history?max_items=1&offset=0"]["json"]
        (recorded_id,) = recorded
        names = {first["prompt_id"]: "PROMPT", request["client_id"]: "CLIENT"}
        recorded_names = {recorded_id: "PROMPT", request["client_id"]: "CLIENT"}
        assert normal(oldest, names) == normal(recorded, recorded_names)

        foreign = {"Origin": "http://evil.example"}
        async with engine.http.get(f"{engine.url}/queue", headers=foreign) as refused:
            said = {"status": refused.status, "text": await refused.text()}
            assert said == data["foreign_origin"]
        status, answer = await engine.post("/free", {"unload_models": True, "free_memory": True})
        assert {"status": status, "text": answer} == data["free"]


def plain(info: Any) -> Any:
    """Texts for people were shortened in the recordings."""
    text = re.sub(r'"tooltip": "[^"]*"', '"tooltip": ""', json.dumps(info))
    return json.loads(re.sub(r'"description": "[^"]*"', '"description": ""', text))
