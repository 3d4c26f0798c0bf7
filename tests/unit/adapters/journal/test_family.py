"""Families of jobs: which job branches from which."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change, Kin

OTHER = "00000000-0000-4000-8000-0000000000ff"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    async with SqliteJournal.open(tmp_path / "journal.db") as opened:
        yield opened


async def add(journal: SqliteJournal, parent: str | None = None, stage: str = "soft") -> str:
    """A job with a plan, a branch of `parent` when that is given; returns its id."""
    job_id = str(uuid.uuid4())
    await journal.accept(Arrival(job_id, "jig-react", None), Change())
    branch = None if parent is None else {"job_id": parent, "stage": stage}
    await journal.apply(job_id, Change(plan={"manifest": {"branch_of": branch}, "templates": {}}))
    return job_id


def shape(family: Sequence[Kin]) -> list[tuple[str, int, str | None]]:
    return [(kin.job_id, kin.depth, kin.stage) for kin in family]


async def test_a_job_alone_has_no_family(journal: SqliteJournal) -> None:
    assert await journal.family(await add(journal)) == []
    assert await journal.family(OTHER) == []


async def test_a_family_is_a_tree_seen_the_same_from_each_of_its_jobs(
    journal: SqliteJournal,
) -> None:
    first = await add(journal)
    left = await add(journal, first)
    right = await add(journal, first, "fine")
    below = await add(journal, left, "dark")
    await add(journal)
    expected = [(first, 0, None), (left, 1, "soft"), (below, 2, "dark"), (right, 1, "fine")]
    for job_id in (first, left, right, below):
        family = await journal.family(job_id)
        assert shape(family) == expected
        assert {kin.job.job_id for kin in family if kin.job is not None} == {
            first,
            left,
            right,
            below,
        }


async def test_a_parent_whose_row_is_gone_is_still_named(journal: SqliteJournal) -> None:
    parent = await add(journal)
    child = await add(journal, parent)
    await journal.forget(parent)
    family = await journal.family(child)
    assert shape(family) == [(parent, 0, None), (child, 1, "soft")]
    assert family[0].job is None


async def test_a_large_family_is_cut_to_the_job_s_own_line(journal: SqliteJournal) -> None:
    first = await add(journal)
    for _ in range(12):
        await add(journal, first)
    middle = await add(journal, first)
    below = await add(journal, middle)
    family = await journal.family(middle, limit=6)
    assert [kin.job_id for kin in family] == [first, middle, below]


async def test_a_retried_branch_keeps_its_parent(journal: SqliteJournal) -> None:
    parent = await add(journal)
    child = await add(journal, parent)
    plan = await journal.plan(child)
    await journal.apply(child, Change(plan=plan))
    assert shape(await journal.family(child)) == [(parent, 0, None), (child, 1, "soft")]
