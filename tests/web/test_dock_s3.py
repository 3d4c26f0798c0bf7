"""The dock with a store of another origin: a real S3 server takes uploads and gives pictures.

Once the desk answers the page itself; once a Lambda does, so that the desk hears nothing of it.
"""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from standardwebhooks import Webhook

from lambdas.jobs_api import handler as jobs_api
from tests.harness.pictures import photo
from tests.harness.serving import Serving, serving
from tests.harness.waiting import PATIENCE_S
from tests.realparts.seaweedfs import Seaweed, find_weed, run_seaweed
from tests.web.conftest import Visit

pytestmark = pytest.mark.realparts


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed")
    with run_seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="module")
def desk(seaweed: Seaweed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    env = {
        "JIGDESK_STORE__KIND": "s3",
        "JIGDESK_STORE__BUCKET": seaweed.bucket,
        "JIGDESK_STORE__REGION": seaweed.region,
        "JIGDESK_STORE__ENDPOINT_URL": seaweed.endpoint_url,
        "JIGDESK_STORE__ACCESS_KEY_ID": seaweed.access_key_id,
        "JIGDESK_STORE__SECRET_ACCESS_KEY": seaweed.secret_access_key,
        "JIGDESK_DEMO_STEP_S": "1",
    }
    with serving(tmp_path_factory.mktemp("dock-s3") / "home", env) as running:
        yield running


def tell(desk: Serving, route: str, document: dict[str, object]) -> int:
    """What the Lambda sends when the bucket says that there are new objects."""
    body = json.dumps({"version": 1, "bucket": "jig-react", **document})
    now = datetime.fromtimestamp(int(time.time()), UTC)
    name = f"msg_{uuid.uuid4()}"
    request = urllib.request.Request(  # noqa: S310 - a loopback address
        f"{desk.public_url}/webhooks/{route}",
        data=body.encode(),
        headers={
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(desk.secret).sign(name, now, body),
            "content-type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return int(answer.status)


def wait_for(seaweed: Seaweed, key: str) -> None:
    """A bucket tells of an object when it is there, and not before."""
    deadline_s = time.monotonic() + PATIENCE_S
    client: Any = seaweed.client()
    try:
        while "Contents" not in client.list_objects_v2(Bucket=seaweed.bucket, Prefix=key):
            assert time.monotonic() < deadline_s, key
            time.sleep(0.05)
    finally:
        client.close()


@pytest.fixture
def far_url(seaweed: Seaweed, desk: Serving, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web site: the dock's files, and the Lambda's handler behind `/api`; no event stream."""
    for name, value in {
        "JIGDESK_BUCKET": seaweed.bucket,
        "JIGDESK_WEBHOOK_SECRET": desk.secret,
        "AWS_ENDPOINT_URL_S3": seaweed.endpoint_url,
        "AWS_REGION": seaweed.region,
        "AWS_ACCESS_KEY_ID": seaweed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_access_key,
    }.items():
        monkeypatch.setenv(name, value)

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path.startswith("/dock"):
                with urllib.request.urlopen(f"{desk.local_url}{path}", timeout=PATIENCE_S) as file:  # noqa: S310
                    self._answer(200, file.headers["Content-Type"], file.read())
            elif path.startswith("/api/"):
                self._lambda("GET", path, query, None)
            else:
                self._answer(404, "text/plain", b"")

        def do_POST(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._lambda("POST", path, query, body.decode())

        def _lambda(self, method: str, path: str, query: str, body: str | None) -> None:
            http = {"method": method, "path": path, "sourceIp": "203.0.113.7"}
            event = {
                "rawPath": path,
                "rawQueryString": query,
                "headers": dict(self.headers),
                "requestContext": {"stage": "$default", "http": http},
                "body": body,
            }
            answer = jobs_api.handler(event, None)
            kind = answer["headers"].get("content-type", "text/plain")
            self._answer(answer["statusCode"], kind, answer["body"].encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The test says what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    jobs_api._logic.cache_clear()


def test_a_preview_by_way_of_a_lambda(
    visitor: Callable[..., Visit], far_url: str, desk: Serving, seaweed: Seaweed
) -> None:
    visit = visitor(far_url)
    visit.send("refine", ("photo.png", photo(160, 120)), steps=100)
    visit.card("sent")
    job_id = visit.page.locator("#cards > li").get_attribute("data-job-id")
    happened = {"job_id": job_id, "event_time": "2026-03-01T12:00:00.000Z"}
    keys = [f"inputs/{job_id}/photo.png", f"inputs/{job_id}/request.json"]
    assert tell(desk, "job-created", {"type": "JobCreated", "keys": keys, **happened}) == 202
    picture = "document.querySelector('#cards .thumb img')"
    at_store = f"{seaweed.endpoint_url}/{seaweed.bucket}/jobs/{job_id}/preview.jpg"
    visit.until(f"(url) => {picture}.src.startsWith(url)", at_store)
    visit.until(f"() => {picture}.naturalWidth > 0")
    assert tell(desk, "job-command", {"type": "JobCommand", "command": "cancel", **happened}) == 202


def test_uploads_and_results_of_another_origin(
    visitor: Callable[..., Visit], desk: Serving, seaweed: Seaweed
) -> None:
    visit = visitor()
    page = visit.page
    puts: list[str] = []
    page.on("request", lambda sent: puts.append(sent.url) if sent.method == "PUT" else None)
    visit.send("blur", ("photo.png", photo(160, 120)))
    visit.card("sent")
    assert len(puts) == 2
    assert all(url.startswith(seaweed.endpoint_url) for url in puts)
    assert "request.json" in puts[1]
    job_id = page.locator("#cards > li").get_attribute("data-job-id")
    happened = {"job_id": job_id, "event_time": "2026-03-01T12:00:00.000Z"}
    keys = [f"inputs/{job_id}/photo.png", f"inputs/{job_id}/request.json"]
    assert tell(desk, "job-created", {"type": "JobCreated", "keys": keys, **happened}) == 202
    visit.card("confirming")
    marker = f"outputs/{job_id}/output.json"
    wait_for(seaweed, marker)
    tell(desk, "job-output", {"type": "JobOutput", "new_files": [marker], **happened})
    visit.card("completed")
    visit.until("() => document.querySelector('.single .tile img')?.naturalWidth === 160")
    link = page.get_attribute(".actions a", "href") or ""
    assert link.startswith(seaweed.endpoint_url)
    # another origin's file opens beside the page, and never in its place
    assert page.get_attribute(".actions a", "target") == "_blank"
    assert page.get_attribute(".actions a", "rel") == "noopener noreferrer"
    assert visit.complaints == []
