"""The window by keys alone: where Tab goes, what Ctrl and a number focus, and names for it all."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import OpenDesk
from tests.ui.queue.test_queue_page import add_jobs, shown
from ui.inspector.panel import Inspector
from ui.newjob.dialog import NewJobDialog
from ui.settings.page import SettingsPage

CTRL = Qt.KeyboardModifier.ControlModifier
NUMBERS = (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5)
PAGES = ("queue", "workflows", "requests", "host", "settings")


@pytest.fixture(autouse=True)
def _in_front(qtbot: QtBot, desk: OpenDesk) -> None:
    desk.window.activateWindow()
    qtbot.waitUntil(desk.window.isActiveWindow)


def focused(desk: OpenDesk) -> QWidget:
    found = desk.window.focusWidget()
    assert found is not None
    return found


def test_tab_goes_from_the_rail_over_the_strip_and_the_tools_to_the_list(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    qtbot.waitUntil(lambda: len(desk.window.strip.items) > 2)
    rail = desk.window.rail.buttons
    rail[0].setFocus()
    seen: list[QWidget] = []
    while len(seen) < 100 and focused(desk) not in seen:
        seen.append(focused(desk))
        qtbot.keyClick(focused(desk), Qt.Key.Key_Tab)
    chosen = next(button for button in desk.page.chips.buttons if button.isChecked())
    wanted: list[QWidget] = [
        rail[0],  # the arrow keys go to the others, as among the filters
        *(button for button in desk.window.strip.buttons if button.isVisible()),
        desk.page.holding.pause,
        desk.page.holding.drain,
        desk.page.search,
        desk.page._columns,
        chosen,
        desk.page.table,
        desk.window.status._theme_button,
    ]
    assert [part for part in seen if part in wanted] == wanted
    assert seen[-1] is wanted[-1]


def test_tab_goes_from_the_list_to_an_inspector_that_was_just_made(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    (job_id,) = add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    desk.page.table.setFocus()
    desk.page.opened.emit(job_id)
    inspector = desk.window.need_inspector()
    assert isinstance(inspector, Inspector)
    qtbot.waitUntil(lambda: inspector.isVisible() and inspector.story is not None)
    qtbot.keyClick(focused(desk), Qt.Key.Key_Tab)
    assert inspector.isAncestorOf(focused(desk))


@pytest.mark.parametrize(("number", "name"), list(zip(NUMBERS, PAGES, strict=True)))
def test_ctrl_and_a_number_show_a_page_and_focus_what_it_is_for(
    qtbot: QtBot, desk: OpenDesk, number: Qt.Key, name: str
) -> None:
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    desk.window.show_page("queue" if name != "queue" else "host")
    qtbot.keyClick(focused(desk), number, CTRL)
    assert desk.window.page == name
    page = desk.window.page_of(name, QWidget)
    target = focused(desk)
    assert page.isAncestorOf(target)
    kind = type(target)
    assert isinstance(target, QAbstractItemView) or name == "host", kind
    before = desk.window.focusWidget()
    qtbot.keyClick(target, Qt.Key.Key_Down)  # the keys act in it
    assert desk.window.focusWidget() is before


def test_ctrl_f_searches_the_jobs_and_ctrl_n_begins_one(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    desk.page.table.setFocus()
    qtbot.keyClick(focused(desk), Qt.Key.Key_F, CTRL)
    assert focused(desk) is desk.page.search
    qtbot.keyClick(focused(desk), Qt.Key.Key_N, CTRL)
    qtbot.waitUntil(lambda: desk.window.findChild(NewJobDialog) is not None)
    dialog = desk.window.findChild(NewJobDialog)
    assert dialog is not None
    dialog.reject()
    qtbot.waitUntil(lambda: not dialog.isVisible())


def test_what_has_no_words_of_its_own_has_a_name(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    parts = [
        *desk.page.findChildren(QAbstractButton),
        *desk.page.findChildren(QLineEdit),
        *desk.window.rail.buttons,
        *desk.window.strip.buttons,
        desk.page.table,
        desk.window.page_of("settings", SettingsPage).list,
    ]
    for part in parts:
        if isinstance(part.parent(), QLineEdit) or part.objectName().startswith("qt_"):
            continue  # Qt's own
        text = part.text() if isinstance(part, QAbstractButton) else ""
        assert text or part.accessibleName(), part
