"""The dock with a store of another origin: a real S3 server takes uploads and gives pictures."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.harness.pictures import photo
from tests.harness.serving import Serving, serving
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
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return int(answer.status)


def wait_for(seaweed: Seaweed, key: str) -> None:
    """A bucket tells of an object when it is there, and not before."""
    deadline_s = time.monotonic() + 20
    client: Any = seaweed.client()
    try:
        while "Contents" not in client.list_objects_v2(Bucket=seaweed.bucket, Prefix=key):
            assert time.monotonic() < deadline_s, key
            time.sleep(0.05)
    finally:
        client.close()


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
