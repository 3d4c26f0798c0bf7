"""The object store as a folder on this machine."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import BinaryIO

from jigdesk.adapters.store.disk import (
    CHUNK_BYTES,
    check_stop,
    disk_errors,
    make_folder,
    place_new,
    remove_empty,
    replace,
    save_stream,
    sync_folder,
)
from jigdesk.adapters.store.incoming import Incoming
from jigdesk.adapters.store.layout import Layout
from jigdesk.adapters.store.listing import Query, walk
from jigdesk.adapters.store.locks import KeyLocks
from jigdesk.adapters.store.metadata import (
    Note,
    check_type,
    guess_note,
    read_note,
    write_note,
)
from jigdesk.adapters.store.signing import Grant, UrlSigner
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import ObjectNotFound, PreconditionFailed, StoreError
from jigdesk.domain.keys import parse_key
from jigdesk.ports import FileDigest, ObjectInfo, ObjectPage, Presigned

MAX_PAGE = 1000
STALE_UPLOAD_S = 86_400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK_NS = 1_000_000
"""How much later a rewrite is at least, so that file systems with coarse times tell it apart."""
_FOLDER_RACES = 10


class LocalStore:
    """Implements `BlockingStore` over a folder; several processes may share it.

    `base_url` gives the local listener's `scheme://host:port`, and is asked only when a URL is
    made, since the port is known late. ETags are SHA-256 (hex).
    """

    def __init__(
        self,
        root: Path,
        bucket: str,
        signer: UrlSigner,
        base_url: Callable[[], str],
        clock: Clock = utc_now,
    ) -> None:
        self._layout = Layout(root, bucket)
        self._signer = signer
        self._base_url = base_url
        self._clock = clock
        self._locks = KeyLocks(self._layout.locks)
        self._listeners: tuple[Callable[[str], None], ...] = ()
        with disk_errors(f"Cannot use {str(root)!r} as the object store"):
            for folder in (self._layout.objects, self._layout.incoming, self._layout.locks):
                folder.mkdir(parents=True, exist_ok=True)
            _remove_stale(self._layout.incoming)

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""
        return self._layout.bucket

    @property
    def signer(self) -> UrlSigner:
        """What signs and checks this store's URLs."""
        return self._signer

    def on_created(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call `listener(key)` after an object under `inputs/` or `outputs/` was written.

        It is called in the thread that wrote, for writes of this process only, and must neither
        block for long nor raise. Returns the way to unsubscribe.
        """
        self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

        return unsubscribe

    def head(self, key: str) -> ObjectInfo | None:
        """See BlockingStore.head."""
        with _reading(key):
            return self._look(key)

    def open_object(self, key: str) -> tuple[BinaryIO, ObjectInfo]:
        """Open an object for reading; raises ObjectNotFound. A later rewrite does not show."""
        path = self._layout.path(key)
        with _reading(key):
            try:
                opened = self._open(key, path, settled=False)
                if opened is None:
                    with self._locks.hold(key):
                        opened = self._open(key, path, settled=True)
            except (FileNotFoundError, NotADirectoryError):
                opened = None
        if opened is None:
            raise ObjectNotFound(key)
        return opened

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """See BlockingStore.get."""
        file, info = self.open_object(key)
        with file, _reading(key):
            if info.size_bytes > max_bytes:
                raise StoreError(f"{key!r} is larger than {max_bytes} bytes.", code="too_large")
            return file.read(info.size_bytes), info

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """See BlockingStore.put."""
        incoming = self.begin()
        try:
            incoming.write(body)
            return self.commit(
                incoming, key, content_type, create_only=create_only, if_match=if_match
            )
        finally:
            incoming.discard()

    def download(
        self, key: str, path: Path, max_bytes: int, *, stop: Event | None = None
    ) -> FileDigest:
        """See BlockingStore.download."""
        file, _ = self.open_object(key)
        with file:
            return save_stream(_chunks(file, key), path, key.rpartition("/")[2], max_bytes, stop)

    def upload(
        self, path: Path, key: str, content_type: str, *, stop: Event | None = None
    ) -> ObjectInfo:
        """See BlockingStore.upload."""
        incoming = self.begin()
        try:
            with _reading(path.name), path.open("rb") as file:
                for chunk in _chunks(file, path.name):
                    check_stop(stop)
                    incoming.write(chunk)
            return self.commit(incoming, key, content_type)
        finally:
            incoming.discard()

    def begin(self, max_bytes: int | None = None) -> Incoming:
        """A place for bytes that become an object at `commit`; the caller discards it."""
        return Incoming(self._layout.incoming, max_bytes)

    def commit(
        self,
        incoming: Incoming,
        key: str,
        content_type: str,
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Make the bytes the object `key` in one step; raises PreconditionFailed."""
        path = self._layout.path(key)
        check_type(content_type)
        with self._locks.hold(key), disk_errors(f"Cannot write {key!r}"):
            present = self._look(key, settled=True)
            if create_only and present is not None:
                raise PreconditionFailed(key)
            if if_match is not None and (present is None or present.etag != if_match):
                raise PreconditionFailed(key)
            incoming.finish(self._next_mtime_ns(present))
            self._place(incoming.path, path, key, create_only=create_only)
            incoming.taken_over()
            placed = path.stat()
            note = Note(content_type, incoming.sha256, placed.st_size, placed.st_mtime_ns)
            write_note(self._layout.note(key), key, note)
        self._announce(key)
        return _info(key, note)

    def delete(self, keys: Iterable[str]) -> None:
        """See BlockingStore.delete."""
        for key in keys:
            path = self._layout.path(key)
            with self._locks.hold(key), disk_errors(f"Cannot delete {key!r}"):
                if _stat(path) is not None:
                    path.unlink(missing_ok=True)
                    remove_empty(path.parent, self._layout.objects)
                self._layout.note(key).unlink(missing_ok=True)

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = MAX_PAGE,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """See BlockingStore.page; the only delimiter is the slash."""
        if delimiter not in (None, "/"):
            raise StoreError(f"Listings fold at slashes, not at {delimiter!r}.")
        limit = max(1, min(limit, MAX_PAGE))
        query = Query(prefix, after or "", folded=delimiter is not None)
        with _reading(prefix):
            listed = list(itertools.islice(walk(self._layout, query), limit + 1))
            shown = listed[:limit]
            infos = (self._look(each.key) for each in shown if not each.is_prefix)
            return ObjectPage(
                objects=tuple(info for info in infos if info is not None),
                prefixes=tuple(each.key for each in shown if each.is_prefix),
                next_after=shown[-1].key if len(listed) > limit else None,
            )

    def presign_get(self, key: str, expires_s: int) -> str:
        """See BlockingStore.presign_get."""
        self._layout.path(key)
        grant = Grant("GET", key, int(self._clock().timestamp()) + expires_s)
        return self._signer.url(self._base_url(), grant)

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """See BlockingStore.presign_put."""
        self._layout.path(key)
        check_type(content_type)
        expires_at = int(self._clock().timestamp()) + expires_s
        grant = Grant("PUT", key, expires_at, size_bytes, content_type, sha256)
        return Presigned(
            method="PUT",
            url=self._signer.url(self._base_url(), grant),
            headers=grant.headers,
            expires_at=datetime.fromtimestamp(expires_at, UTC),
        )

    def _look(self, key: str, *, settled: bool = False) -> ObjectInfo | None:
        """What lies under `key`. `settled`: the caller holds the key's lock."""
        path = self._layout.path(key)
        found = _stat(path)
        if found is None:
            return None
        note = read_note(self._layout.note(key))
        if note is not None and note.fits(found):
            return _info(key, note)
        if settled:
            return _info(key, guess_note(path.name, found))
        with self._locks.hold(key):  # a writer may be between the file and its note
            return self._look(key, settled=True)

    def _open(self, key: str, path: Path, *, settled: bool) -> tuple[BinaryIO, ObjectInfo] | None:
        """Open the file with the note that fits it; None when it has none and is not settled."""
        if _stat(path) is None:
            raise FileNotFoundError(key)
        file = path.open("rb")
        try:
            found = os.fstat(file.fileno())
            note = read_note(self._layout.note(key))
            if note is None or not note.fits(found):
                if not settled:
                    file.close()
                    return None
                note = guess_note(path.name, found)
        except BaseException:
            file.close()
            raise
        return file, _info(key, note)

    def _place(self, part: Path, path: Path, key: str, *, create_only: bool) -> None:
        if path.is_dir():
            raise StoreError(f"{key!r} is a folder of other objects.", code="bad_key")
        for race in itertools.count(1):
            make_folder(path.parent)
            try:
                if create_only:
                    place_new(part, path)
                else:
                    replace(part, path)
            except FileExistsError as error:
                raise PreconditionFailed(key) from error
            except FileNotFoundError:
                # a delete removed the empty folder between the two lines
                if race == _FOLDER_RACES:
                    raise
            else:
                sync_folder(path.parent)
                return

    def _next_mtime_ns(self, present: ObjectInfo | None) -> int:
        now_ns = (self._clock() - _EPOCH) // timedelta(microseconds=1) * 1000
        if present is None:
            return now_ns
        before_ns = (present.last_modified - _EPOCH) // timedelta(microseconds=1) * 1000
        return max(now_ns, before_ns + _TICK_NS)

    def _announce(self, key: str) -> None:
        if self._listeners and parse_key(key) is not None:
            for listener in self._listeners:
                listener(key)


@contextlib.contextmanager
def _reading(key: str) -> Iterator[None]:
    with disk_errors(f"Cannot read {key!r}"):
        yield


def _stat(path: Path) -> os.stat_result | None:
    """The state of a plain file; None for everything else."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _info(key: str, note: Note) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size_bytes=note.size_bytes,
        etag=note.etag,
        last_modified=_EPOCH + timedelta(microseconds=note.mtime_ns // 1000),
        content_type=note.content_type,
    )


def _chunks(file: BinaryIO, name: str) -> Iterator[bytes]:
    with _reading(name):
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _remove_stale(folder: Path) -> None:
    """Remove what uploads left that a crash cut off; another process may be at it too."""
    oldest = time.time() - STALE_UPLOAD_S
    for path in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
