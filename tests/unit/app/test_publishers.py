"""Which channel a job has before its row says whose it is, and what is opened for which setting."""

from __future__ import annotations

import json

import pytest

from jigdesk.app.publishers import open_publisher, private_by_index, publisher_check
from jigdesk.domain import keys
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import SetupError
from jigdesk.domain.manifest import MAX_REQUEST_BYTES
from jigdesk.settings import PublisherSettings
from tests.fakes.memory_store import MemoryStore

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(utc_now)


def claim(store: MemoryStore, user_id: str, *, padding: int = 0) -> None:
    request = {"version": 1, "task": "blur", "user_id": user_id, "x": "x" * padding}
    store.put(keys.request_key(JOB), json.dumps(request).encode())


def index(store: MemoryStore, owner_id: str) -> None:
    store.put(keys.index_key(owner_id, JOB), b'{"version": 1}')


async def test_a_claim_counts_when_the_index_has_it(store: MemoryStore) -> None:
    private = private_by_index(store)
    assert not await private(JOB)
    claim(store, "u1")
    assert not await private(JOB)  # anybody can write that
    index(store, "user:u1")
    assert await private(JOB)


async def test_before_the_manifest_the_jobs_apis_pointer_says_it(store: MemoryStore) -> None:
    index(store, "user:u1")
    pointer = {"version": 1, "job_id": JOB, "owner_id": "user:u1"}
    store.put(keys.index_pointer_key(JOB), json.dumps(pointer).encode())
    assert await private_by_index(store)(JOB)


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff", b"[" * 100_000])
async def test_a_manifest_that_cannot_be_read_claims_nothing(
    store: MemoryStore, body: bytes
) -> None:
    index(store, "user:u1")
    store.put(keys.request_key(JOB), body)
    assert not await private_by_index(store)(JOB)


async def test_a_huge_manifest_is_not_read(store: MemoryStore) -> None:
    index(store, "user:u1")
    claim(store, "u1", padding=MAX_REQUEST_BYTES)
    assert not await private_by_index(store)(JOB)


async def test_with_kind_local_there_is_nothing_to_open_and_nothing_to_fail() -> None:
    async with open_publisher(PublisherSettings()) as publisher:
        assert publisher is None
        check = await publisher_check(publisher, None)()
    assert (check.level, check.name) == ("ok", "publisher")


async def test_settings_that_cannot_work_are_named() -> None:
    settings = PublisherSettings(kind="pusher", app_id="1", key="k", cluster="EU!")
    with pytest.raises(SetupError) as refused:
        async with open_publisher(settings):
            pass
    assert refused.value.field == "publisher.secret"
