"""Reads the journal for the table; runs on the core's loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jigdesk.app import Core
from jigdesk.domain.changes import JobQuery
from jigdesk.domain.job import Job
from ui.queue.window_of_rows import PAGE_ROWS

MOST_AT_ONCE = 1000
MOST_IDS = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """`jobs` from row `first` on; `count` is how many the query finds in all."""

    query: JobQuery
    count: int
    first: int
    jobs: Sequence[Job]


async def read_rows(core: Core, query: JobQuery, first_page: int, pages: int) -> Found:
    """Count, and read whole pages; raises JournalUnavailable."""
    count = await core.journal.count(query)
    last_page = max(0, (count - 1) // PAGE_ROWS)
    first = min(first_page, last_page) * PAGE_ROWS
    limit = min(pages * PAGE_ROWS, MOST_AT_ONCE)
    page = await core.journal.page(replace(query, offset=first, limit=limit, cursor=None))
    return Found(query, count, first, page.jobs)


async def read_page(core: Core, query: JobQuery, number: int) -> Sequence[Job]:
    """Read one page; raises JournalUnavailable."""
    place = replace(query, offset=number * PAGE_ROWS, limit=PAGE_ROWS, cursor=None)
    return (await core.journal.page(place)).jobs


async def read_ids(core: Core, query: JobQuery, first: int, count: int) -> Sequence[str]:
    """The ids of `count` rows from `first` on, at most MOST_IDS."""
    ids: list[str] = []
    left = min(count, MOST_IDS)
    while left > 0:
        place = replace(query, offset=first + len(ids), limit=min(left, MOST_AT_ONCE), cursor=None)
        page = await core.journal.page(place)
        ids += [job.job_id for job in page.jobs]
        left -= MOST_AT_ONCE
        if page.next_cursor is None:
            break
    return ids
