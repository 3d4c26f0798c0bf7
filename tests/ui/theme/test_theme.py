"""Switching the theme repaints everything in the other palette at once."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jigdesk.resources import assets_dir
from ui.theme.theme import Theme, ThemeChoice


def test_a_switch_changes_palette_sheet_and_icons(
    qtbot: QtBot, qapp: QApplication, theme: Theme
) -> None:
    dark = theme.icons.icon("queue", "text").pixmap(20, 20).toImage()
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.palette.background)
    with qtbot.waitSignal(theme.changed):
        theme.choose(ThemeChoice.LIGHT)
    assert not theme.is_dark
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.palette.background)
    assert theme.palette.panel in qapp.styleSheet()
    assert theme.icons.icon("queue", "text").pixmap(20, 20).toImage() != dark


def test_the_system_theme_is_followed(qapp: QApplication, theme: Theme) -> None:
    hints = qapp.styleHints()
    theme.choose(ThemeChoice.SYSTEM)
    try:
        hints.setColorScheme(Qt.ColorScheme.Light)
        assert theme.is_dark is (hints.colorScheme() is not Qt.ColorScheme.Light)
        hints.setColorScheme(Qt.ColorScheme.Dark)
        assert theme.is_dark is (hints.colorScheme() is not Qt.ColorScheme.Light)
    finally:
        hints.unsetColorScheme()


def test_fonts_have_the_agreed_sizes_and_one_width_of_figures(theme: Theme) -> None:
    font = theme.font()
    assert font.pixelSize() == 13
    assert font.featureTags()


@pytest.mark.parametrize("path", sorted((assets_dir() / "icons").glob("*.svg")))
def test_every_icon_draws_something_at_every_density(theme: Theme, path: object) -> None:
    name = path.stem  # type: ignore[attr-defined]
    for density in (1.0, 2.0):
        image = theme.icons.icon(name, "text").pixmap(theme_size(), density).toImage()
        assert any(
            image.pixelColor(x, y).alpha() > 0
            for x in range(image.width())
            for y in range(image.height())
        )


def theme_size() -> object:
    from PySide6.QtCore import QSize

    return QSize(20, 20)
