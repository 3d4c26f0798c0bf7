"""Section 2: stages that take what others made, in the same job or in another one."""

from __future__ import annotations

from typing import Any

from tests.harness.browser import BLUR, Browser
from tests.harness.pictures import photo
from tests.harness.serving import Serving

FILES = {"photo.png": photo()}
SOFTEN: dict[str, Any] = {
    "name": "soften",
    "workflow": "blur",
    "params": {"radius": 3},
    "inputs": {"image": {"file": "photo.png"}},
}
ENLARGE: dict[str, Any] = {
    "name": "enlarge",
    "workflow": "upscale",
    "params": {"scale": 2.0},
    "inputs": {"image": {"stage": "soften", "output": "result", "index": 0}},
}


async def done(desk: Serving, browser: Browser, request: dict[str, Any], files: Any) -> str:
    job_id = await browser.submit(request, files)
    heard = await browser.watch(job_id)
    assert heard[-1].name == "job_done", heard[-1].data
    return job_id


def results(desk: Serving, job_id: str) -> dict[str, int]:
    """Stage → width of its picture."""
    listed = desk.document(f"outputs/{job_id}/output.json")["files"]
    assert all(file["key"].startswith(f"outputs/{job_id}/") for file in listed)
    return {file["stage"]: file["width"] for file in listed}


async def test_a_branch_runs_only_what_it_names(desk: Serving, browser: Browser) -> None:
    parent = await done(desk, browser, {"stages": [SOFTEN, ENLARGE]}, FILES)
    larger = {**ENLARGE, "params": {"scale": 3.0}}
    branch = {"branch_of": {"job_id": parent, "stage": "soften"}}
    child = await done(desk, browser, {"stages": [larger], **branch}, {})
    assert results(desk, child) == {"enlarge": 192}
    assert desk.document(f"jobs/{child}/graph.json")["branch_of"] == branch["branch_of"]


async def test_a_branch_may_have_a_stage_of_the_parents_name(
    desk: Serving, browser: Browser
) -> None:
    """As the contract's own request.json has it: every stage, and the one to branch from."""
    parent = await done(desk, browser, {"stages": [SOFTEN, ENLARGE]}, FILES)
    branch = {"branch_of": {"job_id": parent, "stage": "soften"}}
    whole = {"stages": [SOFTEN, ENLARGE], **branch}
    assert results(desk, await done(desk, browser, whole, FILES)) == {"soften": 64, "enlarge": 128}

    # a stage that takes its own name's result takes the parent's
    again = {**SOFTEN, "inputs": {"image": {"stage": "soften"}}}
    once_more = {"stages": [again, ENLARGE], **branch}
    child = await done(desk, browser, once_more, {})
    assert results(desk, child) == {"soften": 64, "enlarge": 128}
    edges = desk.document(f"jobs/{child}/graph.json")["edges"]
    assert [edge.get("from_job_id") for edge in edges] == [parent, None]


async def test_inputs_may_be_left_out(desk: Serving, browser: Browser) -> None:
    """Then a stage takes what the one before it makes, as a line of instructions.txt does."""
    request = {"stages": [SOFTEN, {"workflow": "upscale"}, {"workflow": "invert", "inputs": {}}]}
    parent = await done(desk, browser, request, FILES)
    assert results(desk, parent) == {"soften": 64, "upscale": 128, "invert": 128}
    branch = {"branch_of": {"job_id": parent, "stage": "upscale"}}
    child = await done(desk, browser, {"task": "invert", **branch}, {})
    assert results(desk, child) == {"invert": 128}


async def test_the_short_form_branches_too(desk: Serving, browser: Browser) -> None:
    parent = await done(desk, browser, BLUR, FILES)
    branch = {"branch_of": {"job_id": parent, "stage": "blur"}}
    request = {"task": "blur", "inputs": {"image": {"stage": "blur"}}, **branch}
    assert results(desk, await done(desk, browser, request, {})) == {"blur": 64}
