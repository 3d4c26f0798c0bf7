"""Plans: references resolved, parameters bound, and manifest.json both ways."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

import pytest

from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.graph import graph_document
from jigdesk.domain.manifest import (
    BranchOf,
    FileInput,
    Manifest,
    Scalar,
    StageInput,
    StageRequest,
)
from jigdesk.domain.plan import Plan, ResolvedInput
from jigdesk.domain.planning import make_plan
from tests.unit.domain.templates import kinds, template

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
PARENT = "7d1f0c3e-0000-4000-8000-0000000000e3"
TEMPLATES = {
    "work": template(),
    "film": kinds("film", {"image": "image"}, {"clip": "video", "poster": "image"}),
    "cut": kinds("cut", {"clip": "video"}, {"clip": "video"}),
    "mask": kinds("mask", {"image": "image", "mask": "mask"}, {"cut": "mask", "result": "image"}),
}


def asked(
    name: str,
    workflow: str,
    params: Mapping[str, Scalar] | None = None,
    **inputs: FileInput | StageInput,
) -> StageRequest:
    return StageRequest(name, workflow, params or {}, inputs)


def plan(*stages: StageRequest, branch: BranchOf | None = None, **options: object) -> Plan:
    manifest = Manifest(JOB, stages, branch_of=branch)
    drawn = itertools.count(1000)
    return make_plan(manifest, TEMPLATES, {}, lambda: next(drawn), **options)  # type: ignore[arg-type]


def refused(*stages: StageRequest) -> JobError:
    with pytest.raises(JobError) as caught:
        plan(*stages)
    return caught.value


PHOTO = FileInput("photo.png")


def test_parameters_are_bound_with_defaults_and_seeds() -> None:
    stage = plan(asked("a", "work", {"radius": 5.0}, image=PHOTO)).stages[0]
    assert stage.params == {
        "radius": 5,
        "scale-by": 2.0,
        "text": "",
        "turbo_on": True,
        "mode": "a",
        "seed": 1000,
    }
    assert stage.timeout_s == 60.0
    assert stage.workflow_sha256 == TEMPLATES["work"].sha256


def test_a_drawn_seed_stays_when_the_job_is_prepared_again() -> None:
    stages = (asked("a", "work", image=PHOTO), asked("b", "work", {"seed": 5}, image=PHOTO))
    first = plan(*stages)
    manifest = Manifest(JOB, stages)
    again = make_plan(manifest, TEMPLATES, {}, lambda: 1, before=first)
    assert [stage.params["seed"] for stage in again.stages] == [1000, 5]


def test_the_order_is_the_manifests_but_for_what_depends() -> None:
    made = plan(
        asked("last", "work", image=StageInput("middle")),
        asked("first", "work", image=PHOTO),
        asked("middle", "work", image=StageInput("first")),
        asked("alone", "work", image=PHOTO),
    )
    assert [stage.name for stage in made.stages] == ["first", "middle", "last", "alone"]
    assert [stage.index for stage in made.stages] == [0, 1, 2, 3]
    assert made.stage("last").depends_on == ("middle",)


def test_references_take_the_first_output_of_the_wanted_kind() -> None:
    made = plan(
        asked("film", "film", image=PHOTO),
        asked("cut", "cut", clip=StageInput("film")),
        asked("work", "work", image=StageInput("film", None, 2)),
        asked("mask", "mask", image=PHOTO, mask=StageInput("film")),
        asked("more", "mask", image=StageInput("mask"), mask=StageInput("mask")),
    )
    assert made.stage("cut").inputs["clip"] == ResolvedInput("film", "clip", 0)
    assert made.stage("work").inputs["image"] == ResolvedInput("film", "poster", 2)
    assert made.stage("mask").inputs["mask"] == ResolvedInput("film", "poster", 0)
    assert made.stage("more").inputs == {
        "image": ResolvedInput("mask", "result", 0),
        "mask": ResolvedInput("mask", "cut", 0),
    }


@pytest.mark.parametrize(
    ("stages", "code", "field", "words"),
    [
        (
            (asked("a", "wrok", image=PHOTO),),
            ErrorCode.UNKNOWN_WORKFLOW,
            "stages[0].workflow",
            "Did you mean 'work'?",
        ),
        (
            (asked("a", "work"),),
            ErrorCode.INVALID_MANIFEST,
            "stages[0].inputs.image",
            "work needs an input 'image'",
        ),
        (
            (asked("a", "work", image=PHOTO, imgae=PHOTO),),
            ErrorCode.INVALID_MANIFEST,
            "stages[0].inputs.imgae",
            "Did you mean 'image'?",
        ),
        (
            (asked("a", "work", image=PHOTO), asked("b", "work", {"radius": 0}, image=PHOTO)),
            ErrorCode.INVALID_PARAMETER,
            "stages[1].params.radius",
            "from 1 to 31",
        ),
        (
            (asked("a", "work", image=PHOTO), asked("b", "cut", clip=StageInput("a"))),
            ErrorCode.INVALID_MANIFEST,
            "stages[1].inputs.clip",
            "takes video, but the stage 'a' makes image",
        ),
        (
            (asked("a", "film", image=PHOTO), asked("b", "work", image=StageInput("a", "clip"))),
            ErrorCode.INVALID_MANIFEST,
            "stages[1].inputs.image.output",
            "takes image, but the output 'clip' of stage 'a' is video",
        ),
        (
            (asked("a", "film", image=PHOTO), asked("b", "work", image=StageInput("a", "clpi"))),
            ErrorCode.INVALID_MANIFEST,
            "stages[1].inputs.image.output",
            "Did you mean 'clip'?",
        ),
    ],
)
def test_refuses(stages: tuple[StageRequest, ...], code: ErrorCode, field: str, words: str) -> None:
    error = refused(*stages)
    assert (error.error_code, error.field) == (code, field)
    assert words in error.message


def test_a_workflow_that_cannot_run_now_says_why() -> None:
    manifest = Manifest(JOB, (asked("a", "work", image=PHOTO),))
    with pytest.raises(JobError, match="not available now: it needs the node Work") as caught:
        make_plan(manifest, TEMPLATES, {"work": "it needs the node Work."}, lambda: 0)
    assert caught.value.error_code is ErrorCode.UNKNOWN_WORKFLOW


def test_a_branch_takes_the_parents_outputs() -> None:
    branch = BranchOf(PARENT, "earlier")
    stages = asked("a", "work", image=StageInput("earlier", None, 1))
    made = plan(stages, branch=branch, parent_outputs={"clip": "video", "still": "image"})
    source = made.stages[0].inputs["image"]
    assert source == ResolvedInput("earlier", "still", 1)
    assert made.is_parents(made.stages[0], source)
    assert made.stages[0].depends_on == ()
    assert Plan.from_document(json.loads(json.dumps(made.to_document()))) == made
    edge = graph_document(JOB, made, TEMPLATES)["edges"][0]
    assert edge["from_job_id"] == PARENT
    with pytest.raises(JobError, match="no stored results"):
        plan(stages, branch=branch)


def test_a_stage_hides_the_parents_namesake_from_all_but_itself() -> None:
    stages = (
        asked("after", "work", image=StageInput("a")),
        asked("a", "work", image=StageInput("a")),
    )
    made = plan(*stages, branch=BranchOf(PARENT, "a"), parent_outputs={"still": "image"})
    own, after = made.stages
    assert (own.name, after.name) == ("a", "after")
    assert (own.depends_on, after.depends_on) == ((), ("a",))
    taken = {stage.name: stage.inputs["image"] for stage in made.stages}
    assert taken == {"a": ResolvedInput("a", "still", 0), "after": ResolvedInput("a", "result", 0)}
    assert made.is_parents(own, taken["a"])
    assert not made.is_parents(after, taken["after"])
    assert Plan.from_document(json.loads(json.dumps(made.to_document()))) == made
    edges = graph_document(JOB, made, TEMPLATES)["edges"]
    assert ["from_job_id" in edge for edge in edges] == [True, False]


def test_an_input_that_is_left_out_takes_what_the_stage_before_makes() -> None:
    made = plan(asked("a", "film", image=PHOTO), asked("b", "work"), asked("c", "mask"))
    assert made.stage("b").inputs == {"image": ResolvedInput("a", "poster", 0)}
    assert made.stage("c").inputs == {
        "image": ResolvedInput("b", "result", 0),
        "mask": ResolvedInput("b", "result", 0),
    }
    error = refused(asked("a", "film", image=PHOTO), asked("b", "mask"), asked("c", "cut"))
    assert (error.field, error.error_code) == (
        "stages[2].inputs.clip",
        ErrorCode.INVALID_MANIFEST,
    )
    circle = refused(asked("a", "work", image=StageInput("b")), asked("b", "work"))
    assert "wait for each other" in circle.message
    branch = plan(
        asked("a", "work"), branch=BranchOf(PARENT, "x"), parent_outputs={"still": "image"}
    )
    assert branch.stages[0].inputs == {"image": ResolvedInput("x", "still", 0)}


def test_manifest_json_both_ways() -> None:
    made = plan(
        asked("soften", "work", image=PHOTO), asked("more", "work", image=StageInput("soften"))
    ).with_files({"photo.png": (12, "ab" * 32)})
    document = made.to_document()
    assert document["version"] == 1
    assert document["stages"][0]["inputs"]["image"] == {
        "file": "photo.png",
        "size_bytes": 12,
        "sha256": "ab" * 32,
    }
    assert document["stages"][1]["inputs"]["image"] == {
        "stage": "soften",
        "output": "result",
        "index": 0,
    }
    assert Plan.from_document(json.loads(json.dumps(document))) == made
    assert made.files() == ("photo.png",)
    assert made.stages[0].sha256_of("image") == "ab" * 32
    with pytest.raises(ValueError, match="no known file"):
        made.stages[1].sha256_of("image")


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"version": 2},
        {"version": 1, "job_id": JOB, "stages": []},
        {"version": 1, "job_id": JOB, "stages": [{"name": "a"}]},
        {"version": 1, "job_id": "x", "stages": [{}]},
    ],
)
def test_a_plan_of_somebody_elses_making_is_refused(document: object) -> None:
    with pytest.raises(JobError):
        Plan.from_document(document)


def test_graph_json() -> None:
    made = plan(asked("film", "film", image=PHOTO), asked("work", "work", image=StageInput("film")))
    document = json.loads(json.dumps(graph_document(JOB, made, TEMPLATES)))
    assert document["branch_of"] is None
    assert document["edges"] == [
        {"from_stage": "film", "output": "poster", "index": 0, "to_stage": "work", "input": "image"}
    ]
    stage = document["stages"][1]
    assert (stage["name"], stage["title"], stage["depends_on"]) == ("work", "Work", ["film"])
    assert stage["nodes"][2] == {
        "id": "3",
        "class_type": "SaveImage",
        "title": "Save",
        "output": "result",
    }
    assert {"from": "2", "from_slot": 0, "to": "3", "input": "images"} in stage["edges"]
