"""Stream bytes into a file: a `.part` first, hashed on the way, then renamed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from jigdesk.ports import FileDigest

_WRITE_BYTES = 1024 * 1024


async def save_stream(
    chunks: AsyncIterator[bytes], path: Path, max_bytes: int
) -> FileDigest | None:
    """Write `chunks` to `path`; None, and no file, when there are more than `max_bytes`.

    Writing and hashing run in a thread, about a MiB at a time. Cancelled or failed, the part
    is removed and `path` stays as it was.
    """
    part = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    size_bytes = 0
    target = await asyncio.to_thread(part.open, "wb")

    def write(block: bytes) -> None:
        digest.update(block)
        target.write(block)

    try:
        try:
            waiting = bytearray()
            async for chunk in chunks:
                size_bytes += len(chunk)
                if size_bytes > max_bytes:
                    return None
                waiting += chunk
                if len(waiting) >= _WRITE_BYTES:
                    await _finish(write, bytes(waiting))
                    waiting.clear()
            await _finish(write, bytes(waiting))
        finally:
            target.close()
        part.replace(path)
        return FileDigest(size_bytes, digest.hexdigest())
    finally:
        part.unlink(missing_ok=True)


async def _finish(write: Callable[[bytes], None], block: bytes) -> None:
    """Run a write to its end even when cancelled: a file must not close under a thread."""
    task = asyncio.ensure_future(asyncio.to_thread(write, block))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
