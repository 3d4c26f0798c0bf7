"""Section 10: templates from a folder of the owner's, good and bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import aiohttp
import pytest

from tests.harness.browser import Browser
from tests.harness.pictures import photo
from tests.harness.serving import ROOT, command, environment, serving
from tests.harness.shapes import is_error

GRAPH = json.loads((ROOT / "workflows" / "refine" / "graph.json").read_text())
GOOD = """
title = "Mine"
description = "Its steps are drawn."
timeout_s = 60
colour = "blue"

[inputs.image]
kind = "image"
targets = ["1.image"]
max_bytes = 1000

[params.steps]
type = "choice"
choices = [2, 4]
default = 4
targets = ["2.steps"]

[outputs.result]
node = "3"
kind = "image"
"""


def template(folder: Path, name: str, toml: str, graph: object = GRAPH) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "workflow.toml").write_text(toml)
    (path / "graph.json").write_text(graph if isinstance(graph, str) else json.dumps(graph))
    return path


BAD: dict[str, tuple[str, object, str, str]] = {
    "no-title": (GOOD.replace('title = "Mine"', ""), GRAPH, "workflow.toml", "title"),
    "no-kind": (GOOD.replace('kind = "image"\ntargets', "targets"), GRAPH, "workflow.toml", "kind"),
    "no-node": (GOOD.replace('node = "3"\n', ""), GRAPH, "workflow.toml", "node"),
    "odd-type": (GOOD.replace('"choice"', '"colour"'), GRAPH, "workflow.toml", "type"),
    "no-choices": (GOOD.replace("choices = [2, 4]\n", ""), GRAPH, "workflow.toml", "choices"),
    "wrong-target": (GOOD.replace('"2.steps"', '"9.steps"'), GRAPH, "workflow.toml", "targets"),
    "wrong-input": (GOOD.replace('"1.image"', '"1.imagine"'), GRAPH, "workflow.toml", "targets"),
    "wrong-node": (GOOD.replace('node = "3"', 'node = "7"'), GRAPH, "workflow.toml", "node"),
    "bad-default": (GOOD.replace("default = 4", "default = 5"), GRAPH, "workflow.toml", "default"),
    "no-toml": ("title = ", GRAPH, "workflow.toml", ""),
    "no-json": (GOOD, "{", "graph.json", ""),
    "ui-export": (GOOD, {"nodes": [], "links": [], "version": 0.4}, "graph.json", ""),
    "file-name": (
        GOOD.replace("[params.steps]", "[params.name]")
        .replace('type = "choice"\nchoices = [2, 4]\ndefault = 4', 'type = "string"\ndefault = "x"')
        .replace('"2.steps"', '"3.filename_prefix"'),
        GRAPH,
        "workflow.toml",
        "name",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good template, every bad one, and one whose folder's name is no name."""
    path = tmp_path_factory.mktemp("templates")
    template(path, "mine", GOOD)
    for name, (toml, graph, _, _) in BAD.items():
        template(path, name, toml, graph)
    return path


def test_check_names_file_and_field_of_each(folder: Path, tmp_path: Path) -> None:
    env = {**environment(tmp_path), "JIGDESK_WORKFLOWS__DIRS": json.dumps([str(folder)])}
    done = command(tmp_path, "workflows", "check", "--json", env=env)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert "mine" in report["sound"]
    assert "blur" in report["sound"], "the bad ones never stop the others"
    errors: dict[str, list[dict[str, str]]] = {}
    for finding in report["findings"]:
        if finding["level"] == "error":
            errors.setdefault(finding["workflow"], []).append(finding)
    for name, (_, _, file, field) in BAD.items():
        found = errors.get(name, [])
        assert any(one["file"].endswith(file) and field in one["field"] for one in found), (
            name,
            found,
        )
    warnings = [one for one in report["findings"] if one["level"] == "warning"]
    assert [(one["workflow"], one["field"]) for one in warnings if one["workflow"] == "mine"] == [
        ("mine", "colour")
    ]
    plain = command(tmp_path, "workflows", "check", env=env)
    assert plain.returncode == 1
    for name in BAD:
        assert name in plain.stdout + plain.stderr


def test_check_takes_one_template_s_own_folder(folder: Path, tmp_path: Path) -> None:
    env = environment(tmp_path)
    shipped = str(ROOT / "workflows" / "blur")
    done = command(tmp_path, "workflows", "check", shipped, "--json", env=env)
    assert (done.returncode, json.loads(done.stdout)["sound"]) == (0, ["blur"])
    broken = command(tmp_path, "workflows", "check", str(folder / "no-title"), env=env)
    assert broken.returncode == 1
    assert "title" in broken.stdout + broken.stderr


async def test_only_good_ones_run_and_within_their_bounds(
    folder: Path, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    env = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(folder)])}
    with serving(tmp_path / "home", env) as desk:
        browser = Browser(http, desk.local_url)
        async with http.get(f"{desk.local_url}/api/workflows") as answer:
            listed = {item["name"]: item for item in (await answer.json())["items"]}
        assert set(listed) & {*BAD, "mine"} == {"mine"}
        assert listed["mine"]["params"]["properties"]["steps"]["enum"] == [2, 4]
        for word in BAD:
            assert word in desk.errors() + "".join(
                path.read_text() for path in desk.home.rglob("jigdesk.log")
            ), "reported at start"

        files = {"photo.png": photo(8, 8)}
        request = {"task": "mine", "params": {"steps": 2}, "inputs": {"image": "photo.png"}}
        job_id = await browser.submit(request, files)
        assert (await browser.watch(job_id))[-1].name == "job_done"

        # what the API refuses the desk refuses too, whoever wrote request.json
        for change, code in (
            ({"params": {"steps": 3}}, "invalid_parameter"),
            ({"params": {"nonsense": 1}}, "invalid_parameter"),
            ({"task": "no-title"}, "unknown_workflow"),
            ({"task": "../mine"}, "unknown_workflow"),
            ({"graph": GRAPH, "task": "nothing"}, "unknown_workflow"),
            ({"inputs": {"imagine": "photo.png"}}, "invalid_manifest"),
        ):
            created = await browser.create(request, files)
            await browser.upload(created, files)
            await browser.send_manifest(created, {**request, **change})
            heard = await browser.watch(created["job_id"])
            assert heard[-1].name == "job_error"
            got = heard[-1].data["code"]
            assert got == code or (change.get("task") == "../mine" and got == "invalid_manifest")

        large = {"photo.png": photo(64, 64) + b"\0" * 1000}
        body = {
            "client_id": browser.client_id,
            "request": request,
            "files": [
                {
                    "name": "photo.png",
                    "size_bytes": len(large["photo.png"]),
                    "content_type": "image/png",
                }
            ],
        }
        async with http.post(f"{desk.local_url}/api/jobs", json=body) as answer:
            assert answer.status == 413
            is_error(await answer.json(), "input_too_large")


async def test_a_graph_from_outside_is_never_run(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    def evils() -> list[Path]:
        return list(tmp_path.rglob("*evil*"))

    with serving(tmp_path / "home") as desk:
        browser = Browser(http, desk.local_url)
        files = {"photo.png": photo(), "graph.json": b"{}"}
        request = {"task": "blur", "inputs": {"image": "photo.png"}}
        created = await browser.create(request, {"photo.png": files["photo.png"]})
        await browser.upload(created, files)
        evil = {"3": {"class_type": "SaveImage", "inputs": {"filename_prefix": "../../evil"}}}
        extra = {"graph": evil, "prompt": evil, "workflow_json": evil, "outputs": {"r": "9"}}
        await browser.send_manifest(created, {**request, **extra})
        heard = await browser.watch(created["job_id"])
        assert heard[-1].name == "job_done", "unknown fields are ignored"
        assert evils() == []


async def test_a_seed_left_out_is_drawn_and_written_down(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    folder = tmp_path / "templates"
    seeded = GOOD.replace(
        'type = "choice"\nchoices = [2, 4]\ndefault = 4', 'type = "seed"'
    ).replace('"2.steps"', '"2.steps"')
    shutil.copytree(ROOT / "workflows" / "blur", folder / "copied")
    template(folder, "seeded", seeded)
    env = {"JIGDESK_WORKFLOWS__DIRS": json.dumps([str(folder)])}
    with serving(tmp_path / "home", env) as desk:
        browser = Browser(http, desk.local_url)
        drawn = []
        for _ in range(2):
            request = {"task": "seeded", "inputs": {"image": "photo.png"}}
            job_id = await browser.submit(request, {"photo.png": photo(8, 8)})
            # the demo engine refuses so many steps; the seed was drawn all the same
            await browser.watch(job_id)
            params = desk.document(f"jobs/{job_id}/manifest.json")["stages"][0]["params"]
            assert isinstance(params["steps"], int)
            drawn.append(params["steps"])
        assert drawn[0] != drawn[1]
