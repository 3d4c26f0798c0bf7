"""Windows without a screen; a Qt warning, or a timer, a window or a thread that is left, fails."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is imported

import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from jigdesk.app import Core
from jigdesk.resources import assets_dir
from jigdesk.settings import Settings
from jigdesk.settings.draft import Origin
from tests.fakes.journal_thread import JournalThread
from tests.harness.many_jobs import fill
from tests.harness.waiting import PATIENCE_S
from tests.ui.left_running import left_running, threads_now
from ui.bridge import Bridge
from ui.core_thread import CoreThread
from ui.frame.window import MainWindow
from ui.memory import Memory
from ui.pages import build_pages
from ui.queue.page import QueuePage
from ui.theme.theme import Theme, ThemeChoice

MANY = 10_000
PATIENCE_MS = round(1000 * PATIENCE_S)
_HARMLESS = ("This plugin does not support", "QFont::setPixelSize")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A warning of Qt is a failure."""
    for item in items:
        if "tests/ui/" in item.nodeid or item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*_HARMLESS))


@pytest.fixture(autouse=True, scope="session")
def _leave_the_modules_out_of_collecting() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_of_qt_left(qapp: QApplication) -> Iterator[None]:
    gc.disable()  # as `ui.collecting` does: the core's thread must not destroy what is Qt's
    threads_before = threads_now()
    yield
    gc.collect()
    gc.enable()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    windows = [widget for widget in qapp.topLevelWidgets() if widget.isVisible()]
    timers = [
        timer
        for timer in gc.get_objects()
        if issubclass(type(timer), QTimer) and isValid(timer) and timer.isActive()
    ]
    for widget in windows:  # so that a test which fails leaves the next ones alone
        widget.hide()
    for timer in timers:
        timer.stop()
    assert not windows, f"windows are still open: {[w.objectName() or repr(w) for w in windows]}"
    assert not timers, f"timers still run: {[timer.parent() for timer in timers]}"
    threads = left_running(threads_before, PATIENCE_S)
    assert not threads, f"threads still run: {threads}"


class PatientBot(QtBot):
    """pytest-qt's, which gives up after five seconds, with the tests' own patience."""

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = PATIENCE_MS) -> None:  # noqa: N802 - pytest-qt's name
        """Process Qt's events until `callback` does not say False."""
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **more: Any) -> Any:  # noqa: N802
        """A block that ends once the signal was sent."""
        return super().waitSignal(signal, timeout=timeout, **more)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    look = Theme(qapp, assets_dir())
    look.choose(ThemeChoice.DARK)
    yield look
    qapp.styleHints().colorSchemeChanged.disconnect(look._system_changed)
    qapp.setStyleSheet("")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """Where a throwaway desk on free ports has its settings from."""
    return desk_origin(tmp_path / "home")


@pytest.fixture
def settings(origin: Origin) -> Settings:
    return origin.load()


def desk_origin(home: Path) -> Origin:
    return Origin(
        {"JIGDESK_HOME": str(home)},
        {
            "server": {"public_port": 0, "local_port": 0},
            "comfyui": {"kind": "demo", "port": 0},
        },
    )


def desk_settings(home: Path) -> Settings:
    return desk_origin(home).load()


@dataclass
class OpenDesk:
    """A real core in its thread, and the window over it."""

    core: Core
    thread: CoreThread
    bridge: Bridge
    window: MainWindow
    page: QueuePage


@pytest.fixture
def desk(qtbot: QtBot, origin: Origin, settings: Settings, theme: Theme) -> Iterator[OpenDesk]:
    thread = CoreThread(settings)
    thread.start()
    core = thread.started.result(PATIENCE_S)
    bridge = Bridge(thread)
    window = MainWindow(core, bridge, theme, Memory(settings.paths.state_dir))
    build_pages(window, core, origin)
    page = window.findChild(QueuePage)
    assert page is not None
    window.resize(1480, 900)
    window.show_page("queue")
    bridge.open()
    window.show()
    qtbot.waitUntil(lambda: page.model.is_read and bridge.latest is not None)
    yield OpenDesk(core, thread, bridge, window, page)
    bridge.close()
    window.leave()
    window.deleteLater()
    thread.stop()
    thread.ended.result(PATIENCE_S)
    assert thread.join(PATIENCE_S)


@pytest.fixture
def slow_desk(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> OpenDesk:
    """One whose `refine` takes half a second a step: its jobs run until they are cancelled."""
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.5")
    desk: OpenDesk = request.getfixturevalue("desk")
    return desk


@pytest.fixture(scope="session")
def many_jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with 10,000 jobs; copy it."""
    path = tmp_path_factory.mktemp("many") / "journal.db"
    fill(path, MANY)
    return path


@pytest.fixture
def journal_bridge(many_jobs: Path, tmp_path: Path) -> Iterator[tuple[Bridge, JournalThread]]:
    """The bridge over a real journal with 10,000 jobs, and no other part of a core."""
    path = tmp_path / "journal.db"
    shutil.copy(many_jobs, path)
    thread = JournalThread(path)
    bridge = Bridge(thread)  # type: ignore[arg-type]
    yield bridge, thread
    bridge.close()
    thread.close()


def eventually(is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Wait for another thread, without Qt's loop."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)
