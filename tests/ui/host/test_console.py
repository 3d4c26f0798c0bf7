"""The log console: fast, bounded, searched, locked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QApplication
from pytestqt.qtbot import QtBot

from tests.harness.cost import assert_linear
from tests.ui.jobs import NOW
from ui.host.console import BLOCKS, Console
from ui.host.log_feed import Level, LogLine, level_of
from ui.theme.theme import Theme, ThemeChoice


@pytest.fixture
def console(qtbot: QtBot, theme: Theme) -> Console:
    shown = Console(theme)
    qtbot.addWidget(shown)
    shown.resize(700, 300)
    shown.show()
    return shown


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(NOW, text) for text in texts]


def numbered(begin: int, end: int) -> Sequence[LogLine]:
    return lines(*(f"[info] sampling line {number} of many" for number in range(begin, end)))


def test_a_flood_of_lines_costs_the_same_a_line_however_many_came_before(
    console: Console, qapp: QApplication
) -> None:
    def flood(count: int) -> None:
        for begin in range(0, count, 500):
            console.add(numbered(begin, begin + 500))
            qapp.processEvents()

    flood(BLOCKS)  # full from here on: each further line pushes one out
    assert_linear(flood, 2_500)
    assert console.line_count == BLOCKS
    assert console.text.toPlainText().endswith("line 9999 of many")


def test_a_progress_bar_takes_one_line(console: Console) -> None:
    console.add([LogLine(NOW, "start"), LogLine(NOW, "10%", True)])
    console.add([LogLine(NOW, "20%", True), LogLine(NOW, "30%", True)])
    console.add(lines("done"))
    assert console.text.toPlainText() == "start\ndone"


def test_it_follows_until_it_is_locked(console: Console) -> None:
    console.add(numbered(0, 200))
    bar = console.text.verticalScrollBar()
    assert bar.value() == bar.maximum()
    console.follow.click()
    assert console.follow.text() == "Locked"
    bar.setValue(10)
    console.add(numbered(200, 400))
    assert bar.value() == 10
    console.follow.click()
    assert bar.value() == bar.maximum()


@pytest.mark.parametrize("way", ["wheel", "page up", "bar"])
def test_scrolling_up_locks_and_scrolling_down_does_not(
    console: Console, qapp: QApplication, way: str
) -> None:
    console.add(numbered(0, 200))
    bar = console.text.verticalScrollBar()
    _wheel(console, qapp, down=True)
    assert console.follow.isChecked()
    match way:
        case "wheel":
            _wheel(console, qapp, down=False)
        case "page up":
            bar.triggerAction(QAbstractSlider.SliderAction.SliderPageStepSub)
        case _:
            bar.setSliderDown(True)
            bar.setSliderPosition(50)
            bar.setSliderDown(False)
    assert not console.follow.isChecked()
    place = bar.value()
    assert place < bar.maximum()
    console.add(numbered(200, 300))
    assert bar.value() == place


def _wheel(console: Console, qapp: QApplication, *, down: bool) -> None:
    view = console.text.viewport()
    middle = QPointF(view.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(view.mapToGlobal(middle)),
        QPoint(),
        QPoint(0, -120 if down else 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    qapp.sendEvent(view, event)


def test_what_is_looked_at_stays_while_lines_push_others_out(
    console: Console, qapp: QApplication
) -> None:
    console.add(numbered(0, BLOCKS))
    console.follow.click()
    console.text.verticalScrollBar().setValue(3_000)
    looked_at = console.text.firstVisibleBlock().text()
    assert "line 3000 " in looked_at
    for begin in range(BLOCKS, BLOCKS + 2_500, 500):
        console.add(numbered(begin, begin + 500))
        qapp.processEvents()
        assert console.text.firstVisibleBlock().text() == looked_at
    for begin in range(8_000, 9_000, 500):  # until it is pushed out itself
        console.add(numbered(begin, begin + 500))
    assert console.text.verticalScrollBar().value() == 0


def test_searching_locks_and_counts(console: Console) -> None:
    console.add(lines("alpha", "beta", "Alpha two", "gamma"))
    console.search.setText("alpha")
    assert console.found.text() == "2 found"
    assert not console.follow.isChecked()
    assert console.text.textCursor().selectedText() == "alpha"
    console.find_next()
    assert console.text.textCursor().selectedText() == "Alpha"
    console.find_next()  # around the end
    assert console.text.textCursor().blockNumber() == 0
    console.search.clear()
    assert console.found.text() == ""
    assert console.text.extraSelections() == []


def test_all_is_copied(console: Console, qapp: QApplication) -> None:
    console.add(lines("one", "two"))
    console.copy_all()
    assert qapp.clipboard().text() == "one\ntwo"


def test_another_theme_keeps_the_place_of_a_locked_log(console: Console, theme: Theme) -> None:
    console.show_lines(numbered(0, 1000))
    console.follow.setChecked(False)
    bar = console.text.verticalScrollBar()
    bar.setValue(400)
    theme.choose(ThemeChoice.LIGHT)
    assert bar.value() == 400


def test_levels_are_coloured_in_the_theme_that_is_shown(console: Console, theme: Theme) -> None:
    console.add(lines("fine", "ERROR: it broke"))
    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        theme.choose(choice)
        block = console.text.document().lastBlock()
        ink = block.begin().fragment().charFormat().foreground().color()
        assert ink == theme.ink("error", "panel")
        assert console.text.toPlainText() == "fine\nERROR: it broke"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[ERROR] Failed to load", Level.ERROR),
        ("RuntimeError: CUDA out of memory", Level.ERROR),
        ("Traceback (most recent call last):", Level.ERROR),
        ("!!! Exception during processing !!!", Level.ERROR),
        ("Finished with 0 errors", Level.INFO),
        ("FutureWarning: x is deprecated", Level.WARNING),
        ("WARNING: low memory", Level.WARNING),
        ("[DEBUG] tick", Level.DEBUG),
        ("got prompt", Level.INFO),
    ],
)
def test_levels_are_read_from_the_words(text: str, level: Level) -> None:
    assert level_of(text) is level
