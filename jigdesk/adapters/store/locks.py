"""Turns at writing: between the threads of this process and between processes."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from jigdesk.adapters.store.disk import disk_errors
from jigdesk.domain.errors import StoreUnavailable

STRIPES = 64
TIMEOUT_S = 30.0
POLL_S = 0.005


class KeyLocks:
    """One lock a stripe of keys, so that the lock files stay few. Not reentrant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = [Lock() for _ in range(STRIPES)]

    @contextlib.contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Keep every other writer of `key` out; raises StoreUnavailable after 30 s."""
        stripe = zlib.crc32(key.encode()) % STRIPES
        if not self._threads[stripe].acquire(timeout=TIMEOUT_S):
            raise StoreUnavailable(f"Another write of {key!r} does not end.")
        try:
            lock = FileLock(self._folder / f"{stripe:02d}.lock", TIMEOUT_S, thread_local=False)
            with disk_errors(f"Cannot lock {key!r}"):
                try:
                    lock.acquire(poll_interval=POLL_S)
                except Timeout as error:
                    raise StoreUnavailable(f"Another process keeps {key!r} locked.") from error
            try:
                yield
            finally:
                lock.release()
        finally:
            self._threads[stripe].release()
