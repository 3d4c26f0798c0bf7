"""Queue, interrupt, reconnecting, previews, files and faults, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.fakes.comfyui_recordings import FOLDER
from tests.fakes.demo_engine import DemoEngine, Listener, demo_engine
from tests.harness.waiting import PATIENCE_S

PREVIEWS = "--preview-method=latent2rgb"
QUICK = "--step-seconds=0.01"


def refine(color: int, steps: int = 3, prefix: str = "refined") -> dict[str, Any]:
    return {
        "1": node("EmptyImage", width=32, height=32, batch_size=1, color=color),
        "2": node("DemoRefine", image=["1", 0], steps=steps),
        "3": node("SaveImage", images=["2", 0], filename_prefix=prefix),
    }


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


async def post(
    engine: DemoEngine, graph: dict[str, Any], client_id: str = "tester", **more: Any
) -> str:
    status, answer = await engine.post("/prompt", {"prompt": graph, "client_id": client_id, **more})
    assert status == 200, answer
    return str(answer["prompt_id"])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def entry(engine: DemoEngine, prompt_id: str) -> dict[str, Any]:
    history: dict[str, Any] = await engine.get(f"/history/{prompt_id}")
    found: dict[str, Any] = history[prompt_id]
    return found


def kinds(frames: list[Any], *, of: str) -> list[str]:
    """The names of the frames of one prompt, with progress left out."""
    return [
        frame["type"] if frame["data"].get("node", "") is not None else "left"
        for frame in frames
        if isinstance(frame, dict)
        and frame["data"].get("prompt_id") == of
        and not frame["type"].startswith("progress")
    ]


async def test_deletes_what_waits_and_interrupts_what_runs_as_recorded(tmp_path: Path) -> None:
    recorded = json.loads((FOLDER / "queue_delete_interrupt.json").read_text())
    async with demo_engine(tmp_path) as engine, engine.listen("tester") as listener:
        a, b, c = [await post(engine, refine(color, steps=100)) for color in (1, 2, 3)]
        await listener.until("progress", prompt_id=a)
        queue = await engine.get("/queue")
        assert [item[1] for item in queue["queue_running"]] == [a]
        assert [item[1] for item in queue["queue_pending"]] == [b, c]
        assert list(await engine.post("/queue", {"delete": [c]})) == recorded["delete"]
        # Not running: nothing happens, and the answer is the same.
        answer = await engine.post("/interrupt", {"prompt_id": b})
        assert list(answer) == recorded["interrupt_not_running"]
        await listener.until("progress", prompt_id=a)
        answer = await engine.post("/interrupt", {"prompt_id": a})
        assert list(answer) == recorded["interrupt_running"]
        await listener.until_left(a)
        await listener.until("progress", prompt_id=b)
        assert list(await engine.post("/interrupt", {})) == recorded["interrupt_any"]
        await listener.until_left(b)
        assert await engine.get(f"/history/{c}") == {}
        entries = [await entry(engine, each) for each in (a, b)]
    for prompt_id, found, old_id in zip((a, b), entries, recorded["ids"], strict=False):
        old = recorded["history"][old_id]["status"]
        assert found["status"]["status_str"] == old["status_str"] == "error"
        assert found["status"]["completed"] is old["completed"] is False
        told = found["status"]["messages"]
        assert [name for name, _ in told] == [name for name, _ in old["messages"]]
        assert told[-1][1].keys() == old["messages"][-1][1].keys()
        assert told[-1][1]["node_type"] == "DemoRefine"
        ended = ["execution_interrupted", "left"]
        assert kinds(listener.frames, of=prompt_id)[-2:] == ended
        old_frames = [frame["text"] for frame in recorded["frames"] if "text" in frame]
        assert kinds(old_frames, of=old_id)[-2:] == ended


async def test_a_reconnect_hears_only_what_runs_now_as_recorded(tmp_path: Path) -> None:
    recorded = json.loads((FOLDER / "reconnect_same_client.json").read_text())
    async with demo_engine(tmp_path, PREVIEWS) as engine:
        async with engine.listen("tester") as before:
            prompt_id = await post(engine, refine(1, steps=60))
            await before.until("progress", value=2)
        async with engine.listen("tester") as after:
            await after.until_left(prompt_id)
        old = [frame.get("text") for frame in recorded["after"]]
        assert after.frames[0]["data"].keys() == old[0]["data"].keys()
        assert after.frames[0]["data"]["status"] == old[0]["data"]["status"]
        assert after.frames[1]["type"] == old[1]["type"] == "executing"
        assert after.frames[1]["data"].keys() == old[1]["data"].keys() == {"node"}
        assert after.frames[1]["data"]["node"] == "2"
        async with engine.listen("tester") as idle:
            await engine.post("/queue", {"clear": True})
            await idle.until("status")
        assert [frame["type"] for frame in idle.frames] == ["status", "status"]


async def test_a_second_socket_of_the_same_client_evicts_the_first(tmp_path: Path) -> None:
    async with demo_engine(tmp_path, QUICK) as engine, engine.listen("tester") as first:
        async with engine.listen("tester") as second:
            await second.until_left(await post(engine, refine(1)))
            # The late end of the first unregisters the second: ComfyUI #16010.
            await first.socket.close()
            prompt_id = await post(engine, refine(2))
            async with engine.listen("another") as another:
                while (await another.until("status"))["status"]["exec_info"]["queue_remaining"]:
                    pass
            assert await entry(engine, prompt_id)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await second.next()
        assert [frame["type"] for frame in first.frames] == ["status"]


async def test_previews_come_in_the_form_that_the_client_reads(tmp_path: Path) -> None:
    async with demo_engine(tmp_path, PREVIEWS, QUICK) as engine:
        async with engine.listen("plain") as plain:
            await plain.until_left(await post(engine, refine(1), "plain"))
        async with engine.listen("modern", metadata=True) as modern:
            prompt_id = await post(engine, refine(2), "modern")
            await modern.until_left(prompt_id)
    plain_steps = steps(plain)
    assert plain_steps == ["progress_state", "progress", "preview"] * 3
    first = next(frame for frame in plain.frames if isinstance(frame, bytes))
    assert struct.unpack(">II", first[:8]) == (1, 1)
    with Image.open(io.BytesIO(first[8:])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (32, 32))

    assert steps(modern) == ["progress_state", "preview", "progress"] * 3
    first = next(frame for frame in modern.frames if isinstance(frame, bytes))
    kind, length = struct.unpack(">II", first[:8])
    assert kind == 4
    assert json.loads(first[8 : 8 + length]) == {
        "node_id": "2",
        "prompt_id": prompt_id,
        "display_node_id": "2",
        "parent_node_id": None,
        "real_node_id": "2",
        "image_type": "image/jpeg",
    }
    with Image.open(io.BytesIO(first[8 + length :])) as picture:
        assert picture.format == "JPEG"


def steps(listener: Listener) -> list[str]:
    """What came while DemoRefine took its steps, in order."""
    names = []
    for frame in listener.frames:
        if isinstance(frame, bytes):
            names.append("preview")
        elif frame["type"] == "progress":
            names.append("progress")
        elif frame["type"] == "progress_state":
            state = frame["data"]["nodes"].get("2", {})
            if state.get("state") == "running" and isinstance(state["value"], int):
                names.append("progress_state")
    return names


async def test_sends_no_previews_unless_asked_to(tmp_path: Path) -> None:
    async with demo_engine(tmp_path, QUICK) as engine, engine.listen("tester") as listener:
        await listener.until_left(await post(engine, refine(1)))
    assert not [frame for frame in listener.frames if isinstance(frame, bytes)]


async def test_a_changed_file_under_the_same_name_is_no_longer_cached(tmp_path: Path) -> None:
    graph = {
        "1": node("LoadImage", image="in.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="copy"),
    }
    async with demo_engine(tmp_path) as engine, engine.listen("tester") as listener:
        cached = []
        for color in ("red", "red", "blue"):
            buffer = io.BytesIO()
            Image.new("RGB", (8, 8), color).save(buffer, "PNG")
            await engine.upload("in.png", buffer.getvalue(), overwrite="true")
            prompt_id = await post(engine, graph)
            cached.append((await listener.until("execution_cached"))["nodes"])
            await listener.until_left(prompt_id)
        assert cached == [[], ["1", "2"], []]
        await engine.post("/free", {"free_memory": True})
        prompt_id = await post(engine, graph)
        assert (await listener.until("execution_cached"))["nodes"] == []
        await listener.until_left(prompt_id)


async def test_uploads_are_renamed_unless_told_to_overwrite_and_come_back(tmp_path: Path) -> None:
    async with demo_engine(tmp_path) as engine:
        names = [(await engine.upload("a.png", body))[1]["name"] for body in (b"1", b"2", b"1")]
        assert names == ["a.png", "a (1).png", "a.png"]
        _, answer = await engine.upload("a.png", b"3", overwrite="true")
        assert answer["name"] == "a.png"
        async with engine.http.get(
            f"{engine.url}/view", params={"filename": "a.png", "type": "input"}
        ) as found:
            assert await found.read() == b"3"
            assert found.content_type == "image/png"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filename": "../secret.txt"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "secret.txt", "subfolder": ".."}, 403),
        ({"filename": "secret.txt", "subfolder": "/etc"}, 403),
        ({"filename": "secret.txt", "type": "models"}, 400),
        ({"filename": "nothing.png"}, 404),
        ({}, 404),
    ],
)
async def test_view_never_leaves_its_folder(
    query: dict[str, str], status: int, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    async with (
        demo_engine(tmp_path) as engine,
        engine.http.get(f"{engine.url}/view", params=query) as answer,
    ):
        assert answer.status == status


async def test_upload_never_leaves_its_folder(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    async with demo_engine(base) as engine:
        for fields in ({"subfolder": ".."}, {"subfolder": "/tmp"}, {"type": "models"}):
            status, _ = await engine.upload("x.png", b"x", **fields)
            assert status == 400
        status, _ = await engine.upload("../../x.png", b"x")
        assert status in {200, 400}  # aiohttp's form may already have cut the path off
    assert names(tmp_path) == {"base"}
    assert names(base) <= {"input", "output", "temp"}


async def test_a_save_outside_the_output_folder_fails(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    async with demo_engine(base, QUICK) as engine, engine.listen("tester") as listener:
        prompt_id = await post(engine, refine(1, prefix="../../escaped"))
        await listener.until("execution_error", node_id="3")
        await listener.until_left(prompt_id)
    assert names(tmp_path) == {"base"}


async def test_drops_the_outputs_that_are_wrong_and_runs_the_others(tmp_path: Path) -> None:
    graph = refine(1)
    graph["4"] = node("SaveImage", images=["5", 0], filename_prefix="x")
    graph["5"] = node("EmptyImage", width=0, height=8, batch_size=1, color=0)
    async with demo_engine(tmp_path, QUICK) as engine, engine.listen("tester") as listener:
        body = {"prompt": graph, "client_id": "tester"}
        status, answer = await engine.post("/prompt", body)
        assert status == 200
        assert answer["node_errors"]["5"]["dependent_outputs"] == ["4"]
        await listener.until_left(answer["prompt_id"])
        assert list((await entry(engine, answer["prompt_id"]))["outputs"]) == ["3"]


async def test_front_and_number_order_the_queue(tmp_path: Path) -> None:
    async with demo_engine(tmp_path) as engine, engine.listen("tester") as listener:
        running = await post(engine, refine(1, steps=100))
        await listener.until("progress", prompt_id=running)
        last = await post(engine, refine(2), number=50)
        middle = await post(engine, refine(3))
        first = await post(engine, refine(4), front=True)
        queue = await engine.get("/queue")
        assert [item[1] for item in queue["queue_pending"]] == [first, middle, last]
        assert (await engine.get("/prompt"))["exec_info"]["queue_remaining"] == 4
        await engine.post("/queue", {"clear": True})
        assert (await engine.get("/queue"))["queue_pending"] == []


async def test_without_a_client_id_progress_goes_to_everybody_and_the_rest_to_nobody(
    tmp_path: Path,
) -> None:
    async with demo_engine(tmp_path, QUICK) as engine, engine.listen("bystander") as bystander:
        _, answer = await engine.post("/prompt", {"prompt": refine(1)})
        while (await bystander.until("status"))["status"]["exec_info"]["queue_remaining"]:
            pass
        assert (await entry(engine, answer["prompt_id"]))["status"]["completed"]
    heard = {frame["type"] for frame in bystander.frames}
    assert heard == {"status", "progress_state", "progress"}


async def test_a_picture_above_the_limit_is_an_execution_error(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")  # 18 MB when decoded, 144 M pixels
    graph = {
        "1": node("LoadImage", image="bomb.png"),
        "2": node("PreviewImage", images=["1", 0]),
    }
    async with demo_engine(tmp_path) as engine, engine.listen("tester") as listener:
        await engine.upload("bomb.png", buffer.getvalue())
        prompt_id = await post(engine, graph)
        error = await listener.until("execution_error")
        await listener.until_left(prompt_id)
    assert error["exception_type"] == "PIL.Image.DecompressionBombError"


async def test_out_of_memory_once_then_not_any_more(tmp_path: Path) -> None:
    async with (
        demo_engine(tmp_path, QUICK, "--fault=oom", "--fault-times=1") as engine,
        engine.listen("tester") as listener,
    ):
        await listener.until_left(await post(engine, refine(1)))
        assert listener.frames[-3]["data"]["exception_type"] == "torch.OutOfMemoryError"
        await listener.until_left(await post(engine, refine(1)))
        assert listener.frames[-3]["type"] == "execution_success"


async def test_a_node_that_raises_fails_its_prompt_alone(tmp_path: Path) -> None:
    async with (
        demo_engine(tmp_path, QUICK, "--fault=error", "--fault-times=1") as engine,
        engine.listen("tester") as listener,
    ):
        prompt_id = await post(engine, refine(1))
        error = await listener.until("execution_error")
        assert error["node_type"] == "DemoRefine"
        assert error["executed"] == ["1"]
        assert error["current_inputs"]["steps"] == [3]
        await listener.until_left(prompt_id)
        await listener.until_left(await post(engine, refine(1)))
        assert listener.frames[-3]["type"] == "execution_success"


@pytest.mark.parametrize("fault", ["hang", "die"])
async def test_a_zombie_goes_on_answering(fault: str, tmp_path: Path) -> None:
    async with (
        demo_engine(tmp_path, QUICK, f"--fault={fault}") as engine,
        engine.listen("tester") as listener,
    ):
        prompt_id = await post(engine, refine(1))
        await listener.until("executing", node="2")
        waiting = await post(engine, refine(2))
        await engine.post("/interrupt", {})
        queue = await engine.get("/queue")
        assert [item[1] for item in queue["queue_running"]] == [prompt_id]
        assert [item[1] for item in queue["queue_pending"]] == [waiting]
        assert await engine.get("/history") == {}
    assert engine.process.returncode == 0  # and SIGTERM ends it all the same


async def test_the_fault_exit_ends_the_process(tmp_path: Path) -> None:
    async with demo_engine(tmp_path, QUICK, "--fault=exit") as engine:
        with contextlib.suppress(aiohttp.ServerDisconnectedError):  # it may be as quick as that
            await post(engine, refine(1))
        async with asyncio.timeout(PATIENCE_S):
            assert await engine.process.wait() == 3


async def test_a_taken_port_ends_the_start_with_its_name(tmp_path: Path) -> None:
    async with demo_engine(tmp_path / "one") as engine:
        port = engine.url.rsplit(":", 1)[1]
        with pytest.raises(AssertionError, match="the demo engine ended"):
            async with demo_engine(tmp_path / "two", f"--port={port}"):
                pass


async def test_prints_what_it_does_with_bars_of_carriage_returns(tmp_path: Path) -> None:
    async with demo_engine(tmp_path, QUICK) as engine, engine.listen("tester") as listener:
        await listener.until_left(await post(engine, refine(1)))
    printed = "".join(engine.printed)
    assert "Demo engine: listening on" in printed
    assert "got prompt\n" in printed
    assert printed.count("\r") == 3
    assert "Prompt executed in " in printed


async def test_ends_quickly_with_a_client_connected(tmp_path: Path) -> None:
    async with demo_engine(tmp_path) as engine, engine.listen("tester") as listener:
        await post(engine, refine(1, steps=100))
        await listener.until("progress")
        engine.process.terminate()
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            assert await engine.process.wait() == 0
        assert time.monotonic() - began < 30  # its server would wait 60 s for the client
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await listener.until("execution_success")
        assert listener.socket.closed
