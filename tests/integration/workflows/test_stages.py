"""Stages as a graph: order, slots, partial results, failures and retries."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jigdesk.domain.changes import StageRun, StageState
from jigdesk.domain.job import JobStatus
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.desk.conftest import Desk
from tests.integration.workflows.conftest import workflow_desk


def diamond(steps: int = 40) -> dict[str, Any]:
    """Two branches of one picture, joined by a blend."""
    return {
        "stages": [
            {
                "name": "mix",
                "workflow": "blend",
                "inputs": {"first": {"stage": "left"}, "second": {"stage": "right"}},
            },
            {
                "name": "left",
                "workflow": "refine",
                "params": {"steps": steps},
                "inputs": {"image": {"file": "photo.png"}},
            },
            {
                "name": "right",
                "workflow": "invert",
                "inputs": {"image": {"file": "photo.png"}},
            },
        ]
    }


async def runs_of(desk: Desk, job_id: str) -> dict[str, StageRun]:
    return {run.stage: run for run in await desk.core.journal.stage_runs(job_id)}


async def test_a_diamond_runs_in_order_with_one_slot(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(diamond(), {"photo.png": photo()})
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        runs = await runs_of(desk, job_id)
        assert list(runs) == ["left", "right", "mix"]
        left, right = runs["left"], runs["right"]
        assert left.ended_at is not None
        assert left.ended_at <= right.started_at
        await desk.settled()
        output = desk.document(f"outputs/{job_id}/output.json")
        assert [file["stage"] for file in output["files"]] == ["left", "right", "mix"]
        # each stage's results are told as the stage ends, before the next one's
        told = [one.data["stage"] for one in heard if one.name == "job:new_files"]
        assert told == ["left", "right", "mix"]
        graph = desk.document(f"jobs/{job_id}/graph.json")
        edges = {(edge["from_stage"], edge["to_stage"]) for edge in graph["edges"]}
        assert edges == {("left", "mix"), ("right", "mix")}


async def test_independent_stages_run_at_once_when_slots_are_free(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home", JIGDESK_QUEUE__CONCURRENCY="2") as desk:
        job_id = await desk.browser.submit(diamond(), {"photo.png": photo()})
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        runs = await runs_of(desk, job_id)
        left, right, mix = runs["left"], runs["right"], runs["mix"]
        assert left.ended_at is not None
        assert right.ended_at is not None
        assert right.started_at < left.ended_at
        assert mix.started_at >= max(left.ended_at, right.ended_at)
        shown = [
            one.data["progress"]
            for one in heard
            if one.name == "job:progress" and one.data["progress"] is not None
        ]
        assert shown == sorted(shown)
        assert desk.core.work.queue.running == 0


async def test_a_waiting_job_comes_before_a_second_stage(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home", JIGDESK_QUEUE__CONCURRENCY="2") as desk:
        await desk.core.control.pause("Both jobs are to wait.")
        one = {
            "task": "refine",
            "params": {"steps": 20},
            "inputs": {"image": "photo.png"},
        }
        jobs = [
            await desk.browser.submit(request, {"photo.png": photo(seed=seed)})
            for seed, request in enumerate((diamond(20), one))
        ]
        for job_id in jobs:
            await desk.browser.until(job_id, "queued")
        await desk.core.control.resume()
        for job_id in jobs:
            assert (await desk.browser.until(job_id, "completed"))["status"] == "completed"
        first, second = [await runs_of(desk, job_id) for job_id in jobs]
        assert second["refine"].started_at < first["right"].started_at


async def test_a_partial_result_is_there_before_its_stage_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.3")
    async with workflow_desk(tmp_path / "home") as desk:
        request = {
            "task": "stepwise",
            "params": {"steps": 100},
            "inputs": {"image": "photo.png"},
        }
        job_id = await desk.browser.submit(request, {"photo.png": photo()})
        draft = f"outputs/{job_id}/stepwise/draft.png"
        async with asyncio.timeout(PATIENCE_S):
            async for heard in desk.browser.events(job_id):
                if heard.name == "job:new_files":
                    break
        assert [file["key"] for file in heard.data["new_files"]] == [draft]
        job = await desk.browser.job(job_id)
        assert job["status"] == "running"
        assert [file["key"] for file in job["files"]] == [draft]
        async with desk.browser.http.get(job["files"][0]["url"]) as answer:
            assert Image.open(io.BytesIO(await answer.read())).size == (64, 48)
        # what is there stays there when the job ends before its time
        assert (await desk.browser.command(job_id, "cancel"))[0] == 202
        assert (await desk.browser.until(job_id, "cancelled"))["status"] == "cancelled"
        assert (desk.bucket / draft).is_file()


async def test_a_partial_result_is_told_once_and_marked(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        request = {"task": "stepwise", "params": {"steps": 8}, "inputs": {"image": "photo.png"}}
        job_id = await desk.browser.submit(request, {"photo.png": photo()})
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        told = [
            file["key"]
            for one in heard
            if one.name == "job:new_files"
            for file in one.data["new_files"]
        ]
        prefix = f"outputs/{job_id}/stepwise"
        assert told == [f"{prefix}/draft.png", f"{prefix}/result.png"]
        await desk.settled()
        files = desk.document(f"outputs/{job_id}/output.json")["files"]
        assert [(file["output"], file["partial"]) for file in files] == [
            ("draft", True),
            ("result", False),
        ]
        assert files[0]["sha256"] != files[1]["sha256"]


async def test_a_retry_starts_at_the_stage_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_FAULT", "error")
    async with workflow_desk(tmp_path / "home") as desk:
        request = diamond()
        request["stages"][1]["inputs"] = {"image": {"stage": "right"}}
        job_id = await desk.browser.submit(request, {"photo.png": photo()})
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_error"
        runs = await runs_of(desk, job_id)
        assert runs["right"].state is StageState.STORED
        assert runs["left"].state is StageState.FAILED
        assert "mix" not in runs
        assert (desk.bucket / f"outputs/{job_id}/right/result.png").is_file()
        job = await desk.browser.job(job_id)
        assert [file["stage"] for file in job["files"]] == ["right"]
        await desk.settled()
        assert desk.document(f"outputs/{job_id}/error.json")["stage"] == "left"

        assert (await desk.browser.command(job_id, "retry"))[0] == 202
        again = await desk.browser.watch(job_id)
        assert again[-1].name == "job_error"
        runs = await runs_of(desk, job_id)
        assert (runs["right"].attempt, runs["left"].attempt) == (1, 2)


FAILS_SECOND: dict[str, Any] = {
    "stages": [
        {
            "name": "soft",
            "workflow": "blur",
            "params": {"radius": 3},
            "inputs": {"image": {"file": "photo.png"}},
        },
        {
            "name": "fine",
            "workflow": "refine",
            "params": {"steps": 2},
            "inputs": {"image": {"stage": "soft"}},
        },
        {"name": "dark", "workflow": "invert", "inputs": {"image": {"stage": "fine"}}},
    ]
}


async def mend_the_engine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JIGDESK_DEMO_FAULT")
    await desk.core.engine.act("restart")


async def test_a_retry_goes_on_where_it_failed_and_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_FAULT", "error")
    async with workflow_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(FAILS_SECOND, {"photo.png": photo()})
        assert (await desk.browser.watch(job_id))[-1].name == "job_error"
        first = (await runs_of(desk, job_id))["soft"]
        stored = desk.bucket / f"outputs/{job_id}/soft/result.png"
        kept = (stored.read_bytes(), stored.stat().st_mtime_ns)
        last_seq = (await desk.browser.job(job_id))["seq"]

        await mend_the_engine(desk, monkeypatch)
        await desk.core.control.retry(job_id)  # as the owner of the machine
        heard = [one async for one in desk.browser.events(job_id, last_seq)]
        assert heard[-1].name == "job_done"
        # told: nothing of the first stage, which has been told
        told = [one.data["stage"] for one in heard if one.name == "job:new_files"]
        assert told == ["fine", "dark"]
        ran = {one.data["stage"] for one in heard if one.data.get("status") == "running"}
        assert "soft" not in ran
        runs = await runs_of(desk, job_id)
        assert runs["soft"] == first
        assert [runs[name].attempt for name in ("soft", "fine", "dark")] == [1, 2, 2]
        assert (stored.read_bytes(), stored.stat().st_mtime_ns) == kept
        await desk.settled()
        output = desk.document(f"outputs/{job_id}/output.json")
        assert output["attempt"] == 2
        assert [file["stage"] for file in output["files"]] == ["soft", "fine", "dark"]
        assert not (desk.bucket / f"outputs/{job_id}/error.json").exists()
        attempts = await desk.core.journal.attempts(job_id)
        assert [(one.attempt, one.code) for one in attempts] == [(1, "execution_error"), (2, None)]


async def test_a_retry_runs_again_what_the_owner_changed_and_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_FAULT", "error")
    async with workflow_desk(tmp_path / "home") as desk:
        request = copy.deepcopy(FAILS_SECOND)
        request["stages"].insert(
            1, {"name": "aside", "workflow": "invert", "inputs": {"image": {"file": "photo.png"}}}
        )
        files = {"photo.png": photo()}
        made = await desk.browser.create(request, files)
        await desk.browser.upload(made, files)
        await desk.browser.send_manifest(made, request)
        job_id = str(made["job_id"])
        assert (await desk.browser.watch(job_id))[-1].name == "job_error"
        before = (await runs_of(desk, job_id))["soft"].files[0].sha256

        await mend_the_engine(desk, monkeypatch)
        request["stages"][0]["params"]["radius"] = 9
        await desk.browser.send_manifest(made, request)
        assert (await desk.browser.command(job_id, "retry"))[0] == 202
        assert (await desk.browser.until(job_id, "completed"))["status"] == "completed"
        runs = await runs_of(desk, job_id)
        assert {name: run.attempt for name, run in runs.items()} == {
            "soft": 2,
            "aside": 1,
            "fine": 2,
            "dark": 2,
        }
        await desk.settled()
        output = desk.document(f"outputs/{job_id}/output.json")
        digests = {file["stage"]: file["sha256"] for file in output["files"]}
        assert digests["soft"] != before
        made_now = hashlib.sha256((desk.bucket / f"outputs/{job_id}/soft/result.png").read_bytes())
        assert made_now.hexdigest() == digests["soft"]

        # a stage that is not wanted any more is in no list
        request["stages"] = request["stages"][:2]
        await desk.browser.send_manifest(made, request)
        assert (await desk.browser.command(job_id, "retry"))[0] == 202
        job = await desk.browser.until(job_id, "completed")
        assert {file["stage"] for file in job["files"]} == {"soft", "aside"}
        assert {name: run.attempt for name, run in (await runs_of(desk, job_id)).items()} == {
            "soft": 2,
            "aside": 1,
            "fine": 2,
            "dark": 2,
        }


async def test_what_runs_beside_a_failed_stage_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_FAULT", "error")
    async with workflow_desk(tmp_path / "home", JIGDESK_QUEUE__CONCURRENCY="2") as desk:
        request = diamond()
        request["stages"][2]["workflow"] = "refine"  # waits behind the one that fails
        job_id = await desk.browser.submit(request, {"photo.png": photo()})
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_error"
        later = await desk.browser.submit(
            {"task": "invert", "inputs": {"image": "photo.png"}}, {"photo.png": photo()}
        )
        assert (await desk.browser.until(later, "completed"))["status"] == "completed"
        assert desk.core.work.queue.running == 0


async def test_what_runs_beside_a_stage_that_cannot_begin_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "5")
    async with workflow_desk(tmp_path / "home", JIGDESK_QUEUE__CONCURRENCY="2") as desk:
        photo_in = {"image": {"file": "photo.png"}}
        both = {"first": {"stage": "soft"}, "second": {"file": "other.png"}}
        stages = [
            {"name": "soft", "workflow": "blur", "inputs": photo_in},
            {"name": "slow", "workflow": "refine", "params": {"steps": 100}, "inputs": photo_in},
            {"name": "mix", "workflow": "blend", "inputs": both},
        ]
        await desk.core.control.pause("until a file is gone")
        files = {"photo.png": photo(), "other.png": photo(seed=8)}
        job_id = await desk.browser.submit({"stages": stages}, files)
        await desk.reached(job_id, JobStatus.QUEUED)
        (tmp_path / "home" / "jobs" / job_id / "inputs" / "other.png").unlink()
        await desk.core.control.resume()
        assert (await desk.browser.watch(job_id))[-1].data["code"] == "internal"
        slow = (await runs_of(desk, job_id))["slow"].prompt_id
        assert not await desk.core.engine.engine.holds(slow)
