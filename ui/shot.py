"""Draws the window into a picture, without a screen: for the demo and the README.

`python -m ui.shot FILE [--theme light]` draws the desk of this process's home.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication

from jigdesk.app import Core
from jigdesk.domain.errors import SetupError
from jigdesk.resources import assets_dir
from jigdesk.settings import Settings, load_settings
from jigdesk.settings.draft import Origin
from ui.bridge import Bridge
from ui.collecting import collecting_here
from ui.core_thread import CoreThread
from ui.frame.window import FIRST_SIZE, MainWindow
from ui.main import application
from ui.memory import Memory
from ui.pages import build_pages
from ui.queue.page import QueuePage
from ui.settings.page import SettingsPage
from ui.theme.theme import Theme, ThemeChoice

READY_WITHIN_S = 30.0
SETTLED_S = 0.5
"""Ages, sizes and thumbnails that come with the first beats."""


def take(
    settings: Settings,
    path: Path,
    *,
    size: QSize = FIRST_SIZE,
    theme: ThemeChoice = ThemeChoice.DARK,
    job_id: str | None = None,
    section: str | None = None,
    origin: Origin | None = None,
) -> None:
    """Open the desk of `settings`, draw its queue into a PNG at `path`, and close it.

    `job_id` is the job to select; None selects none. With `section` that section of the settings'
    page is drawn instead; `origin` says where the settings are from, see `build_pages`. Blocks; in
    the main thread, with no loop running. Raises SetupError when the desk cannot start or the
    picture cannot be written.
    """
    app = application()
    with collecting_here():
        thread = CoreThread(settings)
        thread.start()
        try:
            wait_for(app, thread.started.done, "the desk to start")
            core = thread.started.result()
            picture_of(
                app,
                core,
                thread,
                path,
                size=size,
                theme=theme,
                job_id=job_id,
                section=section,
                origin=origin,
            )
        finally:
            thread.stop()
            wait_for(app, thread.ended.done, "the desk to stop")
            thread.join()


def picture_of(
    app: QApplication,
    core: Core,
    thread: CoreThread,
    path: Path,
    *,
    size: QSize,
    theme: ThemeChoice,
    job_id: str | None = None,
    section: str | None = None,
    origin: Origin | None = None,
) -> None:
    """Draw the window over a core that runs; see `take`."""
    look = Theme(app, assets_dir())
    look.choose(theme)
    bridge = Bridge(thread)
    window = MainWindow(core, bridge, look, Memory(core.settings.paths.state_dir))
    build_pages(window, core, origin)
    try:
        window.show_page("queue")
        window.resize(size)
        checked: list[object] = []
        bridge.health.connect(checked.append)
        bridge.open()
        window.show()
        page = window.page_of("queue", QueuePage)
        wait_for(
            app,
            lambda: (
                page.model.is_read
                and bridge.latest is not None
                and bool(bridge.latest.engine.get("connected"))
            ),
            "the list",
        )
        bridge.check_health()
        checked.clear()
        wait_for(app, lambda: bool(checked), "the checks")
        if job_id is not None:
            page.show_job(job_id)
            page.opened.emit(job_id)
        if section is not None:
            _show_settings(app, window, section)
        until = time.monotonic() + SETTLED_S
        wait_for(app, lambda: time.monotonic() > until, "the picture")
        if not window.grab().save(str(path)):
            raise SetupError(f"The picture {path} cannot be written.")
    finally:
        bridge.close()
        window.leave()
        window.deleteLater()
        app.processEvents()


def _show_settings(app: QApplication, window: MainWindow, section: str) -> None:
    window.show_page("settings")
    page = window.page_of("settings", SettingsPage)
    page.show_section(section)
    wait_for(app, lambda: page.form.survey is not None, "the settings")


def wait_for(app: QApplication, is_so: Callable[[], bool], what: str) -> None:
    """Let Qt work until `is_so`; raises SetupError after READY_WITHIN_S."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_so():
        app.processEvents()
        time.sleep(0.005)
        if time.monotonic() > deadline:
            raise SetupError(f"Waited {READY_WITHIN_S:g} s for {what}.")


def _main() -> int:
    parser = argparse.ArgumentParser(description="Draw the window into a PNG.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--job", help="the job to select")
    chosen = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    take(load_settings(), chosen.file, theme=ThemeChoice(chosen.theme), job_id=chosen.job)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
