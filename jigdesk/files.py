"""The desk's own files: small ones written in one step, and what a disk without room means."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jigdesk.domain.errors import DiskFull


def write_whole(path: Path, body: str, *, mode: int = 0o600, durable: bool = False) -> None:
    """Write a text file (UTF-8) beside `path` and rename it; makes its folder. Blocks.

    Whoever reads it sees what was there before or all of the new.
    `durable` waits until it is on the disk: without, a loss of power may leave the file before.
    Raises OSError; then the file is as it was, and nothing else is left in its folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body.encode())
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@contextlib.contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Say DiskFull when there is no room for this file of a job; other errors pass as they are."""
    try:
        yield
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(str(path.parent)) from failed
        raise
