"""Bytes on their way into the local store."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from jigdesk.adapters.store.disk import disk_errors
from jigdesk.adapters.store.names import NAMES
from jigdesk.domain.errors import StoreError


class Incoming:
    """A file that nobody sees until the store takes it over; opened at the first byte.

    Thread-safe, so that a `discard` from elsewhere waits for the write under way.
    """

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        self._name = NAMES.take()
        self.path = folder / self._name
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._closed = False
        self._lock = Lock()

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) of what was written so far."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append; raises StoreError over `max_bytes` or after `discard`."""
        with self._lock, disk_errors("Cannot store an upload"):
            if self._closed:
                raise StoreError("The upload was given up.", code="upload_discarded")
            if self._max_bytes is not None and self.size_bytes + len(chunk) > self._max_bytes:
                raise StoreError(
                    f"More than the {self._max_bytes} bytes announced.", code="too_large"
                )
            self._open().write(chunk)
            self._digest.update(chunk)
            self.size_bytes += len(chunk)

    def finish(self, mtime_ns: int) -> None:
        """Put the bytes on disk under this time of change; nothing more can be written."""
        with self._lock, disk_errors("Cannot store an upload"):
            if self._closed:
                raise StoreError("The upload was given up.", code="upload_discarded")
            file = self._open()
            self._closed = True
            with file:
                file.flush()
                os.utime(self.path, ns=(mtime_ns, mtime_ns))
                os.fsync(file.fileno())

    def taken_over(self) -> None:
        """The finished file has gone elsewhere: another one may have its name."""
        with self._lock:
            self._file = None
            NAMES.give_back(self._name)

    def discard(self) -> None:
        """Leave nothing behind; harmless when it was taken over or discarded already."""
        with self._lock:
            # a finished one may just be taken over elsewhere, by its name: that stays its own
            is_over, self._closed = self._closed, True
            if self._file is not None:
                self._file.close()
                with contextlib.suppress(OSError):
                    self.path.unlink()
            if not is_over and not self.path.exists():
                NAMES.give_back(self._name)

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._file = self.path.open("xb")
        return self._file
