"""What an earlier desk left behind is found and ended; what is not ours is left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from jigdesk.adapters.process.orphans import (
    COOKIE,
    ChildRecord,
    end_orphan,
    read_record,
    write_record,
)
from tests.fakes.families import family, living, pids_in
from tests.harness.waiting import PATIENCE_S

PORT = 8188


@contextmanager
def orphans(*, stubborn: bool = False) -> Iterator[list[int]]:
    """A family that nobody watches: the leader, a child, one in another session, a daemon."""
    process = subprocess.Popen(
        family(stubborn=stubborn),
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, COOKIE: "cookie"},
    )
    assert process.stdout is not None
    pids = pids_in([process.stdout.readline().decode()])
    try:
        yield pids
    finally:
        for pid in living(pids):
            os.kill(pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        process.stdout.close()


def note(path: Path, pid: int, *, later_s: float = 0.0, cookie: str = "cookie") -> None:
    created = psutil.Process(pid).create_time() + later_s
    write_record(path, ChildRecord(pid, created, PORT, ("python", "main.py"), cookie))


async def test_an_orphan_is_ended_with_what_is_below_it(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    with orphans() as pids:
        note(record, pids[0])
        ended = await asyncio.to_thread(end_orphan, record)
        assert set(ended) == set(pids)
        assert living(pids) == []
    assert read_record(record) is None


async def test_a_stubborn_one_is_killed(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    with orphans(stubborn=True) as pids:
        note(record, pids[0])
        await asyncio.to_thread(end_orphan, record)
        assert living(pids) == []


async def test_what_the_leader_started_is_ended_when_it_is_gone_itself(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    with orphans() as pids:
        note(record, pids[0])
        os.kill(pids[0], signal.SIGKILL)
        await asyncio.to_thread(end_orphan, record)
        assert living(pids) == []


async def test_another_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    with orphans() as pids:
        note(record, pids[0], later_s=5, cookie="of another run")
        assert await asyncio.to_thread(end_orphan, record) == ()
        assert len(living(pids)) == 4
    assert read_record(record) is None


async def test_a_record_that_is_none_of_ours_is_forgotten(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    for text in ("", "[]", "{}", '{"version": 2, "pid": 1}', '{"version": 1, "pid": "x"}'):
        record.write_text(text)
        assert end_orphan(record) == ()
        assert not record.exists()


def test_a_record_of_impossible_numbers_is_none(tmp_path: Path) -> None:
    record = tmp_path / "engine.json"
    record.write_text(
        '{"version": 1, "pid": Infinity, "create_time": 1, "port": 1, "cmdline": [], "cookie": ""}'
    )
    assert read_record(record) is None
