"""Previews for browsers: the newest frame of a running job as jobs/{job_id}/preview.jpg, on demand.

A browser asks by GET /api/jobs/{job_id}, of this desk or of a jobs API far away, or by an open
event stream of this desk. While one asked within the last 30 s the newest frame is written, at
most once in 2 s; else nothing is.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Callable

from PIL import Image

from jigdesk.domain import keys
from jigdesk.domain.engine import Preview
from jigdesk.domain.errors import StoreError, TransientError
from jigdesk.ports import ObjectStore
from jigdesk.services.media import UNREADABLE
from jigdesk.services.previews import Previews
from jigdesk.services.watch_marks import WatchMarks

log = logging.getLogger(__name__)

INTERVAL_S = 2.0
ASKED_FOR_S = 30.0
MAX_ASKED = 10_000
MAX_PX = 512
_QUALITY = 80


class LivePreviews:
    """Writes previews while somebody looks. Lives on the core's loop.

    `watched` says whether an event stream of a job is open; `marks` is None where no jobs API
    but this desk's own can be asked.
    """

    def __init__(
        self,
        store: ObjectStore,
        previews: Previews,
        watched: Callable[[str], bool],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        marks: WatchMarks | None = None,
    ) -> None:
        self._store = store
        self._previews = previews
        self._watched = watched
        self._monotonic = monotonic
        self._marks = marks
        self._asked: dict[str, float] = {}
        self._waiting: dict[str, Preview] = {}
        self._written: dict[str, float] = {}
        self._news: set[str] = set()
        self._wake = asyncio.Event()

    def asked(self, job_id: str) -> None:
        """A browser looks at this job now."""
        self._asked.pop(job_id, None)
        self._asked[job_id] = self._monotonic()
        while len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]

    def take_news(self, job_id: str) -> str | None:
        """The preview's key when it was written since the last call; else None."""
        if job_id not in self._news:
            return None
        self._news.discard(job_id)
        return keys.preview_key(job_id)

    def forget(self, job_id: str) -> None:
        """The job does not run any more."""
        self._waiting.pop(job_id, None)
        self._written.pop(job_id, None)
        self._news.discard(job_id)
        if self._marks is not None:
            self._marks.forget(job_id)
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        if self._marks is not None:
            await self._marks.begin()
        unsubscribe = self._previews.subscribe(self._offered)
        try:
            while True:
                self._wake.clear()
                due_s = await self._do_what_is_due()
                try:
                    async with asyncio.timeout(due_s):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            unsubscribe()

    async def _do_what_is_due(self) -> float | None:
        """Look and write; seconds until there is more to do, None when only a frame brings it."""
        look_again_s = None
        if self._marks is not None:
            async for job_id in self._marks.look():
                self.asked(job_id)
                if frame := self._previews.latest(job_id):
                    self._waiting[job_id] = frame
            look_again_s = self._marks.look_again_s
        write_again_s = await self._write_due()
        return min((s for s in (look_again_s, write_again_s) if s is not None), default=None)

    def _offered(self, job_id: str, frame: Preview) -> None:
        if self._is_wanted(job_id):
            self._waiting[job_id] = frame
            self._wake.set()
        if self._marks is not None and self._marks.frame_came(job_id):
            self._wake.set()

    def _is_wanted(self, job_id: str) -> bool:
        asked = self._asked.get(job_id)
        is_asked = asked is not None and self._monotonic() - asked <= ASKED_FOR_S
        return is_asked or self._watched(job_id)

    async def _write_due(self) -> float | None:
        """Write what may be written; seconds until the next may be, None when nothing waits."""
        for job_id in list(self._waiting):
            if self._left_s(job_id) > 0:
                continue
            frame = self._waiting.pop(job_id)
            self._written[job_id] = self._monotonic()
            await self._write(job_id, frame)
        return min((self._left_s(job_id) for job_id in self._waiting), default=None)

    def _left_s(self, job_id: str) -> float:
        written = self._written.get(job_id)
        return 0.0 if written is None else max(0.0, written + INTERVAL_S - self._monotonic())

    async def _write(self, job_id: str, frame: Preview) -> None:
        try:
            body = await asyncio.to_thread(_jpeg, frame.data)
            await self._store.put(keys.preview_key(job_id), body, "image/jpeg")
        except (TransientError, StoreError) as failure:
            log.info("job %s: its preview was not stored: %s", job_id, failure.message)
        except UNREADABLE as failure:
            log.info("job %s: a preview cannot be read: %s", job_id, type(failure).__name__)
        else:
            if job_id in self._written:  # else it ended meanwhile
                self._news.add(job_id)


def _jpeg(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        small = image.convert("RGB")
    small.thumbnail((MAX_PX, MAX_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
