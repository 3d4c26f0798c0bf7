"""What keeps the window from starting is shown in a window: an app on a dock has no terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from jigdesk.domain.errors import SetupError
from jigdesk.settings import Problem, SettingsError
from tests.ui.conftest import eventually
from ui import main as window
from ui.frame.trouble import TroubleDialog, where
from ui.theme.theme import Theme

FILE = Path("/home/somebody/.config/jigdesk/config.toml")
FAILURE = SettingsError(
    [
        Problem("server.public_port", "must be a number.", str(FILE)),
        Problem("store.bucket", "must not be empty.", "JIGDESK_STORE__BUCKET"),
        Problem("publisher.app_id", "is needed for pusher."),
    ]
)


def texts(dialog: TroubleDialog) -> list[str]:
    return [label.text() for label in dialog.findChildren(QLabel)]


def test_every_problem_is_said_with_its_place(qtbot: QtBot, theme: Theme) -> None:
    dialog = TroubleDialog(FAILURE, FILE, theme)
    qtbot.addWidget(dialog)
    said = texts(dialog)
    assert "3 settings need a change" in said
    for problem in FAILURE.problems:
        assert problem.key in said
        assert where(problem, FILE) in said
    assert where(FAILURE.problems[0], FILE) == "in config.toml"
    assert where(FAILURE.problems[1], FILE) == "in the environment variable JIGDESK_STORE__BUCKET"
    assert where(FAILURE.problems[2], FILE) == "not set: put it into config.toml"
    dialog.copy()
    assert QGuiApplication.clipboard().text() == FAILURE.message
    assert not dialog.open_file.isVisibleTo(dialog)  # that file is not there
    assert dialog.focusWidget() is dialog.again


def test_a_home_that_fails_is_said_in_the_same_dialog(qtbot: QtBot, theme: Theme) -> None:
    dialog = TroubleDialog(SetupError("The log /x cannot be written."), FILE, theme)
    qtbot.addWidget(dialog)
    assert {"The desk cannot start", "The log /x cannot be written."} <= set(texts(dialog))


def test_many_problems_scroll_where_the_screen_is_low(qtbot: QtBot, theme: Theme) -> None:
    many = [Problem(f"queue.key_{number}", "must be a number.", str(FILE)) for number in range(9)]
    room = QSize(960, 500)
    dialog = TroubleDialog(SettingsError(many), FILE, theme, room=room)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.height() <= room.height()
    area = dialog.findChild(QScrollArea)
    assert area is not None
    assert area.verticalScrollBar().maximum() > 0
    assert dialog.again.geometry().bottom() < dialog.height()
    dialog.close()


def when_shown(act: Callable[[TroubleDialog], None]) -> QTimer:
    """Calls `act` with each trouble dialog that comes up, once."""
    seen: list[int] = []
    timer = QTimer()
    timer.setInterval(20)

    def look() -> None:
        for shown in QApplication.topLevelWidgets():
            if isinstance(shown, TroubleDialog) and shown.isVisible() and id(shown) not in seen:
                seen.append(id(shown))
                act(shown)

    timer.timeout.connect(look)
    timer.start()
    return timer


def test_trying_again_reads_the_settings_again_and_quitting_is_exit_code_2(
    qapp: QApplication,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JIGDESK_HOME", str(tmp_path))
    monkeypatch.setenv("JIGDESK_SERVER__PUBLIC_PORT", "abc")
    told: list[str] = []

    def act(dialog: TroubleDialog) -> None:
        told.append(dialog.words)
        if len(told) == 1:
            monkeypatch.delenv("JIGDESK_SERVER__PUBLIC_PORT")
            monkeypatch.setenv("JIGDESK_QUEUE__MAX_DEPTH", "-1")
            dialog.again.click()
        else:
            leave = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Quit")
            leave.click()

    timer = when_shown(act)
    try:
        assert window.main() == 2
    finally:
        timer.stop()
        qapp.setQuitOnLastWindowClosed(True)
        qapp.setStyleSheet("")
    assert "server.public_port" in told[0]
    assert "queue.max_depth" in told[1]
    assert "server.public_port" not in told[1]
    assert capfd.readouterr().err == f"{told[0]}\n{told[1]}\n"


def test_the_program_says_it_on_the_terminal_too_and_ends_with_2(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "JIGDESK_HOME": str(tmp_path),
        "JIGDESK_SERVER__PUBLIC_PORT": "abc",
        "JIGDESK_NO__SUCH": "1",
        "QT_QPA_PLATFORM": "offscreen",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "jigdesk"], env=env, stderr=subprocess.PIPE, text=True
    )
    said: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: said.extend(process.stderr or ()))
    reader.start()
    try:
        eventually(lambda: any("server.public_port" in line for line in said))
        assert process.poll() is None  # the dialog is open
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 2
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()
    assert any("JIGDESK_NO__SUCH" in line or "no.such" in line for line in said), said
    assert not any("Traceback" in line for line in said)
