"""What the rows' painter keeps: which rows fade, and words that are laid out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from tests.fakes.journal_thread import JournalThread
from ui.bridge import Bridge
from ui.queue import painter as painting
from ui.queue.model import QueueModel
from ui.queue.painter import FADE_BEATS, MAX_FADING, Box, RowPainter
from ui.theme.theme import Theme


@pytest.fixture
def painter_of_rows(
    journal_bridge: tuple[Bridge, JournalThread], theme: Theme
) -> Iterator[RowPainter]:
    model = QueueModel(journal_bridge[0])
    yield RowPainter(model, theme)
    model.deleteLater()


def test_only_rows_that_changed_fade_and_each_is_painted_once_more_at_the_end(
    painter_of_rows: RowPainter,
) -> None:
    assert painter_of_rows.beat(1) == set()
    painter_of_rows.fade("a")
    assert painter_of_rows.beat(2) == {"a"}
    painter_of_rows.fade("b")
    assert painter_of_rows.beat(1 + FADE_BEATS) == {"a", "b"}  # the last of a's, without its glow
    assert painter_of_rows.beat(2 + FADE_BEATS) == {"b"}
    assert painter_of_rows.beat(3 + FADE_BEATS) == set()


def test_words_are_laid_out_once_and_few_are_kept(
    painter_of_rows: RowPainter, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[str] = []

    def counted(words: str, *rest: Any) -> Any:
        laid_out.append(words)
        return real(words, *rest)

    real = painting._laid_out
    monkeypatch.setattr(painting, "_laid_out", counted)
    monkeypatch.setattr(painting, "MAX_TEXTS", 3)
    image = QImage(200, 46, QImage.Format.Format_ARGB32)
    painter = QPainter(image)

    def draw(words: str) -> None:
        painter_of_rows._text(painter, Box(0, 0, 200, 46), words, QColor("white"))

    for words in ("one", "one", "two", "one"):
        draw(words)
    assert laid_out == ["one", "two"]
    for number in range(10):
        draw(f"step {number}")
    painter.end()
    assert len(painter_of_rows._texts) <= 3


@pytest.mark.parametrize("right", [False, True])
def test_words_stand_where_qt_itself_puts_them(painter_of_rows: RowPainter, right: bool) -> None:
    """One line, in the middle of its cell, at its side, cut at its width."""
    theme = painter_of_rows._theme
    area = Box(20, 0, 120, 46)
    for words in ("Running", "a name that is much longer than its cell may ever be"):
        ours, theirs = _image(), _image()
        painter = QPainter(ours)
        painter_of_rows._text(painter, area, words, QColor("white"), right=right)
        painter.end()
        painter = QPainter(theirs)
        painter.setFont(theme.font())
        painter.setPen(QColor("white"))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        cut = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, 120)
        painter.drawText(QRectF(*area), int(side | Qt.AlignmentFlag.AlignVCenter), cut)
        painter.end()
        mine, his = _inked(ours), _inked(theirs)
        assert all(abs(a - b) <= 1 for a, b in zip(mine, his, strict=True)), (mine, his)


def _image() -> QImage:
    image = QImage(160, 46, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    return image


def _inked(image: QImage) -> tuple[int, int, int, int]:
    """The box of what is drawn."""
    dots = [
        (x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).lightness() > 60
    ]
    xs, ys = [x for x, _ in dots], [y for _, y in dots]
    return min(xs), min(ys), max(xs), max(ys)


def test_few_rows_fade_at_once_however_many_change(painter_of_rows: RowPainter) -> None:
    for number in range(3 * MAX_FADING):
        painter_of_rows.fade(f"job-{number}")
    assert len(painter_of_rows.beat(1)) == MAX_FADING
    painter_of_rows.beat(1 + FADE_BEATS)
    painter_of_rows.fade("later")
    assert "later" in painter_of_rows.beat(2 + FADE_BEATS)
