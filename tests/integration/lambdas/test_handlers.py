"""The handlers as AWS calls them, over a real S3 server and a desk that checks signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.errors import ObjectNotFound, PreconditionFailed, StoreError, StoreUnavailable
from jigdesk.domain.host import HostRegistration
from lambdas.common.records import RecordsFailed
from lambdas.common.s3_store import S3Store, open_client
from lambdas.jobs_api import handler as jobs_api
from lambdas.notify_webhook_on_s3_upload import handler as notify
from lambdas.s3_to_comfyui import handler as s3_to_comfyui
from tests.fakes.api_world import BLUR, JWT_SECRET, PHOTO, WORKFLOWS, token_for
from tests.fakes.lambda_parts import CLIENT, JOB, SECRET, s3_event
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.integration.store.wire import send
from tests.realparts.seaweedfs import Seaweed

pytestmark = pytest.mark.realparts


@pytest.fixture
def desk() -> Iterator[WebhookReceiver]:
    with webhook_receiver(SECRET) as receiver:
        yield receiver


@pytest.fixture
def store(
    seaweed: Seaweed, desk: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Store]:
    """The bucket with a registered desk, and the environment that the handlers read."""
    for name, value in {
        "JIGDESK_BUCKET": seaweed.bucket,
        "JIGDESK_WEBHOOK_SECRET": SECRET,
        "JIGDESK_SUPABASE_JWT_SECRET": JWT_SECRET,
        "AWS_ENDPOINT_URL_S3": seaweed.endpoint_url,
        "AWS_REGION": seaweed.region,
        "AWS_ACCESS_KEY_ID": seaweed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_access_key,
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("JIGDESK_WEBHOOK_URL", "JIGDESK_PUSHER_KEY", "JIGDESK_SUPABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    client = open_client(region=seaweed.region, endpoint_url=seaweed.endpoint_url)
    made = S3Store(client, seaweed.bucket)
    later = datetime.now(UTC) + timedelta(minutes=5)
    host = HostRegistration("desk-1", desk.url, True, "running", 0, later)
    made.put(keys.host_key("desk-1"), json.dumps(host.to_dict()).encode())
    offer = {"version": 1, "workflows": WORKFLOWS}
    made.put(keys.host_workflows_key("desk-1"), json.dumps(offer).encode())
    yield made
    for part in (s3_to_comfyui, notify, jobs_api):
        part._logic.cache_clear()
    client.close()


def ask(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    """A Function URL's event (payload 2.0), its body in base64 as it may come."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
        },
        "body": base64.b64encode(json.dumps(body).encode()).decode() if body else None,
        "isBase64Encoded": body is not None,
    }
    answer = jobs_api.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"] or "null")


def test_a_job_from_the_browser_to_its_result(store: S3Store, desk: WebhookReceiver) -> None:
    status, made = ask(
        "POST", "/api/jobs", {"client_id": CLIENT, "request": BLUR, "files": [PHOTO]}
    )
    assert status == 201, made
    job_id, upload, manifest = made["job_id"], made["uploads"][0], made["manifest_upload"]
    query = f"client_id={CLIENT}"
    assert ask("GET", f"/api/jobs/{job_id}", query=query)[1]["status"] is None

    assert send("PUT", upload["url"], b"four", upload["headers"]).status == 403  # not its length
    wrong_type = {**upload["headers"], "Content-Type": "text/html"}
    assert send("PUT", upload["url"], b"png", wrong_type).status == 403
    assert send("PUT", upload["url"], b"png", upload["headers"]).status == 200
    assert s3_to_comfyui.handler(s3_event(f"inputs/{job_id}/photo.png"), None) == {"jobs": 1}
    assert desk.received == []

    request = json.dumps(made["request"]).encode()
    assert send("PUT", manifest["url"], request, manifest["headers"]).status == 200
    s3_to_comfyui.handler(s3_event(f"inputs/{job_id}/request.json"), None)
    assert [one.body["type"] for one in desk.received] == ["JobCreated"]
    assert ask("GET", f"/api/jobs/{job_id}", query=query)[1]["status"] == "accepted"

    result = keys.output_key(job_id, "blur", "a b.png")
    store.put(result, b"result", "image/png")
    notify.handler(s3_event(result), None)
    assert desk.received[-1].body["new_files"] == [result]
    (file,) = ask("GET", f"/api/jobs/{job_id}", query=query)[1]["files"]
    assert send("GET", file["url"]).body == b"result"

    desk.answer = lambda _: (202, {"status": "cancelled"})
    status, cancelled = ask("POST", f"/api/jobs/{job_id}/cancel", query=query)
    assert (status, cancelled) == (202, {"job_id": job_id, "status": "cancelled"})

    items = ask("GET", "/api/jobs", query=query)[1]["items"]
    assert job_id in [item["job_id"] for item in items]
    assert ask("GET", f"/api/jobs/{job_id}", query="client_id=client-9999")[0] == 404


def test_a_signed_in_owner_and_a_checksum(store: S3Store, desk: WebhookReceiver) -> None:
    headers = {"Authorization": f"Bearer {token_for('u1')}"}
    digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"  # of b"password"
    photo = {**PHOTO, "size_bytes": 8, "sha256": digest}
    status, made = ask("POST", "/api/jobs", {"request": BLUR, "files": [photo]}, headers=headers)
    assert status == 201, made
    upload = made["uploads"][0]
    assert send("PUT", upload["url"], b"passwort", upload["headers"]).status in (400, 403)
    assert send("PUT", upload["url"], b"password", upload["headers"]).status == 200
    status, data = ask("GET", f"/api/jobs/{made['job_id']}", headers=headers)
    assert (status, data["channel"]) == (200, f"private-job-{made['job_id']}")
    assert ask("GET", "/api/jobs", headers={"authorization": "Bearer x.y.z"})[0] == 401


def test_one_failed_record_fails_the_invocation(store: S3Store, desk: WebhookReceiver) -> None:
    store.put(keys.request_key(JOB), json.dumps({"version": 1, "task": "blur"}).encode())
    desk.answer = lambda _: (503, {})
    with pytest.raises(RecordsFailed, match="503"):
        s3_to_comfyui.handler(s3_event(keys.request_key(JOB)), None)


def test_a_fault_is_a_500_in_the_shape_of_every_error(store: S3Store) -> None:
    answer = jobs_api.handler({"requestContext": {}}, None)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["error"]["code"] == "internal"


def test_a_preflight_and_a_query_given_twice(store: S3Store) -> None:
    event = {"rawPath": "/api/jobs", "requestContext": {"http": {"method": "OPTIONS"}}}
    assert jobs_api.handler(event, None)["statusCode"] == 204
    assert ask("GET", "/api/jobs", query=f"client_id={CLIENT}&client_id=x")[0] == 400


def test_without_its_secret_the_function_says_so_in_the_log_only(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("JIGDESK_WEBHOOK_SECRET")
    status, data = ask("GET", "/api/workflows")
    assert (status, data["error"]["code"]) == (500, "internal")
    assert "JIGDESK_WEBHOOK_SECRET" in caplog.text
    assert "JIGDESK" not in json.dumps(data)


class TestStore:
    def test_conditions_hold(self, store: S3Store) -> None:
        key = keys.job_key(JOB, "conditions.json")
        store.delete([key])
        first = store.put(key, b"1", create_only=True)
        with pytest.raises(PreconditionFailed):
            store.put(key, b"2", create_only=True)
        second = store.put(key, b"2", if_match=first.etag)
        with pytest.raises(PreconditionFailed):
            store.put(key, b"3", if_match=first.etag)
        body, info = store.get(key, 10)
        assert (body, info.etag, info.content_type) == (b"2", second.etag, "application/json")
        store.delete([key, key + "-never-was"])
        assert store.head(key) is None
        with pytest.raises(PreconditionFailed):
            store.put(key, b"3", if_match=second.etag)
        with pytest.raises(ObjectNotFound):
            store.get(key, 10)

    def test_an_object_over_the_limit_is_not_read(self, store: S3Store) -> None:
        key = keys.job_key(JOB, "large")
        store.put(key, b"12345")
        with pytest.raises(StoreError, match="over 4 bytes"):
            store.get(key, 4)

    @pytest.mark.parametrize("limit", [1, 2, 1000])
    def test_listings_page_in_order_and_lose_nothing(self, store: S3Store, limit: int) -> None:
        prefix = f"jobs/{JOB}/listing/"
        names = [f"{prefix}{name}" for name in ("a/1", "a/2", "b", "c/1", "d")]
        for name in names:
            store.put(name, b"x")

        def listed(delimiter: str | None) -> list[str]:
            found: list[str] = []
            after: str | None = None
            while True:
                page = store.page(prefix, after=after, limit=limit, delimiter=delimiter)
                found += sorted([info.key for info in page.objects] + list(page.prefixes))
                after = page.next_after
                if after is None:
                    return found

        assert listed(None) == names
        assert listed("/") == [f"{prefix}{name}" for name in ("a/", "b", "c/", "d")]
        assert [info.key for info in store.page(prefix, after=names[2]).objects] == names[3:]

    @pytest.mark.parametrize(
        "call",
        [
            lambda store: store.head("jobs/x"),
            lambda store: store.get("jobs/x", 1),
            lambda store: store.put("jobs/x", b""),
            lambda store: store.page("jobs/"),
        ],
    )
    def test_an_unreachable_store_may_be_asked_again(
        self, store: S3Store, call: Callable[[S3Store], object]
    ) -> None:
        client = open_client(region="us-east-1", endpoint_url="http://127.0.0.1:1")
        try:
            with pytest.raises(StoreUnavailable):
                call(S3Store(client, "jig-react"))
        finally:
            client.close()

    def test_a_refusal_is_for_good(self, store: S3Store, seaweed: Seaweed) -> None:
        client = open_client(region=seaweed.region, endpoint_url=seaweed.endpoint_url)
        try:
            with pytest.raises(StoreError):
                S3Store(client, "no-such-bucket").page("jobs/")
        finally:
            client.close()


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_presigned_urls_name_the_regional_endpoint(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    client = open_client(region=region, endpoint_url=None)
    try:
        store = S3Store(client, "jig-react")
        host = f"https://jig-react.s3.{region}.amazonaws.com/"
        assert store.presign_get("outputs/a", 60).startswith(host)
        url = store.presign_put("inputs/a", 3, "image/png", 60).url
        assert url.startswith(host)
        assert "content-length%3Bcontent-type" in url
        assert "content-length" not in store.presign_put("inputs/a", None, "image/png", 60).url
    finally:
        client.close()
