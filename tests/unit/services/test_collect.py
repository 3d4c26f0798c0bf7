from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.domain.errors import DiskFull
from jigdesk.services.collect import _write_text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
def test_a_text_for_which_there_is_no_room_may_be_written_later(tmp_path: Path) -> None:
    path, part = tmp_path / "text.txt", tmp_path / "text.txt.part"
    part.symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="Free some space"):
        _write_text(path, "words")
    assert not path.exists()
    part.unlink()
    assert _write_text(path, "words").size_bytes == 5
