"""The disk guard: intake closes before the disk is full, and opens when there is room again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.services.disk import GIB, DiskGuard, DiskUse, fullest
from jigdesk.services.queue import JobQueue

HERE = Path("/somewhere")


class Disk:
    """A disk that the test fills; `broken` makes it unreadable."""

    def __init__(self) -> None:
        self.free_gib = 100.0
        self.broken = False

    def __call__(self) -> DiskUse:
        if self.broken:
            raise OSError(5, "Input/output error")
        return DiskUse(HERE, int(self.free_gib * GIB), 1000 * GIB)


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[JobQueue]:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        yield JobQueue(journal, concurrency=1, max_depth=10)


async def test_intake_closes_and_opens_with_some_room_between(queue: JobQueue) -> None:
    disk, told = Disk(), []
    queue.on_change(lambda: told.append(list(queue.refusals())))
    guard = DiskGuard(queue, disk)
    await guard.look()
    assert (await guard.check()).level == "ok"
    disk.free_gib = 4
    await guard.look()
    assert (await guard.check()).level == "warning"
    assert guard.low.is_set()
    assert not queue.refusals()
    disk.free_gib = 1.9
    await guard.look()
    assert queue.refusals() == ["The host's disk is nearly full."]
    check = await guard.check()
    assert check.level == "error"
    assert "1000" in check.message or "1074" in check.message
    disk.free_gib = 2.1  # a little is not enough
    await guard.look()
    assert queue.refusals()
    disk.free_gib = 3
    await guard.look()
    assert not queue.refusals()
    disk.free_gib = 50
    await guard.look()
    assert not guard.low.is_set()
    assert told == [["The host's disk is nearly full."], []]


async def test_a_disk_that_cannot_be_measured_is_an_error_and_closes_nothing(
    queue: JobQueue,
) -> None:
    disk = Disk()
    disk.broken = True
    guard = DiskGuard(queue, disk)
    check = await guard.check()
    assert (check.level, check.remedy) == ("error", "Check that the disk is mounted.")
    assert not queue.refusals()
    disk.broken = False
    assert (await guard.check()).level == "ok"


def test_a_small_disk_has_smaller_thresholds() -> None:
    small = DiskUse(HERE, 3 * GIB, 10 * GIB)
    assert small.stop_below_bytes == GIB // 2
    assert small.low_below_bytes == GIB
    assert not small.is_low


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")
def test_the_fullest_of_several_counts(tmp_path: Path) -> None:
    assert fullest((tmp_path, Path("/proc"))).folder == Path("/proc")  # it has no room at all
