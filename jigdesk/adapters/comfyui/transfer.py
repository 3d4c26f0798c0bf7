"""Stream bytes into a file: a `.part` first, hashed on the way, then renamed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from jigdesk.ports import FileDigest

_WRITE_BYTES = 1024 * 1024


async def save_stream(
    chunks: AsyncIterator[bytes], path: Path, max_bytes: int
) -> FileDigest | None:
    """Write `chunks` to `path`; None, and no file, when there are more than `max_bytes`.

    Files are touched and hashed in a thread, about a MiB at a time. Cancelled or failed, the
    part is removed and `path` stays as it was. Raises OSError for what the disk refuses.
    """
    part = _Part(path)
    waiting = bytearray()
    size_bytes = 0
    try:
        async for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                return None
            waiting += chunk
            if len(waiting) >= _WRITE_BYTES:
                block, waiting = bytes(waiting), bytearray()
                await _to_end(partial(part.write, block))
        await _to_end(partial(part.write, bytes(waiting)))
        await _to_end(part.commit)
    finally:
        await _to_end(part.discard)
    return FileDigest(size_bytes, part.sha256)


class _Part:
    """The file while it grows. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, block: bytes) -> None:
        if self._file is None:
            self._file = self._part.open("wb")
        self._digest.update(block)
        self._file.write(block)

    def commit(self) -> None:
        """Give the file its name."""
        self._close()
        self._part.replace(self._path)

    def discard(self) -> None:
        """Remove what was not committed."""
        self._close()
        self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


async def _to_end(step: Callable[[], None]) -> None:
    """Run a step in a thread, to its end even when cancelled: nothing closes under a thread."""
    task = asyncio.ensure_future(asyncio.to_thread(step))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
