"""What is kept of the workflows' offers: read back, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.app.offered import Offered

OFFER = {"txt2img abc": {"name": "txt2img"}}


def test_what_was_written_is_read_for_the_same_engine_alone(tmp_path: Path) -> None:
    path = tmp_path / "offered.json"
    Offered(path, "managed /a").write(OFFER)
    assert Offered(path, "managed /a").read() == OFFER
    assert Offered(path, "managed /b").read() == {}


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "{}", "7", '{"version": 1}', '{"version": 1, "engine": "e"}',
     '{"version": 1, "engine": "e", "workflows": [1]}', '{"version": 1, "eng'],
)  # fmt: skip
def test_what_is_no_such_file_is_as_none(tmp_path: Path, body: str) -> None:
    path = tmp_path / "offered.json"
    path.write_text(body)
    assert Offered(path, "e").read() == {}
