"""A job that begins again by itself: with the plan that it had, whatever changed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from jigdesk.resources import workflows_dir
from tests.fakes.comfyui_folder import comfyui_folder
from tests.harness.pictures import photo
from tests.integration.desk.conftest import Desk, running_desk

FILES = {"photo.png": photo()}
CHOICE = """
[params.method]
type = "choice"
choices_from = "engine"
targets = ["4.upscale_method"]

[params.seed]
type = "seed"
targets = ["2.seed"]
"""


def resample(folder: Path) -> Path:
    """A slow workflow with a choice that only the engine knows, as a checkpoint is."""
    shutil.copytree(workflows_dir() / "refine", folder / "resample")
    graph_path = folder / "resample" / "graph.json"
    graph = json.loads(graph_path.read_text())
    graph["2"]["inputs"]["seed"] = 0
    graph["4"] = {
        "class_type": "ImageScaleBy",
        "inputs": {"image": ["2", 0], "upscale_method": "not-on-this-engine", "scale_by": 0.5},
    }
    graph["3"]["inputs"]["images"] = ["4", 0]
    graph_path.write_text(json.dumps(graph))
    described = folder / "resample" / "workflow.toml"
    described.write_text(described.read_text() + CHOICE)
    return described


def request(steps: int) -> dict[str, Any]:
    return {"task": "resample", "params": {"steps": steps}, "inputs": {"image": "photo.png"}}


def stage_of(desk: Desk, job_id: str) -> dict[str, Any]:
    (stage,) = desk.document(f"jobs/{job_id}/manifest.json")["stages"]
    return dict(stage)


async def test_out_of_memory_keeps_what_the_engine_was_the_first_to_offer(tmp_path: Path) -> None:
    resample(tmp_path / "mine")
    engine = comfyui_folder(tmp_path / "ComfyUI", ("--fault", "oom", "--fault-times", "1"))
    mine = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(tmp_path / "mine")])}
    async with running_desk(tmp_path / "home", **engine, **mine) as desk:
        await desk.core.templates.settle(["resample"])
        job_id = await desk.browser.submit(request(3), FILES)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done", heard[-1].data
        assert [one.attempt for one in await desk.core.journal.attempts(job_id)] == [1, 2]


async def test_an_engine_that_died_gets_the_plan_of_before(tmp_path: Path) -> None:
    described = resample(tmp_path / "mine")
    engine = comfyui_folder(tmp_path / "ComfyUI")
    mine = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(tmp_path / "mine")])}
    async with running_desk(tmp_path / "home", **engine, **mine) as desk:
        await desk.core.templates.settle(["resample"])
        job_id = await desk.browser.submit(request(100), FILES)
        async for heard in desk.browser.events(job_id):
            if heard.data.get("node") is not None:
                break
        planned = stage_of(desk, job_id)
        assert isinstance(planned["params"]["method"], str)
        described.write_text(described.read_text().replace("maximum = 100", "maximum = 50"))
        supervisor = desk.core.engine.supervisor
        assert supervisor is not None
        assert supervisor.state.pid is not None
        os.kill(supervisor.state.pid, signal.SIGKILL)
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        assert [one.attempt for one in await desk.core.journal.attempts(job_id)] == [1, 2]
        assert stage_of(desk, job_id) == planned
