"""One core a home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from jigdesk.adapters.journal.lock import HomeLock
from jigdesk.domain.errors import SetupError

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("holding_desk.py")


@contextmanager
def holder(path: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A process that holds the lock, and its child."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    try:
        yield process, child
    finally:
        with process:
            process.kill()
        psutil.wait_procs([child], timeout=10)


def test_a_second_core_is_told_who_holds_the_home(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as (process, _), pytest.raises(SetupError) as refused:
        HomeLock(tmp_path / "lock").__enter__()
    assert f"process {process.pid} " in refused.value.message
    assert "holding_desk.py" in refused.value.message


def test_a_killed_core_frees_its_home_even_while_its_children_live(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as (process, child):
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert child.is_running()
        with HomeLock(tmp_path / "lock"):
            assert str(os.getpid()) in (tmp_path / "lock.holder").read_text()


def test_an_end_frees_the_home_and_two_locks_of_one_process_exclude_each_other(
    tmp_path: Path,
) -> None:
    with (
        HomeLock(tmp_path / "lock"),
        pytest.raises(SetupError, match=f"process {os.getpid()} "),
    ):
        HomeLock(tmp_path / "lock").__enter__()
    assert not (tmp_path / "lock.holder").exists()
    with HomeLock(tmp_path / "lock"):
        assert (tmp_path / "lock.holder").exists()


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be taken"):
        HomeLock(tmp_path / "file" / "lock").__enter__()
