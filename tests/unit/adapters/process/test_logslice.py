from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jigdesk.adapters.process.lines import Line
from jigdesk.adapters.process.logfile import LogWriter, RotatingFile
from jigdesk.adapters.process.logslice import LogSlice, read_slice

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


async def a_log(path: Path, seconds: int, *, max_bytes: int = 10_000) -> None:
    """A line a second, `line 0` to so many, through the writer itself."""
    for number in range(seconds):
        writer = LogWriter(RotatingFile(path, max_bytes=max_bytes), lambda at=number: after(at))  # type: ignore[misc]
        writer.add([Line(f"line {number}", False)])
        writer.end()
        assert await writer.run() is None


def texts(found: LogSlice) -> list[str]:
    return [text for _, text in found.lines]


async def test_the_lines_of_a_time_with_when_they_came(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    await a_log(path, 10)
    found = read_slice(path, after(3), after(5), most=100)
    assert found.lines == ((after(3), "line 3"), (after(4), "line 4"))
    assert not found.is_cut
    assert found.since == BEGIN


async def test_goes_over_the_files_that_the_log_was_before(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    await a_log(path, 12, max_bytes=120)
    assert path.with_name("engine.log.2").exists()
    found = read_slice(path, BEGIN, after(60), most=100)
    assert texts(found) == [f"line {number}" for number in range(12)]


async def test_the_newest_of_too_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    await a_log(path, 10)
    found = read_slice(path, BEGIN, after(8), most=2)
    assert texts(found) == ["line 6", "line 7"]
    assert found.is_cut


async def test_files_from_before_that_time_are_not_read_through(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    await a_log(path, 12, max_bytes=120)
    old = path.with_name("engine.log.2")
    long_ago = (BEGIN - timedelta(days=1)).timestamp()
    os.utime(old, (long_ago, long_ago))  # as if its lines were none of the time's
    found = read_slice(path, BEGIN, after(60), most=100)
    assert 0 < len(found.lines) < 12
    assert found.since == BEGIN  # which is still told


def test_what_has_no_time_is_none_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_bytes(
        b"printed by something else\n\n"
        b"2026-03-01T12:00:0\n"
        b"2026-03-01T12:00:01.000Z \xff\xfe printed\n"
        b"2026-03-01T12:00:02.000Zno space\n"
        b"2026-03-01T12:00:03.000Z cut off"
    )
    assert texts(read_slice(path, BEGIN, after(60), most=100)) == [
        "\ufffd\ufffd printed",
        "cut off",
    ]


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert read_slice(tmp_path / "engine.log", BEGIN, after(60), most=9) == LogSlice(
        (), False, None
    )


def test_a_log_that_cannot_be_read_raises(tmp_path: Path) -> None:
    (tmp_path / "engine.log").mkdir()
    with pytest.raises(OSError, match="directory"):
        read_slice(tmp_path / "engine.log", BEGIN, after(60), most=9)
