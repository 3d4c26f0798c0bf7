"""An object store in memory that keeps S3's promises: conditions, key order, times, signatures."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import ObjectNotFound, PreconditionFailed, StoreError
from jigdesk.ports import ObjectInfo, ObjectPage, Presigned


class TickingClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class _Stored:
    body: bytes
    info: ObjectInfo


class MemoryStore:
    """The part of BlockingStore that writes no files. Thread-safe.

    `before` is called with the operation's name and the key before each, so that a test can
    let something happen there, or raise. ETags differ for every write, as versions do.
    """

    def __init__(self, clock: Clock, bucket: str = "jig-react") -> None:
        self._clock = clock
        self._bucket = bucket
        self._objects: dict[str, _Stored] = {}
        self._writes = 0
        self._lock = threading.RLock()
        self.before: Callable[[str, str], None] = lambda _operation, _key: None

    @property
    def bucket(self) -> str:
        return self._bucket

    def all_keys(self) -> list[str]:
        """Every key in order, for tests to look at."""
        with self._lock:
            return sorted(self._objects)

    def head(self, key: str) -> ObjectInfo | None:
        self.before("head", key)
        with self._lock:
            found = self._objects.get(key)
        return None if found is None else found.info

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        self.before("get", key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise ObjectNotFound(key)
        if len(found.body) > max_bytes:
            raise StoreError(f"Object {key!r} is over {max_bytes} bytes.", code="too_large")
        return found.body, found.info

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        self.before("put", key)
        with self._lock:
            old = self._objects.get(key)
            if create_only and old is not None:
                raise PreconditionFailed(key)
            if if_match is not None and (old is None or old.info.etag != if_match):
                raise PreconditionFailed(key)
            self._writes += 1
            etag = hashlib.sha256(f"{self._writes}".encode() + body).hexdigest()[:32]
            info = ObjectInfo(key, len(body), etag, self._clock(), content_type)
            self._objects[key] = _Stored(body, info)
        return info

    def upload(
        self, path: Path, key: str, content_type: str, *, stop: threading.Event | None = None
    ) -> ObjectInfo:
        return self.put(key, path.read_bytes(), content_type)

    def delete(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self.before("delete", key)
            with self._lock:
                self._objects.pop(key, None)

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        self.before("page", prefix)
        entries: dict[str, ObjectInfo | None] = {}  # a common prefix has no info
        with self._lock:
            for key in sorted(self._objects):
                if not key.startswith(prefix):
                    continue
                rest = key[len(prefix) :]
                if delimiter is not None and delimiter in rest:
                    entries[prefix + rest.split(delimiter)[0] + delimiter] = None
                else:
                    entries[key] = self._objects[key].info
        names = [name for name in sorted(entries) if after is None or name > after]
        shown = names[:limit]
        found = [(name, entries[name]) for name in shown]
        return ObjectPage(
            tuple(info for _, info in found if info is not None),
            tuple(name for name, info in found if info is None),
            shown[-1] if len(names) > limit else None,
        )

    def presign_get(self, key: str, expires_s: int) -> str:
        return f"https://store.invalid/{key}?get={expires_s}"

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        url = f"https://store.invalid/{key}?put={size_bytes}&sha256={sha256}"
        expires_at = self._clock() + timedelta(seconds=expires_s)
        return Presigned("PUT", url, {"Content-Type": content_type}, expires_at)
