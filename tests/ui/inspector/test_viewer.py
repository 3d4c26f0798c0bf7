"""The large view of a job's pictures."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from jigdesk.app.job_story import StoryFile
from tests.ui.inspector.test_tables import a_file
from ui.inspector.viewer import Viewer
from ui.theme.theme import Theme


def test_walking_through_many_pictures_keeps_the_one_that_is_shown_and_the_input(
    qtbot: QtBot, theme: Theme
) -> None:
    files = [replace(a_file("photo.png"), role="input")]
    files += [a_file(f"{number}.png") for number in range(20)]
    asked: list[StoryFile] = []
    viewer = Viewer(files, theme, asked.append)
    qtbot.addWidget(viewer)
    viewer.show_file(files[0].key)
    picture = QImage(8, 8, QImage.Format.Format_ARGB32_Premultiplied)
    for number in range(20):
        viewer.show_image(viewer.file.key, picture)
        viewer.step(1)
        assert len(viewer._images) <= 2, number
    assert asked == files
    viewer.show_image(files[3].key, picture)  # it comes late
    assert len(viewer._images) <= 2
    viewer.step(-1)
    assert asked[-1] == files[-2]
