"""The part of a long list that is in memory: pages of rows, and where each job is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from jigdesk.domain.job import Job

PAGE_ROWS = 100
PAGES_KEPT = 24


class Rows:
    """Pages by number, the least lately read ones dropped. Every lookup is O(1). Knows no Qt."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, list[Job]] = OrderedDict()
        self._where: dict[str, int] = {}

    def at(self, row: int) -> Job | None:
        """The job of a row; None while it is not loaded."""
        number, place = divmod(row, PAGE_ROWS)
        page = self._pages.get(number)
        return page[place] if page is not None and place < len(page) else None

    def row_of(self, job_id: str) -> int | None:
        """Where a job is; None when it is not loaded."""
        return self._where.get(job_id)

    def has_page(self, number: int) -> bool:
        """Whether a page is loaded."""
        return number in self._pages

    @property
    def pages(self) -> Sequence[int]:
        """The loaded pages' numbers."""
        return tuple(self._pages)

    def ids(self) -> Mapping[int, str]:
        """Every loaded row with its job's id."""
        return {row: job_id for job_id, row in self._where.items()}

    def replace(self, job: Job) -> tuple[int, Job] | None:
        """Put a newer row in its place; its row and the old job, None when it is not loaded."""
        row = self._where.get(job.job_id)
        if row is None:
            return None
        number, place = divmod(row, PAGE_ROWS)
        page = self._pages[number]
        old, page[place] = page[place], job
        return row, old

    def load(self, number: int, jobs: Sequence[Job]) -> None:
        """Take a page in; the one read least lately makes room."""
        self.drop([number])
        self._pages[number] = list(jobs)
        for place, job in enumerate(jobs):
            before = self._where.get(job.job_id)
            row = number * PAGE_ROWS + place
            if before is not None and before // PAGE_ROWS != number:
                self.drop([before // PAGE_ROWS])  # the list moved under that page: it is stale
            self._where[job.job_id] = row
        while len(self._pages) > PAGES_KEPT:
            self.drop([next(iter(self._pages))])

    def touch(self, number: int) -> None:
        """This page is looked at: keep it."""
        if number in self._pages:
            self._pages.move_to_end(number)

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget pages."""
        for number in numbers:
            for job in self._pages.pop(number, ()):
                if self._where.get(job.job_id, -1) // PAGE_ROWS == number:
                    del self._where[job.job_id]

    def clear(self) -> None:
        """Forget everything."""
        self._pages.clear()
        self._where.clear()
