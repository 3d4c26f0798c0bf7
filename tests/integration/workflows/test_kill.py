"""kill -9 while two stages of one job run: it goes on, and each stage is stored once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness.pictures import photo
from tests.harness.process import desk_process
from tests.integration.workflows.conftest import TEMPLATES

FILES = {"photo.png": photo()}
REQUEST: dict[str, Any] = {
    "stages": [
        *(
            {
                "name": name,
                "workflow": "refine",
                "params": {"steps": steps},
                "inputs": {"image": {"file": "photo.png"}},
            }
            for name, steps in (("left", 30), ("right", 31))
        ),
        {
            "name": "mix",
            "workflow": "blend",
            "inputs": {"first": {"stage": "left"}, "second": {"stage": "right"}},
        },
    ]
}


async def test_two_stages_at_once_survive_a_kill(tmp_path: Path) -> None:
    env = {
        "JIGDESK_QUEUE__CONCURRENCY": "2",
        "JIGDESK_WORKFLOWS__DIRS": json.dumps([str(TEMPLATES)]),
        "JIGDESK_DEMO_STEP_S": "0.05",
    }
    async with desk_process(tmp_path / "home", env) as (desk, browser):
        job_id = await browser.submit(REQUEST, FILES)
        began: set[str] = set()
        async for heard in browser.events(job_id):
            if heard.data.get("status") == "running":
                began.add(heard.data["stage"])
            if {"left", "right"} <= began:
                break
        await desk.kill()
        await desk.start()
        heard_all = await browser.watch(job_id, 60)
        names = [one.name for one in heard_all]
        assert names.count("job:completed") == 1
        assert "job:failed" not in names
        told = [file["key"] for one in heard_all for file in one.data.get("new_files", ())]
        expected = {f"outputs/{job_id}/{stage}/result.png" for stage in ("left", "right", "mix")}
        assert set(told) == expected
        job = await browser.job(job_id)
        assert job["attempt"] == 1
        assert {file["key"] for file in job["files"]} == expected
