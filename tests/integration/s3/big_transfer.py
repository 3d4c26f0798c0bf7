"""A program: moves one file up and down through the desk's own S3 store, and says its memory.

Settings come from the environment, as a desk's do; arguments: folder, size in bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import sys
from pathlib import Path

from jigdesk.app.stores import open_store
from jigdesk.settings import load_settings

BLOCK = 1 << 20


def _fill(path: Path, size_bytes: int) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size_bytes // BLOCK):
            block = number.to_bytes(8, "big") * (BLOCK // 8)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def _main(folder: Path, size_bytes: int) -> None:
    async with open_store(load_settings(os.environ), lambda: "") as (store, _):
        peaks = {}
        for name, size in (("small", 64 * BLOCK), ("big", size_bytes)):
            path = folder / name
            sha256 = _fill(path, size)
            await store.upload(path, f"outputs/big/{name}", "application/octet-stream")
            path.unlink()
            digest = await store.download(f"outputs/big/{name}", path, size)
            assert (digest.sha256, digest.size_bytes) == (sha256, size)
            path.unlink()
            await store.delete([f"outputs/big/{name}"])
            peaks[name] = _peak_bytes()
    sys.stdout.write(json.dumps(peaks))


asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
