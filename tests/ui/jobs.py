"""Jobs, runs and graphs for the window's tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from jigdesk.app.own_jobs import OwnJob, own_client_id, send_own_job
from jigdesk.demo.sample import sample_png
from jigdesk.domain.changes import StageRun, StageState
from jigdesk.domain.job import Job, JobStatus
from tests.ui.conftest import OpenDesk

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
JOB_ID = "7d1f0c3e-0000-4000-8000-0000000000e2"


def after(seconds: float) -> datetime:
    """So long after the job came."""
    return NOW + timedelta(seconds=seconds)


def a_job(status: JobStatus = JobStatus.RUNNING, **fields: Any) -> Job:
    """A job that came at `NOW`."""
    return Job(JOB_ID, "jig-react", status, 3, 1, NOW, NOW, **fields)


def a_run(stage: str, state: StageState, **fields: Any) -> StageRun:
    """The run of a stage in the first attempt, begun 2 s after the job came."""
    return StageRun(stage, 1, f"prompt-{stage}", state, fields.pop("at", after(2)), **fields)


def a_graph(*stages: str) -> dict[str, Any]:
    """Stages of three nodes in a row: 1, 2 and 3."""
    return {
        "version": 1,
        "stages": [
            {
                "name": name,
                "workflow": name,
                "title": name.capitalize(),
                "nodes": [
                    {"id": "1", "class_type": "LoadImage", "title": "Picture"},
                    {"id": "2", "class_type": "Work", "title": "Work"},
                    {"id": "3", "class_type": "SaveImage", "title": "Save", "output": "result"},
                ],
                "edges": [
                    {"from": "1", "from_slot": 0, "to": "2", "input": "image"},
                    {"from": "2", "from_slot": 0, "to": "3", "input": "images"},
                ],
            }
            for name in stages
        ],
        "edges": [
            {"from_stage": a, "output": "result", "to_stage": b, "input": "image", "to_node": "1"}
            for a, b in pairwise(stages)
        ],
    }


def chain(steps: int = 3) -> dict[str, Any]:
    """Refine, then enlarge."""
    return {
        "stages": [
            {
                "name": "fine",
                "workflow": "refine",
                "params": {"steps": steps},
                "inputs": {"image": {"file": "photo.png"}},
            },
            {
                "name": "big",
                "workflow": "upscale",
                "params": {"scale": 2.0},
                "inputs": {"image": {"stage": "fine"}},
            },
        ]
    }


def send(desk: OpenDesk, request: Mapping[str, Any], folder: Path, body: bytes = b"") -> str:
    """Send a job as the host does, with a picture as photo.png; returns its id."""
    picture = folder / "photo.png"
    picture.write_bytes(body or sample_png())
    client_id = own_client_id(desk.core.settings.paths)
    wanted = OwnJob(request, {"photo.png": picture})
    future = desk.thread.submit(lambda core: send_own_job(core.local_url, client_id, wanted))
    return future.result(90)
