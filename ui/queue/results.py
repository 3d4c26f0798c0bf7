"""What completed jobs made: read for the rows that are looked at, and kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jigdesk.app import Core
from jigdesk.domain.job import Job

KEPT = 2_000
AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Results:
    """How many files a job has in the store, and their size together."""

    files: int
    size_bytes: int


class ResultsKept:
    """The newest looked-at jobs' results, by job and attempt. Lives in the main thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Results] = OrderedDict()
        self._wanted: dict[tuple[str, int], None] = {}
        self._asked: frozenset[tuple[str, int]] = frozenset()

    def of(self, job: Job) -> Results | None:
        """The results of a completed job; None while unknown, and then they are wanted."""
        key = (job.job_id, job.attempt)
        found = self._kept.get(key)
        if found is None and key not in self._asked:
            self._wanted[key] = None
        return found

    def take_wanted(self) -> tuple[tuple[str, int], ...]:
        """What should be read now: the latest wanted, none while a reading is under way."""
        if self._asked or not self._wanted:
            return ()
        wanted = tuple(self._wanted)[-AT_ONCE:]
        self._wanted.clear()
        self._asked = frozenset(wanted)
        return wanted

    def add(self, found: Mapping[tuple[str, int], Results]) -> None:
        """What was read; those that had nothing are not asked for again for now."""
        self._asked = frozenset()
        self._kept.update(found)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


async def read_results(
    core: Core, wanted: Iterable[tuple[str, int]]
) -> Mapping[tuple[str, int], Results]:
    """Read the results of these (job id, attempt); runs on the core's loop."""
    found = {}
    for job_id, attempt in wanted:
        files = [file for run in await core.journal.stage_runs(job_id) for file in run.files]
        found[job_id, attempt] = Results(len(files), sum(file.size_bytes for file in files))
    return found
