"""What the engine printed at some time: the log of a job that ran."""

from __future__ import annotations

import asyncio
from datetime import datetime

from jigdesk.adapters.process.logslice import LogSlice, read_slice
from jigdesk.app.core import Core
from jigdesk.domain.errors import JigDeskError

MOST_LINES = 5_000

__all__ = ["LogSlice", "engine_log"]


async def engine_log(core: Core, begin: datetime, end: datetime) -> LogSlice:
    """The newest lines from `begin` up to `end`, of an engine that the desk runs.

    On the core's loop; cancelling is safe. Raises JigDeskError when the log cannot be read.
    """
    path = core.settings.paths.engine_log
    try:
        return await asyncio.to_thread(read_slice, path, begin, end, most=MOST_LINES)
    except OSError as failure:
        raise JigDeskError(
            "log_unreadable", f"The engine's log cannot be read: {failure.strerror}: {path}"
        ) from failure
