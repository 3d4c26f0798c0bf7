from __future__ import annotations

from pathlib import Path

from jigdesk.adapters.process.lines import Line
from jigdesk.adapters.process.logfile import MAX_WAITING, LogWriter, RotatingFile


def test_rotates_and_keeps_a_bounded_number_of_files(tmp_path: Path) -> None:
    log = RotatingFile(tmp_path / "engine.log", max_bytes=10, backups=2)
    for word in ("first", "second", "third", "fourth"):
        log.append(f"{word} {'x' * 10}\n")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["engine.log", "engine.log.1", "engine.log.2"]
    words = [(tmp_path / name).read_text().split()[0] for name in names]
    assert words == ["fourth", "third", "second"]


async def test_writes_lines_but_no_progress_bars(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    writer = LogWriter(RotatingFile(path))
    writer.add([Line("one", False), Line("10%", True), Line("two", False)])
    writer.end()
    assert await writer.run() is None
    assert path.read_text() == "one\ntwo\n"


async def test_says_how_many_lines_it_had_to_drop(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    writer = LogWriter(RotatingFile(path))
    writer.add([Line(str(number), False) for number in range(MAX_WAITING + 7)])
    writer.end()
    assert await writer.run() is None
    written = path.read_text().splitlines()
    assert written[:2] == ["(7 lines were dropped here)", "7"]
    assert len(written) == MAX_WAITING + 1


async def test_says_why_nothing_more_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    writer = LogWriter(RotatingFile(tmp_path / "file" / "engine.log"))
    writer.add([Line("one", False)])
    reason = await writer.run()
    assert reason is not None
    assert "file" in reason
