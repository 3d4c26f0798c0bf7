"""Branching: a new job from what another one of the same owner has stored."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.changes import StageState
from tests.harness.browser import Browser
from tests.harness.pictures import photo
from tests.integration.desk.conftest import Desk
from tests.integration.workflows.conftest import workflow_desk

PAIR = {
    "stages": [
        {"name": "soft", "workflow": "blur", "inputs": {"image": {"file": "photo.png"}}},
        {"name": "fine", "workflow": "refine", "inputs": {"image": {"stage": "soft"}}},
    ]
}


def branch(parent: str, stage: str = "soft", **change: Any) -> dict[str, Any]:
    return {
        "stages": [
            {"name": "dark", "workflow": "invert", "inputs": {"image": {"stage": stage}}, **change}
        ],
        "branch_of": {"job_id": parent, "stage": stage},
    }


async def done(desk: Desk, request: dict[str, Any], files: dict[str, bytes]) -> str:
    job_id = await desk.browser.submit(request, files)
    assert (await desk.browser.watch(job_id))[-1].name == "job_done"
    await desk.settled()
    return job_id


async def test_a_branch_takes_stored_results_and_runs_nothing_again(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        parent = await done(desk, PAIR, {"photo.png": photo()})
        child = await done(desk, branch(parent), {})
        runs = await desk.core.journal.stage_runs(child)
        assert [run.stage for run in runs] == ["dark"]
        graph = desk.document(f"jobs/{child}/graph.json")
        assert graph["branch_of"] == {"job_id": parent, "stage": "soft"}
        assert graph["edges"] == [
            {
                "from_stage": "soft",
                "output": "result",
                "index": 0,
                "to_stage": "dark",
                "input": "image",
                "from_job_id": parent,
            }
        ]
        files = desk.document(f"outputs/{child}/output.json")["files"]
        assert [file["stage"] for file in files] == ["dark"]
        # a branch of a branch, and one that mixes the parent's result with a file of its own
        request = branch(child, "dark", name="mix", workflow="blend")
        request["stages"][0]["inputs"] = {
            "first": {"stage": "dark"},
            "second": {"file": "other.png"},
        }
        await done(desk, request, {"other.png": photo(seed=9)})


async def test_a_parent_that_failed_later_can_be_branched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_FAULT", "error")
    async with workflow_desk(tmp_path / "home") as desk:
        parent = await desk.browser.submit(PAIR, {"photo.png": photo()})
        assert (await desk.browser.watch(parent))[-1].name == "job_error"
        await desk.settled()
        await done(desk, branch(parent), {})
        # the stage that failed has nothing to start from
        job_id = await desk.browser.submit(branch(parent, "fine"), {})
        heard = await desk.browser.watch(job_id)
        assert heard[-1].data["code"] == "missing_input"


async def test_a_parent_of_another_desk_is_read_from_the_store(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        parent = await done(desk, PAIR, {"photo.png": photo()})
        await desk.core.journal.forget(parent)
        assert await desk.core.journal.stage_runs(parent) == []
        from_output_json = await done(desk, branch(parent), {})
        (desk.bucket / keys.output_json_key(parent)).unlink()
        from_listing = await done(desk, branch(parent), {})
        records = [await desk.core.journal.plan(j) for j in (from_output_json, from_listing)]
        digests = [record["parent_files"][0]["sha256"] for record in records if record]
        assert len(digests[0]) == 64
        assert digests[0] == digests[1]


async def test_only_the_verified_owner_may_branch(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        parent = await done(desk, PAIR, {"photo.png": photo()})
        stranger = Browser(desk.browser.http, desk.browser.local_url, "stranger-0001")
        body = {"client_id": stranger.client_id, "request": branch(parent), "files": []}
        async with stranger.http.post(f"{stranger.local_url}/api/jobs", json=body) as answer:
            assert answer.status == 404
            assert (await answer.json())["error"]["field"] == "request.branch_of.job_id"

        # past the API: the manifest that is uploaded says more than the one that was checked
        honest = {"task": "blur", "inputs": {"image": "photo.png"}}
        for claim in ({}, {"client_id": desk.browser.client_id}, {"client_id": None}):
            files = {"photo.png": photo()}
            created = await stranger.create(honest, files)
            await stranger.upload(created, files)
            await stranger.send_manifest(created, {**branch(parent), **claim})
            async for heard in stranger.events(created["job_id"]):
                if heard.name == "job:failed":
                    break
            assert heard.data["code"] == "invalid_manifest"
            assert "not yours" in heard.data["message"]


async def test_an_unknown_parent_reads_like_a_foreign_one(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        request = branch(str(uuid.uuid4()))
        body = {"client_id": desk.browser.client_id, "request": request, "files": []}
        url = f"{desk.browser.local_url}/api/jobs"
        async with desk.browser.http.post(url, json=body) as answer:
            assert answer.status == 404


async def test_a_branch_goes_on_when_the_parents_files_are_gone_from_this_machine(
    tmp_path: Path,
) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        parent = await done(desk, PAIR, {"photo.png": photo()})
        await desk.core.control.pause("so that the branch waits")
        child = await desk.browser.submit(branch(parent), {})
        await desk.browser.until(child, "queued")
        folder = desk.core.settings.paths.jobs_dir / child / "parent"
        for path in folder.rglob("*.png"):
            path.unlink()
        await desk.core.control.resume()
        assert (await desk.browser.until(child, "completed"))["status"] == "completed"
        (run,) = await desk.core.journal.stage_runs(child)
        assert run.state is StageState.STORED
