"""The engine's levers on the host page: restart, and what is said of one that died."""

from __future__ import annotations

import psutil
from pytestqt.qtbot import QtBot

from tests.ui.conftest import OpenDesk
from ui.host.page import HostPage

PATIENCE_MS = 180_000


def opened_page(desk: OpenDesk, qtbot: QtBot) -> HostPage:
    page = desk.window.findChild(HostPage)
    assert page is not None
    desk.window.show_page("host")
    until_runs(page, qtbot)
    return page


def until_runs(page: HostPage, qtbot: QtBot) -> None:
    card = page.card
    qtbot.waitUntil(
        lambda: card.shown is not None and card.shown.state == "Running", timeout=PATIENCE_MS
    )


def pid_of(desk: OpenDesk) -> int | None:
    pid: int | None = desk.core.engine.state()["pid"]
    return pid


def test_a_restart_gives_another_process(desk: OpenDesk, qtbot: QtBot) -> None:
    page = opened_page(desk, qtbot)
    before = pid_of(desk)
    assert before is not None
    page.card.buttons["restart"].click()
    qtbot.waitUntil(lambda: pid_of(desk) not in (before, None), timeout=PATIENCE_MS)
    until_runs(page, qtbot)
    assert not psutil.pid_exists(before)


def test_an_engine_that_is_killed_comes_back_and_why_it_died_is_said(
    desk: OpenDesk, qtbot: QtBot
) -> None:
    page = opened_page(desk, qtbot)
    before = pid_of(desk)
    assert before is not None
    psutil.Process(before).kill()
    qtbot.waitUntil(lambda: pid_of(desk) not in (before, None), timeout=PATIENCE_MS)
    qtbot.waitUntil(
        lambda: page.card.shown is not None and "SIGKILL" in page.card.shown.why,
        timeout=PATIENCE_MS,
    )
    until_runs(page, qtbot)
