"""The jobs API and the upload logic over the desk's own local store, with real PUTs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jigdesk.adapters.store.local import LocalStore
from jigdesk.domain.limits import Limits, Quota
from lambdas.common.delivery import Desks
from lambdas.common.identity import SupabaseIdentity
from lambdas.common.sender import HttpWebhookSender
from lambdas.jobs_api.http import ApiRequest, Response
from lambdas.jobs_api.logic import JobsApi
from lambdas.jobs_api.ports import ApiSettings
from lambdas.jobs_api.watching import StoreWatching
from lambdas.s3_to_comfyui.logic import S3ToComfyUI
from tests.fakes.api_world import BLUR, PHOTO, WORKFLOWS, KeptCommands
from tests.fakes.lambda_parts import CLIENT, SECRET, KeptMessages, s3_event
from tests.fakes.webhook_receiver import webhook_receiver
from tests.integration.store.wire import send, serve_local_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with serve_local_store(tmp_path) as made:
        yield made


@pytest.fixture
def api(store: LocalStore) -> Iterator[JobsApi]:
    made = JobsApi(
        store,
        workflows=lambda: WORKFLOWS,
        commander=KeptCommands(),
        identity=SupabaseIdentity(),
        settings=ApiSettings(b"k" * 32, limits=Limits(owner=Quota(open_jobs=1, jobs_per_day=5))),
        looked_at=StoreWatching(store),
    )
    yield made
    made.close()


def _create(api: JobsApi) -> Response:
    body = json.dumps({"client_id": CLIENT, "request": BLUR, "files": [PHOTO]}).encode()
    return api.handle(ApiRequest("POST", "/api/jobs", body=body, source="127.0.0.1"))


def test_a_job_goes_from_the_form_to_the_desk(api: JobsApi, store: LocalStore) -> None:
    created = _create(api)
    assert created.status == 201, created.body
    made = json.loads(created.body)
    job_id, upload, manifest = made["job_id"], made["uploads"][0], made["manifest_upload"]
    with webhook_receiver(SECRET) as desk:
        desks = Desks(store, HttpWebhookSender(SECRET), fallback_url=desk.url)
        logic = S3ToComfyUI(store, KeptMessages(), desks)
        assert send("PUT", upload["url"], b"png", upload["headers"]).status in (200, 201, 204)
        logic.handle(s3_event(f"inputs/{job_id}/photo.png"))
        request = json.dumps(made["request"]).encode()
        assert send("PUT", manifest["url"], request, manifest["headers"]).status in (200, 201, 204)
        logic.handle(s3_event(f"inputs/{job_id}/request.json"))
        (webhook,) = desk.received
        assert sorted(webhook.body["keys"]) == [
            f"inputs/{job_id}/photo.png",
            f"inputs/{job_id}/request.json",
        ]
    query = {"client_id": CLIENT}
    one = api.handle(ApiRequest("GET", f"/api/jobs/{job_id}", query))
    assert json.loads(one.body)["status"] == "accepted"
    listed = api.handle(ApiRequest("GET", "/api/jobs", query))
    assert [item["job_id"] for item in json.loads(listed.body)["items"]] == [job_id]


def test_a_manifest_over_its_limit_is_refused_by_the_store(api: JobsApi) -> None:
    manifest = json.loads(_create(api).body)["manifest_upload"]
    answer = send("PUT", manifest["url"], b" " * (1024 * 1024 + 1), manifest["headers"])
    assert answer.status in (403, 413)


def test_limits_hold_here_too(api: JobsApi) -> None:
    assert _create(api).status == 201
    assert _create(api).status == 429
