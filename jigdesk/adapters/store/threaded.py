"""A blocking store for coroutines."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Self, TypeVar

from jigdesk.adapters.store.disk import disk_errors, replace
from jigdesk.domain.errors import StoreUnavailable
from jigdesk.ports import BlockingStore, FileDigest, ObjectInfo, ObjectPage, Presigned

_T = TypeVar("_T")


class ThreadedStore:
    """Implements `ports.ObjectStore`: each call of `blocking` runs in a bounded pool.

    Files that go up or down have threads of their own, so that a slow gigabyte never holds up a
    status.json. A call waits for a free thread; how many wait is how many coroutines call.
    An async context manager: leaving it stops transfers and refuses further calls.
    """

    def __init__(
        self,
        blocking: BlockingStore,
        max_threads: int = 8,
        *,
        abort: Callable[[], None] = lambda: None,
    ) -> None:
        """Work on `blocking`; `abort` ends its calls that wait for an answer, where it has any."""
        if max_threads < 2:  # noqa: PLR2004 - one for each pool
            raise ValueError("a store needs at least two threads")
        transfers = max(1, max_threads // 2)
        self._blocking = blocking
        self._calls = ThreadPoolExecutor(max_threads - transfers, "store-call")
        self._transfers = ThreadPoolExecutor(transfers, "store-transfer")
        self._stops: set[Event] = set()
        self._closed = False
        self._abort = abort

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the transfers under way and wait for the threads; harmless when repeated.

        Calls under way end unanswered. Cancelled: the threads still end.
        """
        self.abort()
        for pool in (self._calls, self._transfers):
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in (self._calls, self._transfers):
            await asyncio.to_thread(pool.shutdown)

    def abort(self) -> None:
        """Refuse further calls, and end those under way, which a store may never answer."""
        self._closed = True
        for stop in self._stops:
            stop.set()
        self._abort()

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""
        return self._blocking.bucket

    @property
    def blocking(self) -> BlockingStore:
        """The store below, for logic that runs in a thread."""
        return self._blocking

    async def head(self, key: str) -> ObjectInfo | None:
        """See BlockingStore.head."""
        return await self._call(partial(self._blocking.head, key))

    async def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """See BlockingStore.get."""
        return await self._call(partial(self._blocking.get, key, max_bytes))

    async def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """See BlockingStore.put. Cancelled: it may have been written all the same."""
        return await self._call(
            partial(
                self._blocking.put,
                key,
                body,
                content_type,
                create_only=create_only,
                if_match=if_match,
            )
        )

    async def download(self, key: str, path: Path, max_bytes: int) -> FileDigest:
        """See BlockingStore.download. Cancelled: the thread ends by itself, no `path` appears."""
        landing = _Landing(path)
        stop = Event()

        def fetch() -> FileDigest:
            try:
                digest = self._blocking.download(key, landing.temporary, max_bytes, stop=stop)
                landing.land()
            finally:
                landing.remove_temporary()
            return digest

        try:
            return await self._transfer(fetch, stop)
        except asyncio.CancelledError:
            landing.forbid()
            raise

    async def upload(self, path: Path, key: str, content_type: str) -> ObjectInfo:
        """See BlockingStore.upload. Cancelled: it is given up, or was written already."""
        stop = Event()
        return await self._transfer(
            partial(self._blocking.upload, path, key, content_type, stop=stop), stop
        )

    async def delete(self, keys: Iterable[str]) -> None:
        """See BlockingStore.delete."""
        await self._call(partial(self._blocking.delete, tuple(keys)))

    async def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """See BlockingStore.page."""
        return await self._call(
            partial(self._blocking.page, prefix, after=after, limit=limit, delimiter=delimiter)
        )

    async def presign_get(self, key: str, expires_s: int) -> str:
        """See BlockingStore.presign_get."""
        return await self._call(partial(self._blocking.presign_get, key, expires_s))

    async def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """See BlockingStore.presign_put."""
        return await self._call(
            partial(
                self._blocking.presign_put,
                key,
                size_bytes,
                content_type,
                expires_s,
                sha256=sha256,
            )
        )

    async def _transfer(self, work: Callable[[], _T], stop: Event) -> _T:
        self._stops.add(stop)
        try:
            return await self._run(self._transfers, work)
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            self._stops.discard(stop)

    async def _call(self, work: Callable[[], _T]) -> _T:
        return await self._run(self._calls, work)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        if self._closed:
            raise StoreUnavailable("The object store is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                # the call, which waited for a thread, was dropped by `close`; its caller was not
                raise StoreUnavailable("The object store is closed.") from error
            raise


class _Landing:
    """Decides, once, whether a download appears under its name or was cancelled before."""

    def __init__(self, path: Path) -> None:
        self.temporary = path.with_name(f".{uuid.uuid4().hex}")
        self._path = path
        self._forbidden = False
        self._lock = Lock()

    def land(self) -> None:
        with self._lock:
            if self._forbidden:
                raise StoreUnavailable("The transfer was stopped.")
            with disk_errors(f"Cannot write {self._path.name!r}"):
                replace(self.temporary, self._path)

    def forbid(self) -> None:
        with self._lock:
            self._forbidden = True

    def remove_temporary(self) -> None:
        with contextlib.suppress(OSError):
            self.temporary.unlink()
