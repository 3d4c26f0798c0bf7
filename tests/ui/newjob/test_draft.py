"""What the dialog asks for, as a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jigdesk.app.branching import StoredResult, StoredStage
from jigdesk.app.job_story import StoryFile
from jigdesk.domain.manifest import parse_request
from jigdesk.domain.params import ParamSpec, ParamType
from jigdesk.domain.planning import make_plan
from jigdesk.domain.template import Template, parse_template
from jigdesk.resources import workflows_dir
from tests.ui.jobs import JOB_ID
from ui.newjob.draft import StageDraft, Start, bounds, missing, own_job, story


def template(name: str) -> Template:
    folder = workflows_dir() / name
    return parse_template(
        name, (folder / "workflow.toml").read_bytes(), (folder / "graph.json").read_bytes()
    )


BLUR, UPSCALE = template("blur"), template("upscale")


def test_a_chain_is_a_request_that_the_desk_can_plan() -> None:
    picture = Path("/somewhere/photo.png")
    stages = [
        StageDraft(BLUR, {"radius": 3}, {"image": picture}),
        StageDraft(UPSCALE, {"scale": 2.0}),
        StageDraft(UPSCALE, {"scale": 1.5}),
    ]
    wanted = own_job(stages)
    assert wanted.files == {"photo.png": picture}
    manifest = parse_request(json.dumps({"version": 1, **wanted.request}).encode(), JOB_ID)
    plan = make_plan(manifest, {"blur": BLUR, "upscale": UPSCALE}, {}, lambda: 1)
    assert [stage.name for stage in plan.stages] == ["blur", "upscale", "upscale-2"]
    assert plan.stages[2].depends_on == ("upscale",)


def test_files_keep_their_names_where_they_can() -> None:
    first, second, odd = Path("/a/x.png"), Path("/b/x.png"), Path("/c/what?: a*name.PNG")
    stages = [
        StageDraft(BLUR, {}, {"image": first}),
        StageDraft(BLUR, {}, {"image": second}),
        StageDraft(BLUR, {}, {"image": odd}),
        StageDraft(BLUR, {}, {"image": first}),
    ]
    assert own_job(stages).files == {
        "x.png": first,
        "x-2.png": second,
        "file-what---a-name.png": odd,
    }


@pytest.mark.parametrize("name", ["request.json", "con.png", ".hidden", "é" * 200 + ".png"])
def test_no_file_gets_a_name_that_the_desk_refuses(name: str) -> None:
    wanted = own_job([StageDraft(BLUR, {}, {"image": Path("/x") / name})])
    parse_request(json.dumps({"version": 1, **wanted.request}).encode(), JOB_ID)


def test_what_is_missing_is_said() -> None:
    assert missing([StageDraft(BLUR, {})]) == "Blur needs a file: drop an image or browse."
    assert not missing([StageDraft(BLUR, {}, {"image": Path("x.png")}), StageDraft(UPSCALE, {})])


def test_the_story_tells_every_stage() -> None:
    one = [StageDraft(BLUR, {"radius": 3}, {"image": Path("/a/x.png")})]
    assert story(one) == "Blur on x.png (radius 3)"
    two = [*one, StageDraft(UPSCALE, {"scale": 2.0})]
    assert story(two) == (
        "1. Blur on x.png (radius 3)\n2. Upscale on the result of the stage before (scale 2.0)"
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ParamSpec("a", ParamType.INTEGER, minimum=1, maximum=31), "1 to 31"),
        (ParamSpec("a", ParamType.NUMBER, minimum=0.5), "at least 0.5"),
        (ParamSpec("a", ParamType.NUMBER, maximum=8), "at most 8"),
        (ParamSpec("a", ParamType.SEED), "left empty, it is drawn"),
        (ParamSpec("a", ParamType.STRING), ""),
    ],
)
def test_bounds_in_words(spec: ParamSpec, words: str) -> None:
    assert bounds(spec) == words


def stored_stage(name: str) -> StoredStage:
    file = StoryFile(
        f"outputs/{JOB_ID}/{name}/result.png", "result.png", "result", name, "image", Path("/x")
    )
    return StoredStage(name, name.capitalize(), (StoredResult("result", 0, file),))


def test_a_branch_takes_what_is_stored_under_names_that_the_parent_does_not_have() -> None:
    parent = "7d1f0c3e-0000-4000-8000-0000000000ff"
    stage = stored_stage("blur")
    start = Start(parent, stage)
    stages = [
        StageDraft(BLUR, {"radius": 3}, stored={"image": stage.results[0]}),
        StageDraft(UPSCALE, {"scale": 2.0}),
    ]
    assert missing(stages, start) == ""
    wanted = own_job(stages, start)
    assert wanted.files == {}
    manifest = parse_request(json.dumps({"version": 1, **wanted.request}).encode(), JOB_ID)
    plan = make_plan(
        manifest,
        {"blur": BLUR, "upscale": UPSCALE},
        {},
        lambda: 1,
        parent_outputs={"result": "image"},
    )
    assert [item.name for item in plan.stages] == ["blur-2", "upscale"]
    assert plan.branch_of is not None
    assert (plan.branch_of.job_id, plan.branch_of.stage) == (parent, "blur")


def test_a_branch_that_takes_nothing_stored_is_a_job_of_its_own(tmp_path: Path) -> None:
    start = Start("7d1f0c3e-0000-4000-8000-0000000000ff", stored_stage("refine"))
    lacking = [StageDraft(BLUR, {})]
    assert missing(lacking, start) == "Refine stored no image for Blur: give a file for “image”."
    wanted = own_job([StageDraft(BLUR, {}, {"image": tmp_path / "photo.png"})], start)
    assert "branch_of" not in wanted.request
