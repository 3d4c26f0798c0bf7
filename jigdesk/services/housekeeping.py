"""Housekeeping: what finished jobs leave on this machine goes, by age and by size.

Everything that is deleted is in the store (results, inputs) or can be made again. Only what the
desk itself wrote is touched: job folders, and the engine's own `jigdesk` subfolders.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import TransientError
from jigdesk.domain.ids import is_job_id
from jigdesk.ports import Journal

log = logging.getLogger(__name__)

GIB = 1024**3
DOOMED = ".gone-"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept; when the disk is low, job folders go after `hurry_age`.

    `seen` bounds how many entries one round looks at, `gone` how many it deletes.
    """

    job_age: timedelta = timedelta(days=7)
    hurry_age: timedelta = timedelta(minutes=10)
    jobs_bytes: int = 20 * GIB
    engine_age: timedelta = timedelta(days=1)
    journal_age: timedelta = timedelta(days=90)
    journal_jobs: int = 50_000
    every_s: float = 3600.0
    hurry_every_s: float = 60.0
    seen: int = 20_000
    gone: int = 2_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder or file that is still there; times in seconds since 1970."""

    path: Path
    size_bytes: int
    touched_at: float


class Housekeeper:
    """Cleans in rounds, in the background. Lives on the core's loop; the disk's work does not.

    `engine_folders` are those that only the desk fills, none for an engine of somebody else's;
    `is_engine_idle` says that no prompt of ours needs them now. `low` is set while room has to
    be made.
    """

    def __init__(
        self,
        journal: Journal,
        jobs_dir: Path,
        *,
        engine_folders: Sequence[Path],
        is_engine_idle: Callable[[], bool],
        low: asyncio.Event,
        clock: Clock,
        retention: Retention | None = None,
    ) -> None:
        self._journal = journal
        self._jobs_dir = jobs_dir
        self._engine_folders = tuple(engine_folders)
        self._is_engine_idle = is_engine_idle
        self._low = low
        self._clock = clock
        self._retention = retention or Retention()

    async def run(self) -> None:
        """Clean now and every hour, every minute while the disk is low, until cancelled."""
        keep = self._retention
        while True:
            try:
                await self.clean()
            except (OSError, TransientError) as failed:
                log.warning("housekeeping is left to the next round: %s", failed)
            if self._low.is_set():
                await asyncio.sleep(keep.hurry_every_s)
                continue
            try:
                async with asyncio.timeout(keep.every_s):
                    await self._low.wait()
            except TimeoutError:
                continue

    async def clean(self) -> int:
        """One round; returns how many folders and files went. Cancelling is safe."""
        gone = await self._clean_jobs()
        if self._is_engine_idle():
            age = self._retention.hurry_age if self._low.is_set() else self._retention.engine_age
            before = (self._clock() - age).timestamp()
            for folder in self._engine_folders:
                gone += await asyncio.to_thread(self._clean_engine, folder, before)
        keep = self._retention
        pruned = await self._journal.prune(self._clock() - keep.journal_age, keep.journal_jobs)
        if gone or pruned:
            log.info("housekeeping: %d folders and files, %d old jobs went", gone, pruned)
        return gone

    async def _clean_jobs(self) -> int:
        keep, now = self._retention, self._clock()
        age = keep.hurry_age if self._low.is_set() else keep.job_age
        too_old = (now - age).timestamp()
        await asyncio.to_thread(_finish_doomed, self._jobs_dir)
        found = await asyncio.to_thread(_job_folders, self._jobs_dir, keep.seen)
        total_bytes = sum(one.size_bytes for one in found)
        gone = 0
        for one in sorted(found, key=lambda kept: kept.touched_at):
            if gone >= keep.gone:
                break
            if one.touched_at >= too_old and total_bytes <= keep.jobs_bytes:
                break
            if await self._is_over(one.path.name) and await self._remove(one.path):
                total_bytes -= one.size_bytes
                gone += 1
        return gone

    async def _is_over(self, job_id: str) -> bool:
        job = await self._journal.job(job_id)
        return job is None or job.status.is_final

    async def _remove(self, folder: Path) -> bool:
        """Delete a job's folder, unless the job was begun again meanwhile or it cannot go."""
        doomed = folder.with_name(f"{DOOMED}{folder.name}")
        try:
            await asyncio.to_thread(folder.rename, doomed)
        except OSError as failed:
            log.warning("the folder of job %s is left: %s", folder.name, failed.strerror)
            return False
        if not await self._is_over(folder.name):
            await asyncio.to_thread(_put_back, doomed, folder)
            return False
        await asyncio.to_thread(shutil.rmtree, doomed, ignore_errors=True)
        return True

    def _clean_engine(self, folder: Path, before: float) -> int:
        """Delete files that were not touched since, and folders that are empty. Blocks."""
        gone = 0
        files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
        for path in islice(files, self._retention.seen):
            try:
                if path.lstat().st_mtime < before:
                    path.unlink()
                    gone += 1
            except OSError:
                continue  # somebody else was first
            if gone >= self._retention.gone:
                break
        for root, _, _ in os.walk(folder, topdown=False):
            if Path(root) != folder:
                _remove_if_empty(Path(root))
        return gone


def _job_folders(jobs_dir: Path, limit: int) -> list[Kept]:
    """The folders that belong to jobs, with their sizes. Blocks."""
    found = []
    with os.scandir(jobs_dir) as entries:
        for entry in islice(entries, limit):
            if is_job_id(entry.name) and entry.is_dir(follow_symlinks=False):
                found.append(_measure(Path(entry.path)))
    return found


def _measure(folder: Path) -> Kept:
    size_bytes, touched_at = 0, 0.0
    for root, _, names in os.walk(folder):
        for path in (Path(root), *(Path(root) / name for name in names)):
            try:
                status = path.lstat()
            except OSError:
                continue  # it is being written
            size_bytes += status.st_size
            touched_at = max(touched_at, status.st_mtime)
    return Kept(folder, size_bytes, touched_at)


def _finish_doomed(jobs_dir: Path) -> None:
    """Delete what an earlier round was about to when the desk ended. Blocks."""
    for path in jobs_dir.glob(f"{DOOMED}*"):
        shutil.rmtree(path, ignore_errors=True)


def _put_back(doomed: Path, folder: Path) -> None:
    try:
        doomed.rename(folder)
    except OSError:  # the new attempt has a folder already: it fetches what it needs
        shutil.rmtree(doomed, ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # it is not empty
