"""A desk that starts again offers what it offered, before its engine has answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.comfyui_folder import comfyui_folder
from tests.harness.pictures import photo
from tests.harness.waiting import eventually
from tests.integration.desk.conftest import Desk, running_desk
from tests.integration.engine.test_second_attempt import request, resample

FILES = {"photo.png": photo()}


async def offers(desk: Desk) -> set[str]:
    async with desk.browser.http.get(f"{desk.browser.local_url}/api/workflows") as answer:
        return {item["name"] for item in (await answer.json())["items"]}


def registered(desk: Desk) -> set[str]:
    document = desk.document(f"hosts/{desk.core.host_id}/workflows.json")
    return {item["name"] for item in document["workflows"]}


def held_back(folder: Path) -> Path:
    """Let the engine start only once the file that is returned exists."""
    gate = folder / "go"
    main = folder / "main.py"
    waits = f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.05)"
    main.write_text(f"import pathlib, time\n{waits}\n{main.read_text()}")
    return gate


async def offer_once(home: Path, env: Mapping[str, str]) -> None:
    """Run a desk until it has kept what it offers."""
    kept = home / "state" / "offered.json"
    async with running_desk(home, **env) as desk:
        await desk.core.templates.settle(["resample"])
        await eventually(lambda: kept.exists() and "resample" in kept.read_text())


async def test_a_job_for_the_engines_choices_is_taken_while_the_engine_starts(
    tmp_path: Path,
) -> None:
    described = resample(tmp_path / "mine")
    mine = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(tmp_path / "mine")])}
    env = {**comfyui_folder(tmp_path / "ComfyUI"), **mine}
    await offer_once(tmp_path / "home", env)
    gate = held_back(tmp_path / "ComfyUI")
    async with running_desk(tmp_path / "home", **env) as desk:
        assert "resample" in await offers(desk)
        await eventually(lambda: "resample" in registered(desk))
        job_id = await desk.browser.submit(request(3), FILES)
        await desk.browser.until(job_id, "preparing")
        gate.touch()
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"

    gate.unlink()
    described.write_text(described.read_text().replace("Refine", "Resample"))
    async with running_desk(tmp_path / "home", **env) as desk:
        assert "resample" not in await offers(desk)  # another template by now


async def test_what_another_engine_offered_counts_for_nothing(tmp_path: Path) -> None:
    resample(tmp_path / "mine")
    mine = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(tmp_path / "mine")])}
    await offer_once(tmp_path / "home", {**comfyui_folder(tmp_path / "ComfyUI"), **mine})
    other = comfyui_folder(tmp_path / "other")
    held_back(tmp_path / "other")
    async with running_desk(tmp_path / "home", **other, **mine) as desk:
        assert "resample" not in await offers(desk)


async def test_a_torn_file_is_as_none(tmp_path: Path) -> None:
    resample(tmp_path / "mine")
    state = tmp_path / "home" / "state"
    state.mkdir(parents=True)
    (state / "offered.json").write_text('{"version": 1, "engine')
    mine = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(tmp_path / "mine")])}
    # over in time only where the torn file was written anew
    await offer_once(tmp_path / "home", {**comfyui_folder(tmp_path / "ComfyUI"), **mine})
