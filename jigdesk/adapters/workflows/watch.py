"""Notices when templates change on the disk."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from watchfiles import watch

log = logging.getLogger(__name__)

SETTLE_MS = 300
LOOK_AGAIN_MS = 2_000
_STEP_MS = 50
_AFTER_TROUBLE_S = 5.0


@asynccontextmanager
async def watching(dirs: Sequence[Path], changed: Callable[[], None]) -> AsyncIterator[None]:
    """Call `changed` on the loop soon after files below `dirs` were written, while in here.

    A folder that is not there (yet) is watched from when it is. Where the system can watch no
    more files, they are looked at again and again instead.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed)

    thread = threading.Thread(
        target=_watch, args=(tuple(dirs), stop, tell), name="templates", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)


def _watch(dirs: Sequence[Path], stop: threading.Event, tell: Callable[[], None]) -> None:
    polling = False
    while not stop.is_set():
        present = _present(dirs)
        is_seen = False
        if not present:
            stop.wait(LOOK_AGAIN_MS / 1000)
            continue
        try:
            for changes in watch(
                *present,
                debounce=SETTLE_MS,
                step=_STEP_MS,
                stop_event=stop,
                rust_timeout=LOOK_AGAIN_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                force_polling=polling or None,
                ignore_permission_denied=True,
            ):
                # once after the start too: what was written before it was not seen
                if changes or not is_seen:
                    tell()
                is_seen = True
                if _present(dirs) != present:
                    break
        except (OSError, RuntimeError) as trouble:  # no more watches, a folder that went away
            log.warning("templates cannot be watched, looking at them instead: %s", trouble)
            polling = True
            stop.wait(_AFTER_TROUBLE_S)


def _present(dirs: Sequence[Path]) -> list[Path]:
    return [path for path in dirs if path.is_dir()]
