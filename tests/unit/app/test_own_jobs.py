"""The client id of a home's own jobs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jigdesk.app.own_jobs import own_client_id
from jigdesk.domain.errors import SetupError
from jigdesk.domain.ids import is_client_id
from jigdesk.settings import Paths, home_paths

AT_ONCE = 8


def test_those_who_draw_it_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(20):
            paths = home_paths(tmp_path / str(number))
            paths.state_dir.mkdir(parents=True)
            together = threading.Barrier(AT_ONCE)

            def draw(paths: Paths = paths, together: threading.Barrier = together) -> str:
                together.wait()
                return own_client_id(paths)

            drawn = {future.result() for future in [pool.submit(draw) for _ in range(AT_ONCE)]}
            assert drawn == {own_client_id(paths)}


@pytest.mark.parametrize("kept", [b"", b"short\n", b"\xff\xfe"])
def test_one_that_is_none_is_drawn_anew(tmp_path: Path, kept: bytes) -> None:
    paths = home_paths(tmp_path)
    paths.state_dir.mkdir()
    (paths.state_dir / "client.id").write_bytes(kept)
    drawn = own_client_id(paths)
    assert is_client_id(drawn)
    assert own_client_id(paths) == drawn


def test_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    paths = home_paths(tmp_path)
    (paths.state_dir / "client.id").mkdir(parents=True)
    with pytest.raises(SetupError, match=r"client\.id cannot be read or written"):
        own_client_id(paths)
