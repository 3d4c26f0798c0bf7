"""request.json: both forms, everything hostile, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.manifest import (
    BranchOf,
    FileInput,
    Manifest,
    StageInput,
    StageRequest,
    parse_api_request,
    parse_request,
    to_request,
)

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
OTHER = "7d1f0c3e-0000-4000-8000-0000000000e3"


def read(data: Any) -> Manifest:
    return parse_request(json.dumps(data).encode(), JOB)


def refused(data: Any) -> JobError:
    with pytest.raises(JobError) as caught:
        read(data)
    assert caught.value.error_code is ErrorCode.INVALID_MANIFEST
    caught.value.message.encode()  # fit to be sent
    return caught.value


def stage(**fields: Any) -> dict[str, Any]:
    return {"name": "soften", "workflow": "blur", **fields}


def one(**fields: Any) -> dict[str, Any]:
    return {"version": 1, "stages": [stage(**fields)]}


def test_long_form() -> None:
    manifest = read(
        {
            "version": 1,
            "job_id": JOB,
            "client_id": "browser-1234",
            "user_id": None,
            "created_at": "2026-03-01T12:00:00Z",
            "future": {"ignored": [1]},
            "stages": [
                stage(params={"radius": 3}, inputs={"image": {"file": "photo.png"}}, future=1),
                {
                    "name": "enlarge",
                    "workflow": "upscale",
                    "params": {"scale": 2.0},
                    "inputs": {"image": {"stage": "soften", "output": "result", "index": 0}},
                },
            ],
        }
    )
    assert manifest == Manifest(
        JOB,
        (
            StageRequest("soften", "blur", {"radius": 3}, {"image": FileInput("photo.png")}),
            StageRequest(
                "enlarge", "upscale", {"scale": 2.0}, {"image": StageInput("soften", "result", 0)}
            ),
        ),
        client_id="browser-1234",
    )
    assert manifest.files() == ("photo.png",)


def test_short_form_takes_the_workflows_name() -> None:
    manifest = read({"version": 1, "task": "blur", "inputs": {"image": "a/b.png", "mask": None}})
    assert manifest.stages == (StageRequest("blur", "blur", {}, {"image": FileInput("a/b.png")}),)


def test_files_are_named_once_and_in_order() -> None:
    manifest = read(
        {
            "version": 1,
            "stages": [
                {"name": "b", "workflow": "x", "inputs": {"one": "2.png", "two": "1.png"}},
                {"name": "a", "workflow": "x", "inputs": {"one": "2.png"}},
            ],
        }
    )
    assert manifest.files() == ("2.png", "1.png")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], None),
        ({}, "version"),
        ({"version": 2, "task": "blur"}, "version"),
        ({"version": True, "task": "blur"}, "version"),
        ({"version": "1", "task": "blur"}, "version"),
        ({"version": 1}, "stages"),
        ({"version": 1, "stages": []}, "stages"),
        ({"version": 1, "stages": [stage()] * 65}, "stages"),
        ({"version": 1, "stages": [None]}, "stages[0]"),
        ({"version": 1, "task": "blur", "stages": [stage()]}, "task"),
        ({"version": 1, "task": ["blur"]}, "task"),
        ({"version": 1, "task": "../blur"}, "task"),
        ({"version": 1, "task": "blur", "job_id": OTHER}, "job_id"),
        ({"version": 1, "task": "blur", "client_id": "short"}, "client_id"),
        ({"version": 1, "task": "blur", "client_id": {}}, "client_id"),
        ({"version": 1, "task": "blur", "user_id": "a/b"}, "user_id"),
        ({"version": 1, "task": "blur", "params": []}, "params"),
        ({"version": 1, "task": "blur", "params": {"radius": [3]}}, "params.radius"),
        (one(name="Soften"), "stages[0].name"),
        (one(name="a" * 64), "stages[0].name"),
        (one(workflow=None), "stages[0].workflow"),
        (one(params={"radius": {"x": 1}}), "stages[0].params.radius"),
        (one(params={"text": "x" * 20_001}), "stages[0].params.text"),
        (one(params={"text": "\ud800"}), "stages[0].params.text"),
        (one(params={"seed": 2**64}), "stages[0].params.seed"),
        (one(params={"a b": 1}), "stages[0].params"),
        (one(params={f"p{i}": 1 for i in range(65)}), "stages[0].params"),
        (one(inputs={"image": 3}), "stages[0].inputs.image"),
        (one(inputs={"image": {}}), "stages[0].inputs.image"),
        (one(inputs={"image": {"file": "a", "stage": "b"}}), "stages[0].inputs.image"),
        (one(inputs={"image": {"file": "../a.png"}}), "stages[0].inputs.image.file"),
        (one(inputs={"image": {"file": "/etc/passwd"}}), "stages[0].inputs.image.file"),
        (one(inputs={"image": {"file": "request.json"}}), "stages[0].inputs.image.file"),
        (one(inputs={"image": "instructions.txt"}), "stages[0].inputs.image"),
        (one(inputs={"image": {"stage": "x", "index": 1000}}), "stages[0].inputs.image.index"),
        (one(inputs={"image": {"stage": "x", "index": True}}), "stages[0].inputs.image.index"),
        (one(inputs={"image": {"stage": "x", "output": "a.b"}}), "stages[0].inputs.image.output"),
        (one(inputs={"image": {"stage": "soften"}}), "stages[0].inputs.image.stage"),
        (one(inputs={f"i{i}": "a.png" for i in range(33)}), "stages[0].inputs"),
        (one() | {"branch_of": {"job_id": JOB, "stage": "x"}}, "branch_of.job_id"),
        (one() | {"branch_of": {"job_id": OTHER}}, "branch_of.stage"),
        (one() | {"branch_of": "x"}, "branch_of"),
    ],
)
def test_refuses_and_names_the_field(data: Any, field: str | None) -> None:
    assert refused(data).field == field


def test_a_truncated_manifest_is_refused_with_its_place() -> None:
    body = json.dumps(one(), indent=1).encode()
    with pytest.raises(JobError, match=r"line \d+, column \d+"):
        parse_request(body[:-5], JOB)


def test_stage_names_are_unique() -> None:
    error = refused({"version": 1, "stages": [stage(), stage()]})
    assert error.field == "stages[1].name"


def test_an_unknown_stage_is_answered_with_the_nearest() -> None:
    error = refused(
        {
            "version": 1,
            "stages": [
                stage(),
                {"name": "next", "workflow": "x", "inputs": {"image": {"stage": "softn"}}},
            ],
        }
    )
    assert error.field == "stages[1].inputs.image.stage"
    assert "Did you mean 'soften'?" in error.message


def waits(name: str, other: str) -> dict[str, Any]:
    return {"name": name, "workflow": "x", "inputs": {"image": {"stage": other}}}


def test_a_circle_names_its_stages() -> None:
    error = refused(
        {"version": 1, "stages": [waits("a", "b"), waits("b", "c"), waits("c", "a"), stage()]}
    )
    assert error.field == "stages"
    assert all(name in error.message for name in ("a →", "b →", "c →"))
    assert "soften" not in error.message


def test_a_branch_may_name_the_parents_stage() -> None:
    manifest = read(
        one(inputs={"image": {"stage": "earlier"}})
        | {"branch_of": {"job_id": OTHER, "stage": "earlier"}}
    )
    assert manifest.branch_of == BranchOf(OTHER, "earlier")
    assert manifest.stages[0].inputs == {"image": StageInput("earlier")}


def test_a_stage_may_be_called_like_the_parents() -> None:
    branch = {"branch_of": {"job_id": OTHER, "stage": "soften"}}
    assert [stage.name for stage in read(one() | branch).stages] == ["soften"]
    again = read(one(inputs={"image": {"stage": "soften"}}) | branch)
    assert again.stages[0].inputs == {"image": StageInput("soften")}
    circle = {"version": 1, "stages": [waits("soften", "b"), waits("b", "soften")]}
    assert refused(circle | branch).field == "stages"


def test_api_requests_need_no_version_and_no_ids() -> None:
    manifest, document = parse_api_request(
        {"task": "blur", "params": {"radius": 5}, "client_id": "somebody-else"},
        JOB,
        "browser-1234",
        None,
        created_at="2026-03-01T12:00:00Z",
    )
    assert manifest.client_id == "browser-1234"
    assert document["version"] == 1
    assert document["created_at"] == "2026-03-01T12:00:00Z"
    assert parse_request(json.dumps(document).encode(), JOB) == manifest


def test_api_requests_are_bounded() -> None:
    stages = [
        stage(name=f"s{i}", params={f"p{k}": "x" * 20_000 for k in range(2)}) for i in range(30)
    ]
    with pytest.raises(JobError, match="larger than"):
        parse_api_request({"stages": stages}, JOB, None, None)


names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    stages: list[StageRequest] = []
    for name in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
        sources: Any = st.builds(FileInput, st.from_regex(r"[a-z]{3,8}\.png", fullmatch=True))
        if stages:
            earlier = st.sampled_from([item.name for item in stages])
            index = st.none() | st.integers(0, 999)
            sources |= st.builds(StageInput, earlier, st.none() | names, index)
        params = draw(st.dictionaries(names, scalars, max_size=3))
        inputs = draw(st.dictionaries(names, sources, max_size=3))
        stages.append(StageRequest(name, draw(names), params, inputs))
    return Manifest(JOB, tuple(stages), draw(st.none() | st.just("browser-1234")))


@given(manifests())
def test_writing_and_reading_gives_the_same(manifest: Manifest) -> None:
    assert read(to_request(manifest)) == manifest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["file", "stage", "index", "name", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["version", "task", "stages", "params", "inputs", "branch_of", "job_id"]),
        json_values | st.just(1) | st.just("blur") | st.just([{"workflow": "blur"}]),
    )
)
def test_nothing_crashes_it(data: Any) -> None:
    for parse in (lambda: read(data), lambda: parse_api_request(data, JOB, None, None)):
        try:
            parse()
        except JobError as exc:
            exc.message.encode()
