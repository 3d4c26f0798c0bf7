"""The name under which a desk registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.app.host_id import host_id_of
from jigdesk.domain.errors import SetupError
from jigdesk.domain.host import is_host_id


def test_it_is_drawn_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "host.id"
    drawn = host_id_of(path)
    assert is_host_id(drawn)
    assert host_id_of(path) == drawn
    assert [one.name for one in path.parent.iterdir()] == ["host.id"]


def test_a_file_that_holds_none_is_said_to(tmp_path: Path) -> None:
    path = tmp_path / "host.id"
    path.write_bytes(b"\xff")
    with pytest.raises(SetupError, match="holds no host id"):
        host_id_of(path)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read or written"):
        host_id_of(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be read or written"):
        host_id_of(tmp_path / "file" / "host.id")
