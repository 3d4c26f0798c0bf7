"""What is opened and closed all day leaves nothing: objects, threads and files stay as many."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jigdesk.domain.job import JobStatus
from jigdesk.settings import Settings
from tests.ui.conftest import OpenDesk
from tests.ui.jobs import chain, send
from ui.core_thread import CoreThread
from ui.host.page import HostPage
from ui.inspector.panel import Inspector
from ui.theme.theme import Theme, ThemeChoice

PATIENCE_MS = 180_000
WARM_UP = 20
ROUNDS = 3
OBJECTS = 300
"""Of Python's: what caches and logs take in meanwhile; a leak is one each time or more."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is of each kind."""

    qt: Counter[str]  # by class
    python: int
    threads: int
    files: int


def counts(app: QApplication) -> Counts:
    """Count after everything that waits to be deleted is gone."""
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    app.processEvents()
    gc.collect()
    return Counts(
        Counter(
            child.metaObject().className()
            for widget in app.topLevelWidgets()
            for child in (widget, *widget.findChildren(QObject))
        ),
        len(gc.get_objects()),
        threading.active_count(),
        psutil.Process().num_fds(),
    )


def assert_flat(
    app: QApplication, once: Callable[[], None], times: int, warm_up: int = WARM_UP
) -> None:
    """Fail when doing it `times` leaves something of each time, three times over.

    A leak grows always; what is only filled once (caches, pools, plots) stays as it is then.
    """
    for _ in range(warm_up):
        once()
    before = counts(app)
    for _ in range(ROUNDS):
        for _ in range(times):
            once()
        after = counts(app)
        if _is_flat(before, after, times):
            return
        before, last = after, before
    pytest.fail(f"it grows: {(after.qt - last.qt)}, {last} then {after}")


def _is_flat(before: Counts, after: Counts, times: int) -> bool:
    return (
        (after.qt - before.qt).total() < max(5, times // 10)
        and after.python - before.python < OBJECTS + times
        and after.threads - before.threads <= 2  # a pool may not be full yet
        and after.files - before.files <= 4
    )


@pytest.mark.timeout(600)
def test_the_inspector_is_opened_and_closed_200_times(
    desk: OpenDesk, qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    jobs = []
    inspector = desk.window.need_inspector()
    assert isinstance(inspector, Inspector)
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        jobs.append(send(desk, chain(2), folder))
    for job_id in jobs:
        desk.page.opened.emit(job_id)
        qtbot.waitUntil(
            lambda: (
                inspector.story is not None
                and inspector.story.job.job_id == inspector.job_id
                and inspector.story.job.status is JobStatus.COMPLETED
            ),
            timeout=PATIENCE_MS,
        )
    turn = 0

    def once() -> None:
        nonlocal turn
        turn += 1
        desk.page.opened.emit(jobs[turn % 2])
        qtbot.waitUntil(lambda: inspector.story is not None, timeout=PATIENCE_MS)
        inspector.tabs.setCurrentIndex(turn % inspector.tabs.count())
        qapp.processEvents()
        inspector.closed.emit()

    assert_flat(qapp, once, 200)
    assert not inspector.isVisible()


def test_pages_are_switched_200_times(desk: OpenDesk, qtbot: QtBot, qapp: QApplication) -> None:
    pages = desk.window.page_names
    host = desk.window.findChild(HostPage)
    assert host is not None
    for name in pages:  # each is made when it is first shown
        desk.window.show_page(name)
    desk.window.show_page("host")  # its plots are made with the first samples, once
    qtbot.waitUntil(lambda: {"CPU", "RAM", "Queue"} <= set(host.plots.plots), timeout=PATIENCE_MS)
    turn = 0

    def once() -> None:
        nonlocal turn
        turn += 1
        desk.window.show_page(pages[turn % len(pages)])
        qapp.processEvents()

    assert_flat(qapp, once, 200)


def test_themes_are_switched(desk: OpenDesk, theme: Theme, qapp: QApplication) -> None:
    def once() -> None:
        theme.choose(ThemeChoice.LIGHT)
        qapp.processEvents()
        theme.choose(ThemeChoice.DARK)
        qapp.processEvents()

    assert_flat(qapp, once, 10, warm_up=2)


@pytest.mark.timeout(600)
def test_cores_are_started_and_stopped(qapp: QApplication, settings: Settings) -> None:
    def once() -> None:
        thread = CoreThread(settings)
        thread.start()
        thread.started.result(90)
        thread.stop()
        thread.ended.result(90)
        assert thread.join(90)

    for _ in range(2):
        once()
    before = counts(qapp)
    others = set(psutil.Process().children(recursive=True))  # servers of tests that ran before
    for _ in range(4):
        once()
    after = counts(qapp)
    assert after.threads <= before.threads, (before, after)
    assert after.files <= before.files, (before, after)
    assert not set(psutil.Process().children(recursive=True)) - others
