from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jigdesk.adapters.process.lines import Line
from jigdesk.adapters.process.logfile import MAX_WAITING, LogWriter, RotatingFile
from jigdesk.domain.clock import from_rfc3339
from tests.harness.waiting import eventually


def texts_of(path: Path) -> list[str]:
    """The lines without their times."""
    return [line.split(" ", 1)[1] for line in path.read_text().splitlines()]


def test_rotates_and_keeps_a_bounded_number_of_files(tmp_path: Path) -> None:
    log = RotatingFile(tmp_path / "engine.log", max_bytes=10, backups=2)
    for word in ("first", "second", "third", "fourth"):
        log.append(f"{word} {'x' * 10}\n")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["engine.log", "engine.log.1", "engine.log.2"]
    words = [(tmp_path / name).read_text().split()[0] for name in names]
    assert words == ["fourth", "third", "second"]


async def test_writes_lines_with_their_time_but_no_progress_bars(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    now = from_rfc3339("2026-03-01T12:00:00.123Z")
    writer = LogWriter(RotatingFile(path), lambda: now)
    writer.add([Line("one", False), Line("10%", True), Line("two", False)])
    writer.end()
    assert await writer.run() is None
    assert path.read_text() == "2026-03-01T12:00:00.123Z one\n2026-03-01T12:00:00.123Z two\n"


async def test_says_how_many_lines_it_had_to_drop(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    writer = LogWriter(RotatingFile(path))
    writer.add([Line(str(number), False) for number in range(MAX_WAITING + 7)])
    writer.end()
    assert await writer.run() is None
    written = texts_of(path)
    assert written[:2] == ["(7 lines were dropped here)", "7"]
    assert len(written) == MAX_WAITING + 1


async def test_goes_on_once_it_can_and_says_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.touch()  # a file in the folder's place
    writer = LogWriter(RotatingFile(folder / "engine.log"))
    writing = asyncio.create_task(writer.run())
    writer.add([Line("one", False), Line("two", False)])
    await eventually(lambda: writer.error is not None)
    why = writer.error
    folder.unlink()
    writer.add([Line("three", False)])
    await eventually(lambda: writer.error is None)
    writer.add([Line("four", False)])
    writer.end()
    assert await writing is None
    written = texts_of(folder / "engine.log")
    assert written == [f"(2 lines were dropped here: {why})", "three", "four"]


def test_a_line_that_was_cut_off_ends_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    log = RotatingFile(path)
    log.append("one\n")
    with path.open("a") as file:
        file.write("tw")  # as a disk that fills up leaves it
    path.rename(tmp_path / "aside")
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        log.append("two\n")
    path.rmdir()
    (tmp_path / "aside").rename(path)
    log.append("three\n")
    log.append("four\n")
    assert path.read_text() == "one\ntw\nthree\nfour\n"


async def test_says_why_nothing_more_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    writer = LogWriter(RotatingFile(tmp_path / "file" / "engine.log"))
    writer.add([Line("one", False)])
    writer.end()
    reason = await writer.run()
    assert reason is not None
    assert "file" in reason
