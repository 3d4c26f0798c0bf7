"""The frame: strip, status bar, toasts, the place for the inspector, and what is remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from jigdesk.domain.check import Check
from jigdesk.settings.draft import Origin
from tests.ui.conftest import OpenDesk
from tests.ui.frame.figures import FIGURES
from ui.frame.history import History
from ui.frame.lamp import Lamp
from ui.frame.toasts import HISTORY, SHOWN_AT_ONCE
from ui.frame.vitals import vitals
from ui.frame.window import FIRST_SIZE, MainWindow
from ui.host.page import HostPage
from ui.inspector.panel import Inspector
from ui.memory import Memory
from ui.pages import build_pages
from ui.theme.theme import ThemeChoice


def inspector_of(desk: OpenDesk) -> Inspector:
    found = desk.window.need_inspector()
    assert isinstance(found, Inspector)
    return found


def test_the_strip_says_the_engine_the_tunnel_and_what_is_wrong() -> None:
    checks = [
        Check("engine", "ok", "ComfyUI 0.3.64 runs."),
        Check("queue", "ok", "0 running."),
        Check("disk", "warning", "3.0 GB of 100 GB are free.", "Free some space."),
    ]
    found = {item.name: item for item in vitals(checks, FIGURES, {})}
    assert found["engine"].detail == "running · 0.3.64"
    assert found["tunnel"].level == "off"
    assert "queue" not in found
    assert (found["disk"].level, found["disk"].detail) == ("warning", "3.0 GB free")
    assert found["disk"].remedy == "Free some space."
    held = replace(FIGURES, engine={"kind": "managed", "status": "failed", "connected": False})
    failed = [Check("engine", "error", "ComfyUI is failed: no torch.", "Look at its log.")]
    engine = vitals(failed, held, {})[0]
    assert (engine.level, engine.remedy) == ("error", "Look at its log.")


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 requests came"), (1, "1 request came"), (1200, "1,200 requests came")],
)
def test_webhooks_are_counted_in_words(number: int, said: str) -> None:
    webhooks = vitals([], replace(FIGURES, requests_last_hour=number), {})[2]
    assert f"{said} in the last hour." in webhooks.message


def test_a_check_that_is_older_than_the_figures_does_not_contradict_them() -> None:
    stale = [Check("engine", "warning", "ComfyUI is starting.", "Look at its log.")]
    engine = vitals(stale, FIGURES, {})[0]
    assert (engine.level, engine.message) == ("ok", "running · 0.3.64")


def test_a_click_opens_the_check_with_its_remedy(qtbot: QtBot, desk: OpenDesk) -> None:
    desk.window.strip.show_checks([Check("store", "error", "It is away.", "Plug it in.")])
    card = desk.window.strip.open_check("store")
    assert card is not None
    words = [part.text() for part in card.findChildren(QLabel)]
    assert {"It is away.", "Plug it in."} <= set(words)
    card.close()
    assert desk.window.strip.open_check("no such") is None


def test_the_public_url_can_be_copied(qtbot: QtBot, desk: OpenDesk) -> None:
    strip = desk.window.strip
    assert not strip._copy.isVisible()
    strip.show_figures(replace(FIGURES, public_url="https://desk.example.com"))
    assert strip._copy.isVisibleTo(strip)
    strip._copy.click()
    assert QGuiApplication.clipboard().text() == "https://desk.example.com"


def test_a_narrow_strip_cuts_no_title(desk: OpenDesk) -> None:
    for width in (1480, 1100, 900, 820):
        desk.window.resize(width, 560)
        desk.window.layout().activate()  # type: ignore[union-attr]
        items = list(desk.window.strip.items.values())
        assert all(item.width() >= item.width_of(item.parts) for item in items)
        right = max(item.geometry().right() for item in items)
        assert right <= desk.window.strip.width()


URL = "https://a-long-name-of-a-desk.ngrok-free.example"
DOWN = [
    Check("tunnel", "error", "ngrok says ERR_NGROK_108.", "End the other agent."),
    Check("store", "ok", "Fine."),
    Check("publisher", "ok", "Fine."),
    Check("gpu", "ok", "None is seen: the engine works on the CPU."),
    Check("disk", "ok", "70.0 GB of 100 GB are free."),
]


@pytest.mark.parametrize("width", [820, 1000, 1480])
def test_what_fails_keeps_its_words_before_what_is_well(desk: OpenDesk, width: int) -> None:
    strip = desk.window.strip
    desk.window.resize(width, 560)
    strip.show_checks(DOWN)
    strip.show_figures(replace(FIGURES, public_url=URL))
    desk.window.layout().activate()  # type: ignore[union-attr]
    wrong = strip.items["tunnel"]
    assert wrong.detail != ""
    assert strip._copy.isVisible()
    assert strip._copy.geometry().right() < strip.width()
    right = max(item.geometry().right() for item in strip.items.values())
    assert right <= strip.width()
    if width == 1480:  # nothing is cut beside free room
        assert wrong.detail == "ngrok says ERR_NGROK_108"
        strip.show_checks(DOWN[1:])
        assert strip.items["tunnel"].detail == URL.removeprefix("https://")


def test_a_line_is_whole_where_there_is_room(desk: OpenDesk) -> None:
    strip = desk.window.strip
    desk.window.resize(1480, 560)
    held = "Held: The owner holds the queue until the cards have cooled down."
    strip.show_figures(FIGURES)
    strip.show_checks([Check("queue", "warning", held, "Resume it.")])
    wanted = "paused: The owner holds the queue until the cards have cooled down"
    assert strip.items["queue"].detail == wanted


def test_what_is_not_there_is_neither_well_nor_wrong_and_workflows_are_named() -> None:
    broken = "7 workflows can run. Not portrait: it names no engine; sd: no model"
    found = {
        item.name: item
        for item in vitals([*DOWN, Check("workflows", "warning", broken, "Check.")], FIGURES, {})
    }
    assert (found["gpu"].level, found["gpu"].detail) == ("off", "none")
    assert found["workflows"].detail == "portrait and others cannot run"


def test_an_address_stands_once_in_its_card(desk: OpenDesk) -> None:
    strip = desk.window.strip
    strip.show_figures(FIGURES)
    card = strip.open_check("webhooks")
    assert card is not None
    said = " ".join(label.text() for label in card.findChildren(QLabel))
    assert said.count(desk.core.public_url_local) == 1
    card.close()


def test_check_again_runs_the_checks(qtbot: QtBot, desk: OpenDesk) -> None:
    card = desk.window.strip.open_check("engine")
    assert card is not None
    qtbot.waitUntil(lambda: not desk.bridge._reading_health)
    again = next(b for b in card.findChildren(QPushButton) if b.text() == "Check again")
    with qtbot.waitSignal(desk.bridge.health):
        again.click()
    qtbot.waitUntil(lambda: not isValid(card))


def test_toasts_are_few_and_the_history_is_bounded(desk: OpenDesk) -> None:
    toasts = desk.window.toasts
    for number in range(HISTORY + 5):
        toasts.fail(f"failure {number}")
    assert len(toasts.shown) == SHOWN_AT_ONCE
    assert len(toasts.history) == HISTORY
    toasts.fail(toasts.shown[-1])
    assert len(toasts.shown) == SHOWN_AT_ONCE


def test_themes_are_chosen_in_the_status_bar_and_remembered(desk: OpenDesk) -> None:
    menu = desk.window.status.themes_menu()
    light = next(action for action in menu.actions() if action.text() == "Light")
    light.trigger()
    menu.close()
    assert desk.window.theme.choice is ThemeChoice.LIGHT
    desk.window.remember()
    assert desk.window.memory.json_of("window/theme") == "light"


def test_a_narrow_window_gives_the_inspector_the_page_s_place(qtbot: QtBot, desk: OpenDesk) -> None:
    window, inspector = desk.window, inspector_of(desk)
    window.show_inspector()
    assert inspector.isVisible()
    assert desk.page.isVisible()
    window.resize(900, 600)
    qtbot.waitUntil(lambda: not desk.page.isVisible())
    assert inspector.isVisible()
    assert window.page == "queue"
    window.resize(1400, 900)
    qtbot.waitUntil(desk.page.isVisible)
    assert inspector.isVisible()
    focus = window.focusWidget()
    assert focus is not None
    assert desk.page.isAncestorOf(focus)
    window.show_inspector(False)
    assert not inspector.isVisible()


@pytest.mark.parametrize("width", [1400, 900])
def test_the_inspector_is_shown_with_the_queue_alone(
    qtbot: QtBot, desk: OpenDesk, width: int
) -> None:
    window, inspector = desk.window, inspector_of(desk)
    window.resize(width, 600)
    window.show_inspector()
    window.show_page("host")
    assert not inspector.isVisible()
    host = window.findChild(HostPage)
    assert host is not None
    assert host.isVisible()
    assert host.width() > window.width() - 120  # with no one beside it
    window.resize(2300 - width, 600)
    qtbot.waitUntil(host.isVisible)
    assert not inspector.isVisible()
    window.resize(width, 600)
    window.show_page("queue")
    assert inspector.isVisible()
    window.show_inspector(False)
    window.show_page("host")
    window.show_inspector()  # a job is asked for from elsewhere
    assert window.page == "queue"
    assert inspector.isVisible()


def test_asking_for_the_queue_uncovers_it(desk: OpenDesk) -> None:
    desk.window.resize(900, 600)
    desk.window.show_inspector()
    assert not desk.page.isVisible()
    desk.window.rail.chosen.emit("queue")
    assert desk.page.isVisible()
    assert not inspector_of(desk).isVisible()


def test_the_open_inspector_its_job_and_its_width_are_remembered(
    qtbot: QtBot, desk: OpenDesk, origin: Origin
) -> None:
    desk.window.resize(1400, 640)
    desk.page.opened.emit("no-such-job")
    desk.window._split.moveSplitter(desk.window._split.width() - 520, 1)
    width = inspector_of(desk).width()
    assert width >= 500
    desk.window.show_page("host")
    desk.window.remember()
    other = MainWindow(desk.core, desk.bridge, desk.window.theme, desk.window.memory)
    build_pages(other, desk.core, origin)
    other.resize(1400, 640)
    other.show_page("queue")
    other.show()
    again = other.findChild(Inspector)
    assert again is not None
    assert again.isVisible()
    assert again.job_id == "no-such-job"
    qtbot.waitUntil(lambda: abs(again.width() - width) <= 2)
    other.leave()
    other.deleteLater()


def test_the_page_is_remembered(desk: OpenDesk) -> None:
    desk.window.show_page("workflows")
    desk.window.remember()
    desk.window.show_page("queue")
    desk.window.show_remembered_page()
    assert desk.window.page == "workflows"


def test_the_size_is_remembered(desk: OpenDesk) -> None:
    desk.window.resize(820, 611)  # on the small screen that tests have
    desk.window.remember()
    other = MainWindow(desk.core, desk.bridge, desk.window.theme, desk.window.memory)
    assert (other.width(), other.height()) == (820, 611)
    other.leave()
    other.deleteLater()


def test_the_first_window_fits_its_screen(qtbot: QtBot, desk: OpenDesk, tmp_path: Path) -> None:
    screen = desk.window.screen().availableGeometry()
    assert screen.height() < FIRST_SIZE.height()  # the small screen that tests have
    other = MainWindow(desk.core, desk.bridge, desk.window.theme, Memory(tmp_path / "new"))
    assert other.height() < screen.height()
    other.leave()
    other.deleteLater()


def test_the_history_of_messages_opens_from_the_status_bar(qtbot: QtBot, desk: OpenDesk) -> None:
    desk.window.toasts.fail("The disk is full.")
    desk.window.status.messages_button.click()
    history = desk.window.findChild(History)
    assert history is not None
    assert "The disk is full." in [label.text() for label in history.findChildren(QLabel)]
    history.close()


def test_the_whole_history_can_be_scrolled_and_stays_in_the_window(desk: OpenDesk) -> None:
    desk.window.resize(820, 520)
    for number in range(HISTORY):
        (desk.window.toasts.fail if number % 2 else desk.window.toasts.note)(f"message {number}")
    desk.window.status.messages_button.click()
    history = desk.window.findChild(History)
    assert history is not None
    said = [label.text() for label in history.findChildren(QLabel)]
    assert [words for words in said if words.startswith("message")][::-1] == [
        f"message {number}" for number in range(HISTORY)
    ]
    marks = [lamp.level for lamp in history.findChildren(Lamp)]
    assert set(marks) == {"error", "accent"}
    window = desk.window.geometry()
    assert window.contains(history.geometry())
    assert history.area.verticalScrollBar().maximum() > 0
    history.close()


def test_the_status_bar_says_the_queue_in_figures(desk: OpenDesk) -> None:
    status = desk.window.status
    status.show_figures(replace(FIGURES, running=2, waiting=3, outbox=7, next_slot_s=21.4))
    assert status._jobs.text() == "2 running · 3 waiting · 0 kept"
    assert status._slot.text() == "next free slot in about 0:21"
    assert status._outbox.text() == "outbox 7"
    status.show_figures(replace(FIGURES, running=2))
    assert status._slot.text() == ""
