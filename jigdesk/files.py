"""Small files in one step: whoever reads one sees what was there before or all of the new."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_whole(path: Path, body: str, *, mode: int = 0o600, durable: bool = False) -> None:
    """Write a text file (UTF-8) beside `path` and rename it; makes its folder. Blocks.

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
