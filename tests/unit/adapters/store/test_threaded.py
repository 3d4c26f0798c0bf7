"""The store for coroutines: bounded, cancellable, and quick to close."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner
from jigdesk.adapters.store.threaded import ThreadedStore
from jigdesk.domain.errors import ErrorCode, JobError, ObjectNotFound, StoreUnavailable
from jigdesk.ports import FileDigest, ObjectInfo, ObjectStore
from tests.harness.waiting import PATIENCE_S

KEY = "outputs/7d1f0c3e-0000-4000-8000-0000000000e2/blur/a.png"


class GatedStore(LocalStore):
    """A real store whose downloads and heads wait at a gate, to catch them under way."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "jig-react", UrlSigner(bytes(32)), lambda: "http://127.0.0.1:1")
        self.gate = threading.Event()
        self.inside = threading.Semaphore(0)
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def _wait_at_gate(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.inside.release()
        assert self.gate.wait(PATIENCE_S)
        with self._lock:
            self._now -= 1

    def head(self, key: str) -> ObjectInfo | None:
        self._wait_at_gate()
        return super().head(key)

    def download(
        self, key: str, path: Path, max_bytes: int, *, stop: threading.Event | None = None
    ) -> FileDigest:
        digest = super().download(key, path, max_bytes)  # deaf to `stop`: the worst store
        self._wait_at_gate()
        return digest


@pytest.fixture
def gated(tmp_path: Path) -> GatedStore:
    store = GatedStore(tmp_path / "objects")
    store.put(KEY, b"12345", "image/png")
    return store


@pytest.fixture
async def store(gated: GatedStore) -> AsyncIterator[ThreadedStore]:
    async with ThreadedStore(gated, 4) as threaded:
        yield threaded
        gated.gate.set()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def entered(gated: GatedStore) -> None:
    assert await asyncio.to_thread(gated.inside.acquire, timeout=PATIENCE_S)


async def test_every_call_reaches_the_store_below(
    store: ThreadedStore, gated: GatedStore, tmp_path: Path
) -> None:
    gated.gate.set()
    port: ObjectStore = store
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    written = await port.put("jobs/a.json", b"{}")
    assert await port.head("jobs/a.json") == written
    assert (await port.get("jobs/a.json", 10))[0] == b"{}"
    await port.put("jobs/a.json", b"[]", if_match=written.etag)
    await port.upload(source, "jobs/b.txt", "text/plain")
    page = await port.page("jobs/", limit=1)
    assert ([each.key for each in page.objects], page.next_after) == (
        ["jobs/a.json"],
        "jobs/a.json",
    )
    digest = await port.download("jobs/b.txt", tmp_path / "target", 3)
    assert (digest.size_bytes, (tmp_path / "target").read_bytes()) == (3, b"abc")
    await port.delete(["jobs/a.json", "jobs/b.txt"])
    assert await port.head("jobs/a.json") is None
    assert "/files/jobs/b.txt?" in await port.presign_get("jobs/b.txt", 60)
    assert (await port.presign_put("jobs/b.txt", 3, "text/plain", 60)).method == "PUT"
    assert (port.bucket, port.blocking) == ("jig-react", gated)


async def test_failures_come_through_and_leave_nothing(
    store: ThreadedStore, gated: GatedStore, tmp_path: Path
) -> None:
    gated.gate.set()
    with pytest.raises(ObjectNotFound):
        await store.download("jobs/none", tmp_path / "target", 10)
    with pytest.raises(JobError, match=r"'a\.png'") as caught:
        await store.download(KEY, tmp_path / "target", 4)
    assert caught.value.error_code is ErrorCode.INPUT_TOO_LARGE
    assert names_in(tmp_path) == ["objects"]


async def test_a_cancelled_download_never_appears(
    store: ThreadedStore, gated: GatedStore, tmp_path: Path
) -> None:
    task = asyncio.create_task(store.download(KEY, tmp_path / "target", 10))
    await entered(gated)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gated.gate.set()
    await store.close()
    assert names_in(tmp_path) == ["objects"]


async def test_no_more_threads_than_allowed(store: ThreadedStore, gated: GatedStore) -> None:
    calls = [asyncio.create_task(store.head(KEY)) for _ in range(20)]
    await entered(gated)
    await entered(gated)
    gated.gate.set()
    assert {info.size_bytes for info in await asyncio.gather(*calls) if info} == {5}
    assert gated.most == 2


async def test_transfers_do_not_hold_up_small_calls(
    store: ThreadedStore, gated: GatedStore, tmp_path: Path
) -> None:
    downloads = [
        asyncio.create_task(store.download(KEY, tmp_path / str(number), 10)) for number in range(6)
    ]
    await entered(gated)
    await entered(gated)
    async with asyncio.timeout(PATIENCE_S):
        await store.put("jobs/status.json", b"{}")
    gated.gate.set()
    await asyncio.gather(*downloads)


async def test_closing_ends_who_waits_and_refuses_who_comes(
    store: ThreadedStore, gated: GatedStore
) -> None:
    calls = [asyncio.create_task(store.head(KEY)) for _ in range(6)]
    await entered(gated)
    await entered(gated)
    closing = asyncio.create_task(store.close())
    results = await asyncio.gather(*calls[2:], return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)
    gated.gate.set()
    await closing
    assert all(info is not None for info in await asyncio.gather(*calls[:2]))
    with pytest.raises(StoreUnavailable):
        await store.head(KEY)
    await store.close()
