"""`jigdesk` and `make run`: opens the window."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication, QDialog
from qasync import QEventLoop  # type: ignore[import-untyped]

from jigdesk.domain.errors import SetupError
from jigdesk.logs import logging_to
from jigdesk.resources import assets_dir
from jigdesk.settings import Settings, SettingsError, load_settings
from jigdesk.settings.paths import find_paths
from ui.collecting import collecting_here
from ui.desk import Desk
from ui.frame.bug_dialog import BugBox
from ui.frame.trouble import TroubleDialog
from ui.single import raise_other
from ui.theme.theme import Theme
from ui.turns import short_turns

log = logging.getLogger(__name__)

FAILED, WRONG_SETTINGS = 1, 2


def main(settings: Settings | None = None) -> int:
    """Open the window and return the exit code once it is closed; 0 when another was raised.

    `settings` None means those of the process. What is wrong with them, or with the home, is
    said in a dialog and on standard error: then the code is WRONG_SETTINGS or FAILED.
    """
    app = application()
    theme = Theme(app, assets_dir())
    while True:
        try:
            return _open(load_settings() if settings is None else settings, app, theme)
        except SetupError as failure:
            if not _ask_again(failure, theme):
                return WRONG_SETTINGS if isinstance(failure, SettingsError) else FAILED


def _open(settings: Settings, app: QApplication, theme: Theme) -> int:
    """One desk's window, from the start to its end. Raises SetupError."""
    if raise_other(settings.paths.state_dir):
        return 0
    with logging_to(settings) as redact:
        bugs = BugBox(theme, redact)
        loop = QEventLoop(app)
        with loop, collecting_here(), short_turns(), _bugs_shown(bugs, loop):
            desk = Desk(settings, app, theme, bugs, hide=redact.add)
            with _leaving_on_signals(desk.leave):
                code: int = loop.run_until_complete(desk.run())
    return code


def _ask_again(failure: SetupError, theme: Theme) -> bool:
    """Say it on the terminal, and in a dialog for those who have none; whether to try again."""
    dialog = TroubleDialog(failure, find_paths(os.environ).config_file, theme)
    # in the dialog's own loop: a signal may come before that runs
    with _leaving_on_signals(lambda: QTimer.singleShot(0, dialog.reject)):
        sys.stderr.write(f"{failure.message}\n")
        again = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return again


def application() -> QApplication:
    """The one QApplication, made at the first call."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("JigDesk")
    app.setDesktopFileName("jigdesk")
    app.setQuitOnLastWindowClosed(False)  # the loop ends when the desk has stopped
    return app


@contextlib.contextmanager
def _bugs_shown(bugs: BugBox, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Bring what nobody caught to the dialog, from slots and from tasks."""

    def hook(kind: type[BaseException], bug: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, bug, trace)
            return
        log.critical("a bug", exc_info=(kind, bug, trace))
        bugs.show(bug)

    def in_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        bug = context.get("exception")
        if isinstance(bug, BaseException):
            hook(type(bug), bug, bug.__traceback__)
        else:
            log.error("the window's loop: %s", context.get("message"))

    before, sys.excepthook = sys.excepthook, hook
    loop.set_exception_handler(in_loop)
    try:
        yield
    finally:
        sys.excepthook = before


@contextlib.contextmanager
def _leaving_on_signals(leave: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM leave without asking; a second one ends the process."""
    asked = False
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    # Qt waits outside of Python, which runs handlers only when something wakes it
    woken = QSocketNotifier(near.fileno(), QSocketNotifier.Type.Read)
    woken.activated.connect(lambda: near.recv(64))

    def on_signal(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        asked = True
        leave()

    wakeup = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        woken.setEnabled(False)
        near.close()
        far.close()


if __name__ == "__main__":
    sys.exit(main())
