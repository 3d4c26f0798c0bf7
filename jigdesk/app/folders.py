"""The folders that a desk needs before anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from jigdesk.domain.errors import SetupError


async def make_folders(folders: Iterable[Path]) -> None:
    """Make those that are not there; raises SetupError naming the one that cannot be."""
    for folder in folders:
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        except OSError as failure:
            raise SetupError(
                f"{folder} cannot be made: {failure.strerror}. Check what is there and who may "
                "write, or set JIGDESK_HOME to another folder."
            ) from failure
