"""The object store: one bucket, for threads and for coroutines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event as StopEvent
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store says about an object; `etag` is opaque and without quotes."""

    key: str
    size_bytes: int
    etag: str
    last_modified: datetime
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size and SHA-256 (hex) of a file that was streamed."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Presigned:
    """A request that may be made without credentials until `expires_at`."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """A page of a listing in key order; `next_after` is None at the end.

    `prefixes` are the common prefixes when a delimiter was given.
    """

    objects: tuple[ObjectInfo, ...]
    prefixes: tuple[str, ...]
    next_after: str | None


class BlockingStore(Protocol):
    """The object store as threads (and the Lambdas' logic) use it. Every method blocks.

    All raise StoreUnavailable when the same call may succeed later and StoreError when not.
    Thread-safe.
    """

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""

    def head(self, key: str) -> ObjectInfo | None:
        """What is stored under `key`; None when nothing is."""

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """The whole object; raises ObjectNotFound, or StoreError when over `max_bytes`."""

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object; raises PreconditionFailed when a condition does not hold."""

    def download(
        self, key: str, path: Path, max_bytes: int, *, stop: StopEvent | None = None
    ) -> FileDigest:
        """Stream an object into `path` by way of a `.part` file and a rename.

        Raises ObjectNotFound, or JobError(INPUT_TOO_LARGE) when over `max_bytes`, or
        StoreUnavailable soon after `stop` is set.
        """

    def upload(
        self, path: Path, key: str, content_type: str, *, stop: StopEvent | None = None
    ) -> ObjectInfo:
        """Stream a file up (multipart where it is large) with a checksum.

        Raises StoreUnavailable soon after `stop` is set, and as everywhere also for what is wrong
        with the file: for too many open ones, say; StoreError for one that cannot be read.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; a missing one is no error."""

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """One page of the keys that begin with `prefix`, in key order, after `after`."""

    def presign_get(self, key: str, expires_s: int) -> str:
        """An absolute URL that answers GET until it expires."""

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """A PUT that is valid for exactly this length, content type and, if given, SHA-256 (hex).

        Its `headers` must be sent as they are; the length is the client's own to send.
        `size_bytes` None leaves it open (request.json, which the browser writes itself), up to
        1 MiB where the store can hold a client to that.
        """


class ObjectStore(Protocol):
    """The same store for coroutines: each call runs in a bounded pool of threads."""

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""

    @property
    def blocking(self) -> BlockingStore:
        """The store below, for logic that runs in a thread."""

    async def head(self, key: str) -> ObjectInfo | None:
        """See BlockingStore.head."""

    async def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """See BlockingStore.get."""

    async def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """See BlockingStore.put."""

    async def download(self, key: str, path: Path, max_bytes: int) -> FileDigest:
        """See BlockingStore.download. Cancelled: the thread ends by itself, no `path` appears."""

    async def upload(self, path: Path, key: str, content_type: str) -> ObjectInfo:
        """See BlockingStore.upload."""

    async def delete(self, keys: Iterable[str]) -> None:
        """See BlockingStore.delete."""

    async def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """See BlockingStore.page."""

    async def presign_get(self, key: str, expires_s: int) -> str:
        """See BlockingStore.presign_get."""

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
