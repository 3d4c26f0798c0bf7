"""The host page over a real desk and its demo engine."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from tests.ui.busy import busy
from tests.ui.conftest import OpenDesk
from tests.ui.jobs import chain, send
from ui.host.log_feed import KEPT, PIECE, WAITING, LogFeed, LogLine
from ui.host.measures import SPAN_S
from ui.host.page import HostPage

PATIENCE_MS = 180_000


def page_of(desk: OpenDesk) -> HostPage:
    found = desk.window.findChild(HostPage)
    assert found is not None
    desk.window.show_page("host")
    return found


def state_of(page: HostPage) -> str:
    return "" if page.card.shown is None else page.card.shown.state


def test_the_engine_is_stopped_and_started_and_says_why(desk: OpenDesk, qtbot: QtBot) -> None:
    page = page_of(desk)
    buttons = page.card.buttons
    qtbot.waitUntil(lambda: state_of(page) == "Running", timeout=PATIENCE_MS)
    assert not buttons["start"].isVisible()
    buttons["stop"].click()
    qtbot.waitUntil(lambda: state_of(page) == "Stopped", timeout=PATIENCE_MS)
    assert page.card.shown is not None
    assert "It last " in page.card.shown.why
    buttons["start"].click()
    qtbot.waitUntil(lambda: state_of(page) == "Running", timeout=PATIENCE_MS)


def test_the_engine_s_memory_is_freed(desk: OpenDesk, qtbot: QtBot) -> None:
    page = page_of(desk)
    free = page.card.buttons["free"]
    qtbot.waitUntil(free.isVisible, timeout=PATIENCE_MS)
    with qtbot.assertNotEmitted(desk.bridge.failed):
        free.click()
        assert not free.isEnabled()
        qtbot.waitUntil(free.isEnabled, timeout=PATIENCE_MS)


def test_a_running_job_is_asked_about_before_its_engine_is_stopped(
    slow_desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    desk = slow_desk
    page = page_of(desk)
    qtbot.waitUntil(lambda: state_of(page) == "Running", timeout=PATIENCE_MS)
    send(desk, chain(steps=100), tmp_path)
    qtbot.waitUntil(
        lambda: desk.bridge.latest is not None and desk.bridge.latest.running == 1,
        timeout=PATIENCE_MS,
    )
    stop = page.card.buttons["stop"]
    stop.click()
    question = page.card.question
    assert question is not None
    assert question.title == "Stop the engine?"
    qtbot.keyClick(question, Qt.Key.Key_Return)  # Enter keeps things as they are
    qtbot.waitUntil(lambda: page.card.question is None)
    assert state_of(page) == "Running"
    stop.click()
    question = page.card.question
    assert question is not None
    question.yes.click()
    qtbot.waitUntil(lambda: state_of(page) == "Stopped", timeout=PATIENCE_MS)


def test_the_console_shows_what_the_engine_prints(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    page = page_of(desk)
    send(desk, chain(steps=1), tmp_path)
    qtbot.waitUntil(
        lambda: page.console.text.toPlainText().count("got prompt") == 2, timeout=PATIENCE_MS
    )


def test_lines_from_any_thread_arrive_in_order_and_bounded(desk: OpenDesk, qtbot: QtBot) -> None:
    feed = desk.bridge.findChild(LogFeed)
    assert feed is not None
    many = 3 * WAITING
    # what the engine prints as it starts must not come in between
    qtbot.waitUntil(lambda: any("listening on" in line.text for line in feed.lines))
    skipped = feed.skipped

    def print_much() -> None:
        for number in range(many):
            feed.put(f"line {number}")

    thread = threading.Thread(target=print_much)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(feed.lines) and feed.lines[-1].text == f"line {many - 1}")
    numbers = [int(line.text[5:]) for line in feed.lines if line.text.startswith("line ")]
    assert numbers == sorted(numbers)
    assert len(numbers) + feed.skipped - skipped == many
    assert len(feed.lines) <= KEPT


def test_many_lines_are_told_in_pieces_between_which_a_click_is_heard(
    desk: OpenDesk, qtbot: QtBot
) -> None:
    feed = desk.bridge.findChild(LogFeed)
    assert feed is not None
    qtbot.waitUntil(lambda: any("listening on" in line.text for line in feed.lines))
    told: list[str] = []

    def take(piece: list[LogLine]) -> None:
        assert len(piece) <= PIECE
        if piece[0].text.startswith("line "):
            told.extend(line.text for line in piece)
            QTimer.singleShot(0, lambda: told.append("click"))

    feed.arrived.connect(take)
    wanted = [f"line {number}" for number in range(2 * PIECE + 1)]
    for text in wanted:
        feed.put(text)
    qtbot.waitUntil(lambda: told.count("click") == 3)
    assert [text for text in told if text != "click"] == wanted
    assert [told[PIECE], told[2 * PIECE + 1]] == ["click", "click"]


def test_the_plots_show_the_machine_and_the_jobs_that_ran(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    page = page_of(desk)
    send(desk, chain(steps=100), tmp_path)
    plots = page.plots.plots
    qtbot.waitUntil(lambda: {"CPU", "RAM", "Queue"} <= set(plots), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: plots["CPU"].band_count == 1, timeout=PATIENCE_MS)
    assert plots["RAM"].words.endswith(" GB")
    assert plots["CPU"].words.endswith("%")
    assert page.plots.words.startswith("Blue bands are the jobs that ran.")
    assert (plots["CPU"].top_words, plots["Queue"].top_words) == ("100%", "4 jobs")


def test_a_plot_tells_what_is_under_the_pointer(desk: OpenDesk, qtbot: QtBot) -> None:
    page = page_of(desk)
    qtbot.waitUntil(lambda: "CPU" in page.plots.plots)
    plot = page.plots.plots["CPU"]
    view = plot.findChild(QAbstractScrollArea)
    assert view is not None
    surface = view.viewport()
    qtbot.waitUntil(lambda: surface.width() > 100)
    qtbot.mouseMove(surface, QPoint(surface.width() // 2, 20))
    qtbot.waitUntil(lambda: plot.words.startswith("7:") and plot.words.endswith("not measured"))
    qtbot.mouseMove(surface, QPoint(surface.width() - 1, 20))
    qtbot.waitUntil(lambda: plot.words.startswith("0:0") and plot.words.endswith("%"))
    QApplication.sendEvent(surface, QEvent(QEvent.Type.Leave))
    assert "ago" not in plot.words


def test_the_plots_go_on_after_the_core_was_too_busy(desk: OpenDesk, qtbot: QtBot) -> None:
    page = page_of(desk)
    qtbot.waitUntil(lambda: "CPU" in page.plots.plots)
    with busy(desk, qtbot):
        page.plots.hide()
        page.plots.show()  # reads at once, and is refused
    before = desk.thread.submit(newest_sample).result(PATIENCE_MS / 1000)
    qtbot.waitUntil(lambda: page.plots.newest is not None and page.plots.newest > before)


async def newest_sample(core: Core) -> datetime:
    return core.resources.history(SPAN_S)[-1].at


def test_the_keys_for_searching_search_the_log(desk: OpenDesk, qtbot: QtBot) -> None:
    page = page_of(desk)
    stop = page.card.buttons["stop"]
    qtbot.waitUntil(stop.isVisible, timeout=PATIENCE_MS)
    for place in (stop, page.console.text):
        place.setFocus()
        qtbot.keyClick(place, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(page.console.search.hasFocus)


@pytest.mark.parametrize(("width", "height"), [(1480, 620), (820, 520)])
def test_where_room_is_short_nothing_is_squeezed(
    desk: OpenDesk, qtbot: QtBot, width: int, height: int
) -> None:
    page = page_of(desk)
    qtbot.waitUntil(lambda: {"CPU", "RAM", "Queue"} <= set(page.plots.plots))
    desk.window.resize(width, height)

    def is_whole(part: QWidget) -> bool:
        return part.height() >= part.minimumSizeHint().height()

    qtbot.waitUntil(lambda: is_whole(page.card) and is_whole(page.plots))
    qtbot.waitUntil(page.console.isVisible)
    qtbot.waitUntil(lambda: page.console.height() >= 180)
    if width < 900:  # the cards share the whole width with the log below them
        ends = [part.mapTo(page, part.rect().topRight()).x() for part in (page.plots, page.console)]
        assert ends[0] == ends[1]
