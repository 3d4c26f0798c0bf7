from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jigdesk.domain import keys
from jigdesk.domain.errors import StoreUnavailable
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.limits import Limits
from jigdesk.domain.manifest import parse_request
from tests.fakes.api_world import BLUR, PHOTO, ApiWorld, api_world, token_for
from tests.fakes.lambda_parts import CLIENT, JOB


@pytest.fixture
def world() -> Iterator[ApiWorld]:
    with api_world() as made:
        yield made


def test_a_new_job_is_written_down_and_its_uploads_are_signed(world: ApiWorld) -> None:
    digest = "ab" * 32
    answer = world.create(files=[{**PHOTO, "sha256": digest}])
    assert answer.status == 201
    job_id = answer.data["job_id"]
    assert is_job_id(job_id)
    assert answer.data["channel"] == f"job-{job_id}"
    assert answer.data["uploads"] == [
        {
            "name": "photo.png",
            "method": "PUT",
            "url": f"https://store.invalid/inputs/{job_id}/photo.png?put=3&sha256={digest}",
            "headers": {"Content-Type": "image/png"},
            "expires_at": "2026-03-01T13:00:00.000Z",
        }
    ]
    manifest = answer.data["manifest_upload"]
    assert manifest["url"].startswith(f"https://store.invalid/inputs/{job_id}/request.json?")
    assert manifest["headers"] == {"Content-Type": "application/json"}

    assert world.store.all_keys() == [keys.index_key(f"client:{CLIENT}", job_id)]
    record = json.loads(world.store.get(world.store.all_keys()[0], 10_000)[0])
    assert record["version"] == 1
    assert record["owner_id"] == f"client:{CLIENT}"
    assert (record["title"], record["workflows"], record["size_bytes"]) == ("Blur", ["blur"], 3)
    assert record["files"] == [{**PHOTO, "sha256": digest}]


def test_a_file_that_no_stage_takes_may_come_along(world: ApiWorld) -> None:
    answer = world.create(files=[PHOTO, {**PHOTO, "name": "mask.png"}])
    assert answer.status == 201
    assert [upload["name"] for upload in answer.data["uploads"]] == ["photo.png", "mask.png"]


def test_the_request_that_it_hands_back_reads_as_what_was_asked(world: ApiWorld) -> None:
    data = world.create().data
    manifest = parse_request(json.dumps(data["request"]).encode(), data["job_id"])
    assert manifest.client_id == CLIENT
    assert manifest.files() == ("photo.png",)
    assert manifest.stages[0].params == {"radius": 3}


def test_a_signed_in_job_is_the_users_whatever_client_id_it_brings(world: ApiWorld) -> None:
    answer = world.create(token=token_for("u1"))
    job_id = answer.data["job_id"]
    assert answer.data["channel"] == f"private-job-{job_id}"
    assert answer.data["request"]["user_id"] == "u1"
    assert world.store.all_keys() == [
        keys.index_key("user:u1", job_id),
        keys.index_pointer_key(job_id),
    ]
    assert world.create(client_id=None, token=token_for("u1")).status == 201


_OK_FILE = {**PHOTO}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"client_id": "short"}, (400, "bad_client_id", "client_id")),
        ({"client_id": None}, (400, "bad_client_id", "client_id")),
        ({"request": None}, (422, "invalid_manifest", "request")),
        ({"request": {**BLUR, "task": "blurr"}}, (422, "unknown_workflow", "request.task")),
        (
            {"request": {**BLUR, "params": {"radius": 99}}},
            (422, "invalid_parameter", "request.params.radius"),
        ),
        (
            {"request": {"stages": [{"workflow": "blur", "params": {"radios": 1}}]}, "files": []},
            (422, "invalid_parameter", "request.stages[0].params.radios"),
        ),
        (
            {"request": {"stages": [{"workflow": "nope"}]}, "files": []},
            (422, "unknown_workflow", "request.stages[0].workflow"),
        ),
        (
            {"request": {**BLUR, "inputs": {"picture": "photo.png"}}},
            (422, "invalid_manifest", "request.inputs.picture"),
        ),
        (
            {"files": [{**PHOTO, "size_bytes": 1001}]},
            (413, "input_too_large", "request.inputs.image"),
        ),
        ({"files": []}, (422, "bad_file", "files")),
        ({"files": None}, (422, "bad_file", "files")),
        ({"files": {}}, (422, "bad_file", "files")),
        ({"files": [7]}, (422, "bad_file", "files[0]")),
        (
            {"request": {**BLUR, "task": "blurr"}, "files": []},
            (422, "unknown_workflow", "request.task"),
        ),
        ({"files": [PHOTO, {**PHOTO, "name": "PHOTO.PNG"}]}, (422, "bad_file", "files[1].name")),
        (
            {"files": [{**PHOTO, "name": "a"}, {**PHOTO, "name": "a/b"}]},
            (422, "bad_file", "files[0].name"),
        ),
        (
            {"files": [{**PHOTO, "name": "\u00e9"}, {**PHOTO, "name": "e\u0301"}]},
            (422, "bad_file", "files[1].name"),
        ),
        ({"files": [{**PHOTO, "name": "../x"}]}, (422, "bad_file", "files[0].name")),
        ({"files": [{**PHOTO, "name": "request.json"}]}, (422, "bad_file", "files[0].name")),
        ({"files": [{**PHOTO, "name": "Request.JSON"}]}, (422, "bad_file", "files[0].name")),
        ({"files": [{**PHOTO, "name": "con.png"}]}, (422, "bad_file", "files[0].name")),
        ({"files": [{**PHOTO, "size_bytes": -1}]}, (422, "bad_file", "files[0].size_bytes")),
        ({"files": [{**PHOTO, "size_bytes": True}]}, (422, "bad_file", "files[0].size_bytes")),
        ({"files": [{**PHOTO, "size_bytes": 3.0}]}, (422, "bad_file", "files[0].size_bytes")),
        ({"files": [{**PHOTO, "size_bytes": 2**60}]}, (422, "bad_file", "files[0].size_bytes")),
        (
            {"files": [{**PHOTO, "content_type": "image/png; x=1"}]},
            (422, "bad_file", "files[0].content_type"),
        ),
        (
            {"files": [{**PHOTO, "content_type": "image/png\r\nx: y"}]},
            (422, "bad_file", "files[0].content_type"),
        ),
        ({"files": [{**PHOTO, "content_type": "png"}]}, (422, "bad_file", "files[0].content_type")),
        ({"files": [{**PHOTO, "sha256": "AB" * 32}]}, (422, "bad_file", "files[0].sha256")),
        ({"files": [PHOTO] * 300}, (413, "too_many_files", "files")),
        (
            {"request": {**BLUR, "branch_of": {"job_id": JOB, "stage": "soften"}}},
            (404, "not_found", "request.branch_of.job_id"),
        ),
    ],
)
def test_a_bad_request_names_the_field_and_leaves_nothing(
    world: ApiWorld, change: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    answer = world.create(**change)
    assert answer.error == expected
    assert world.store.all_keys() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000, b'{"a":1,"a":2}'])
def test_what_is_no_json_object_is_a_400(world: ApiWorld, body: bytes) -> None:
    assert world.ask("POST", "/api/jobs", body).error[:2] == (400, "bad_json")


def test_a_body_without_a_request_and_one_that_is_too_large(world: ApiWorld) -> None:
    assert world.ask("POST", "/api/jobs", {"client_id": CLIENT}).error == (
        400,
        "bad_request",
        "request",
    )
    assert world.ask("POST", "/api/jobs", b" " * (2 * 1024 * 1024 + 1)).status == 413


def test_a_branch_of_ones_own_job_is_allowed(world: ApiWorld) -> None:
    parent = world.create().data["job_id"]
    branch = {"branch_of": {"job_id": parent, "stage": "soften"}}
    request = {
        "stages": [{"workflow": "invert", "inputs": {"image": {"stage": "soften"}}}],
        **branch,
    }
    assert world.create(request=request, files=[]).status == 201
    assert world.create(request=request, files=[], client_id="client-9999").status == 404
    assert world.create(request=request, files=[], token=token_for("u1")).status == 404


def test_without_any_workflow_the_caller_is_asked_to_come_back(world: ApiWorld) -> None:
    world.workflows = []
    answer = world.create()
    assert answer.error[:2] == (503, "no_workflows")
    assert answer.headers["retry-after"] == "30"


def test_the_limit_of_the_settings_holds_for_a_file() -> None:
    with api_world(Limits(file_bytes=2)) as world:
        assert world.create().error == (413, "file_too_large", "files[0].size_bytes")


def test_a_store_that_is_away_is_a_503_that_tells_no_keys(world: ApiWorld) -> None:
    def away(operation: str, key: str) -> None:
        raise StoreUnavailable(f"secret-{key}")

    world.store.before = away
    answer = world.create()
    assert answer.error[:2] == (503, "store_unavailable")
    assert "secret" not in json.dumps(answer.data)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))  # one world serves all
@given(change=st.fixed_dictionaries({}, optional={"request": _ANY, "files": _ANY}))
def test_nothing_that_a_stranger_sends_is_a_fault_of_ours(
    world: ApiWorld, change: dict[str, Any]
) -> None:
    answer = world.create(**change)
    assert answer.status in (201, 400, 413, 422)
