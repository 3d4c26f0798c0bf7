"""The list while it is read, when it cannot be, and once it can again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import JournalUnavailable
from tests.fakes.journal_thread import JournalThread
from tests.ui.frame.figures import FIGURES
from ui.bridge import Bridge
from ui.figures import start_of_day
from ui.frame.toasts import Toasts
from ui.memory import Memory
from ui.queue.model import REFRESH_BEATS
from ui.queue.page import QueuePage
from ui.theme.theme import Theme


class _Clock:
    """A clock that a test puts on."""

    def __init__(self) -> None:
        self.late = timedelta()

    def now(self) -> datetime:
        return utc_now() + self.late


WHY = "The journal cannot be read: disk I/O error."
Parts = tuple[QueuePage, JournalThread]


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def parts(
    qtbot: QtBot,
    journal_bridge: tuple[Bridge, JournalThread],
    theme: Theme,
    memory: Memory,
    tmp_path: Path,
    clock: _Clock,
) -> Iterator[Parts]:
    """The page over a journal with 10,000 jobs that was not read yet: it waits for `go_on`."""
    bridge, thread = journal_bridge
    thread.hold()
    window = QWidget()
    paths = SimpleNamespace(jobs_dir=tmp_path / "jobs")
    core = SimpleNamespace(local_url="http://127.0.0.1:1", settings=SimpleNamespace(paths=paths))
    page = QueuePage(core, bridge, theme, memory, Toasts(window), clock=clock.now)  # type: ignore[arg-type]
    page.resize(1000, 600)
    page.show()
    yield page, thread
    thread.go_on()
    bridge.close()
    page.hide()
    page.deleteLater()
    window.deleteLater()


def read(qtbot: QtBot, parts: Parts) -> None:
    parts[1].go_on()
    qtbot.waitUntil(lambda: parts[0].model.is_read and parts[0].table.isVisible())


def test_a_list_that_takes_long_says_that_it_is_read(qtbot: QtBot, parts: Parts) -> None:
    page, thread = parts
    qtbot.waitUntil(page.nothing.isVisible)
    assert page.nothing.title == "Reading the jobs"
    assert not page.nothing.button.isVisible()
    read(qtbot, parts)
    thread.hold()
    page.chips.choose("Failed")  # what is there is not what this one finds
    qtbot.waitUntil(page.nothing.isVisible)
    assert page.nothing.title == "Reading the jobs"
    read(qtbot, parts)


def test_a_list_that_cannot_be_read_says_why_and_is_read_again(qtbot: QtBot, parts: Parts) -> None:
    page, thread = parts
    thread.failure = JournalUnavailable(WHY)
    thread.go_on()
    qtbot.waitUntil(lambda: page.nothing.title == "The jobs cannot be read")
    assert page.nothing.isVisible()
    assert page.nothing.words == WHY
    assert page.nothing.button.text() == "Try again"
    thread.failure = None
    page.nothing.button.click()
    read(qtbot, parts)


def test_no_row_of_another_filter_stays_when_the_new_one_cannot_be_read(
    qtbot: QtBot, parts: Parts
) -> None:
    page, thread = parts
    read(qtbot, parts)
    thread.failure = JournalUnavailable(WHY)
    page.chips.choose("Failed")
    qtbot.waitUntil(lambda: page.nothing.words == WHY)
    assert page.model.rowCount() == 0
    thread.failure = None
    page.show_all()
    read(qtbot, parts)
    assert page.model.rowCount() > 0


def test_rows_stay_when_they_cannot_be_read_again_and_it_is_said_once(
    qtbot: QtBot, parts: Parts
) -> None:
    page, thread = parts
    read(qtbot, parts)
    rows = page.model.rowCount()
    said: list[str] = []
    page._bridge.failed.connect(said.append)
    thread.failure = JournalUnavailable(WHY)
    for _ in range(2):
        with qtbot.waitSignal(page.model.unreadable):
            page.model.refresh()
    assert said == [WHY]
    assert page.table.isVisible()
    assert page.model.rowCount() == rows
    thread.failure = None
    with qtbot.waitSignal(page.model.shown):
        for number in range(1, 21 * REFRESH_BEATS + 1):  # by itself, after some seconds
            page.model.beat(number)


def test_today_goes_on_to_the_next_day_by_itself(qtbot: QtBot, parts: Parts, clock: _Clock) -> None:
    page, _ = parts
    read(qtbot, parts)
    page.chips.choose("Today")
    qtbot.waitUntil(lambda: page.model.is_read)
    before = page.model.query.created_from
    assert before is not None
    page._show_figures(FIGURES)
    assert page.model.query.created_from == before
    clock.late = timedelta(days=1)
    page._show_figures(FIGURES)
    assert page.model.query.created_from == start_of_day(clock.now())
    assert page.model.query.created_from != before
    qtbot.waitUntil(lambda: page.model.is_read)


def test_selecting_more_than_can_be_is_said(
    qtbot: QtBot, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = parts
    monkeypatch.setattr("ui.queue.page.MOST_IDS", 400)
    monkeypatch.setattr("ui.queue.reading.MOST_IDS", 400)
    read(qtbot, parts)
    page.table.selectAll()
    qtbot.waitUntil(lambda: len(page.selected.ids) > 0)
    assert len(page.selected.ids) == 400
    assert page._toasts.history[-1].text == "Selected 400 of 10,000 jobs: that is the most at once."


def test_the_search_keeps_the_focus_while_the_list_comes_and_goes(
    qtbot: QtBot, parts: Parts
) -> None:
    page, _ = parts
    read(qtbot, parts)
    page.search.setFocus()
    page.search.setText("nobody has this")
    qtbot.waitUntil(lambda: page.nothing.title == "No job matches")
    page.search.setText("")
    qtbot.waitUntil(page.table.isVisible)
    assert page.focusWidget() is page.search
