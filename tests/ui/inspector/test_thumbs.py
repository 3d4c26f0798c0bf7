"""The small pictures of a job's files: which there are, and that none is left behind."""

from __future__ import annotations

from dataclasses import replace

from pytestqt.qtbot import QtBot

from tests.ui.inspector.test_tables import a_file
from ui.inspector.thumbs import Thumb, Thumbs
from ui.theme.theme import Theme


def test_a_file_that_is_another_one_now_leaves_no_picture_behind(
    qtbot: QtBot, theme: Theme
) -> None:
    """A new attempt writes its results under the same keys."""
    thumbs = Thumbs(theme, lambda _: None)
    qtbot.addWidget(thumbs)
    thumbs.resize(300, 200)
    thumbs.show()
    file = a_file("result.png")
    thumbs.show_files([file], waits=False)
    thumbs.show_files([a_file("photo.png"), replace(file, size_bytes=99)], waits=False)
    seen = [thumb for thumb in thumbs.findChildren(Thumb) if thumb.isVisible()]
    assert seen == list(thumbs.thumbs.values())
