from __future__ import annotations

import errno
import re
import stat
import threading
from pathlib import Path

import pytest

from jigdesk.domain.errors import DiskFull
from jigdesk.files import room_for, write_whole


def test_makes_the_folder_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "deep" / "host.json"
    write_whole(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_mode_is_that_of_the_file_also_where_one_was_there(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_whole(path, "one", mode=0o600)
    write_whole(path, "two", mode=0o644, durable=True)
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "listeners.json"
    bodies = [letter * 200_000 for letter in "abc"]
    write_whole(path, bodies[0])
    done = threading.Event()
    seen: set[str] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(100):
        write_whole(path, bodies[turn % 3])
    done.set()
    reader.join()
    assert seen <= set(bodies)


def test_what_cannot_be_put_in_its_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "offered.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "offered.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["offered.json"]


def test_only_a_disk_without_room_is_said_to_be_full(tmp_path: Path) -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(DiskFull, match=re.escape(str(tmp_path))), room_for(tmp_path / "r.png"):
            raise OSError(number, "no room")
    with pytest.raises(FileNotFoundError), room_for(tmp_path / "r.png"):
        raise FileNotFoundError
