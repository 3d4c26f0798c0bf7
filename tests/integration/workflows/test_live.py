"""Templates against a live engine: checked at start, when files change, and as the engine is."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jigdesk.app import templates as templates_module
from jigdesk.domain import keys
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.resources import workflows_dir
from tests.fakes.demo_engine import demo_engine
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.desk.conftest import Desk
from tests.integration.workflows.conftest import TEMPLATES, workflow_desk


async def until(true: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - files and the engine are what is waited for
            await asyncio.sleep(0.02)


def registered(desk: Desk) -> set[str]:
    try:
        document = desk.document(f"hosts/{desk.core.host_id}/workflows.json")
    except FileNotFoundError:
        return set()
    return {item["name"] for item in document["workflows"]}


async def offered(desk: Desk) -> set[str]:
    async with desk.browser.http.get(f"{desk.browser.local_url}/api/workflows") as answer:
        return {item["name"] for item in (await answer.json())["items"]}


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "graph.json"
    path.write_text(path.read_text().replace(old, new))


async def test_a_template_that_the_engine_cannot_run_goes_and_comes_back(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(TEMPLATES / "blend", mine / "blend")
    async with workflow_desk(tmp_path / "home", mine) as desk:
        templates = desk.core.templates
        await until(lambda: "blend" in registered(desk))
        change(mine / "blend", "ImageBlend", "ImageBlent")
        await until(lambda: "blend" in templates.unavailable)
        assert templates.unavailable["blend"] == (
            "Node 3 (Blend): the engine has no node class 'ImageBlent'. Did you mean 'ImageBlend'?"
        )
        assert "blend" not in await offered(desk)
        await until(lambda: "blend" not in registered(desk))
        check = await templates.health()
        assert "blend: Node 3" in check.message
        change(mine / "blend", "ImageBlent", "ImageBlend")
        await until(lambda: "blend" in registered(desk))
        assert "blend" in await offered(desk)
        # a file that cannot be read at all is told apart, and mends just so
        (mine / "blend" / "workflow.toml").rename(mine / "blend" / "kept.txt")
        await until(lambda: "broken" in templates.unavailable.get("blend", ""))
        assert (await templates.health()).level == "warning"
        (mine / "blend" / "kept.txt").rename(mine / "blend" / "workflow.toml")
        await until(lambda: "blend" in templates.available)


async def test_a_file_that_appears_on_the_engine_brings_its_template_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates_module, "LOOK_AGAIN_S", 0.2)
    mine = tmp_path / "mine"
    shutil.copytree(TEMPLATES / "blend", mine / "mark")
    described = mine / "mark" / "workflow.toml"
    wanted = '[inputs.second]\nkind = "image"\n'
    offered_here = '[params.second]\ntype = "choice"\nchoices_from = "engine"\n'
    described.write_text(described.read_text().replace(wanted, offered_here))
    async with workflow_desk(tmp_path / "home", mine) as desk:
        templates = desk.core.templates
        await until(lambda: "no such file is installed" in templates.unavailable.get("mark", ""))
        assert "mark" not in await offered(desk)
        (desk.home / "state" / "engine" / "input" / "second.png").write_bytes(photo())
        await until(lambda: "mark" in registered(desk))
        job_id = await desk.browser.submit(
            {"task": "mark", "inputs": {"first": "photo.png"}}, {"photo.png": photo()}
        )
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"


async def test_the_owner_sees_what_cannot_run_and_why(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(TEMPLATES / "blend", mine / "blend")
    (mine / "torn").mkdir()
    async with workflow_desk(tmp_path / "home", mine) as desk:
        change(mine / "blend", "ImageBlend", "ImageBlent")
        await until(lambda: "blend" in desk.core.templates.unavailable)
        url = f"{desk.browser.local_url}/control/workflows"
        async with desk.browser.http.get(url) as answer:
            assert answer.status == 401
        headers = {"Authorization": f"Bearer {desk.core.control_token}"}
        async with desk.browser.http.get(url, headers=headers) as answer:
            assert answer.status == 200
            listed = {item["name"]: item for item in (await answer.json())["items"]}
        assert list(listed) == sorted(listed)
        assert listed["blur"] == {
            "name": "blur",
            "title": "Blur",
            "available": True,
            "reason": None,
        }
        assert "no node class 'ImageBlent'" in listed["blend"]["reason"]
        assert (listed["blend"]["available"], listed["blend"]["title"]) == (False, "Blend")
        assert (listed["torn"]["available"], listed["torn"]["title"]) == (False, None)
        assert "broken" in listed["torn"]["reason"]
        assert set(await offered(desk)) == {n for n, item in listed.items() if item["available"]}


async def test_a_job_under_way_keeps_the_template_that_it_began_with(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(TEMPLATES / "stepwise", mine / "stepwise")
    async with workflow_desk(tmp_path / "home", mine) as desk:
        request = {"task": "stepwise", "params": {"steps": 60}, "inputs": {"image": "photo.png"}}
        job_id = await desk.browser.submit(request, {"photo.png": photo()})
        await desk.browser.until(job_id, "running")
        shutil.rmtree(mine / "stepwise")
        await until(lambda: "stepwise" not in desk.core.templates.available)
        assert (await desk.browser.until(job_id, "completed"))["status"] == "completed"


async def test_a_folder_of_templates_may_come_later(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    async with workflow_desk(tmp_path / "home", mine) as desk:
        assert "blend" not in desk.core.templates.available
        shutil.copytree(TEMPLATES, mine)
        await until(lambda: "blend" in desk.core.templates.available)


async def test_the_templates_are_checked_again_when_the_engine_was_restarted(
    tmp_path: Path,
) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        asked = []
        ask = desk.core.engine.client.object_info

        async def counted() -> object:
            asked.append(1)
            return await ask()

        desk.core.engine.client.object_info = counted  # type: ignore[method-assign]
        await until(lambda: bool(desk.core.templates.unavailable) or bool(asked))
        before = len(asked)
        await desk.core.engine.act("restart")
        await until(lambda: len(asked) > before, 30)


async def test_a_job_waits_until_the_engine_has_said_what_it_has(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(workflows_dir() / "upscale", mine / "sized")
    with (mine / "sized" / "workflow.toml").open("a") as toml:
        toml.write('[params.method]\ntype = "choice"\nchoices_from = "engine"\n')
        toml.write('targets = ["2.upscale_method"]\n')
    port = free_port()
    where = {
        "JIGDESK_COMFYUI__KIND": "remote",
        "JIGDESK_COMFYUI__URL": f"http://127.0.0.1:{port}",
    }
    async with workflow_desk(tmp_path / "home", mine, **where) as desk:
        assert "not told yet" in desk.core.templates.unavailable["sized"]
        assert "blur" in desk.core.templates.available
        job_id = new_job_id()
        store = desk.core.store
        await store.put(keys.input_key(job_id, "photo.png"), photo(), "image/png")
        line = b"sized --method bicubic --scale 0.5 --input-image photo.png".replace(b"input-", b"")
        await store.put(keys.instructions_key(job_id), line, "text/plain")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                job = await desk.core.journal.job(job_id)
                if job is not None and job.status is JobStatus.PREPARING:
                    break
                await asyncio.sleep(0.05)
            async with demo_engine(tmp_path / "engine", f"--port={port}"):
                while not job.status.is_final:
                    await asyncio.sleep(0.05)
                    job = await desk.core.journal.job(job_id) or job
        assert job.status is JobStatus.COMPLETED, job.failure
        spec = desk.core.templates.available["sized"].params["method"]
        assert "bicubic" in spec.choices
        assert spec.default == "lanczos"


async def test_the_engine_is_where_the_listeners_are_written_down(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        found = json.loads(desk.core.settings.paths.listeners.read_text())
        assert found["engine_url"] == desk.core.engine.url
