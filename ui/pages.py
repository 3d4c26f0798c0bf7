"""Puts the pages into the window: what is not listed here does not exist."""

from __future__ import annotations

from jigdesk.app import Core
from ui.frame.window import MainWindow
from ui.queue.page import QueuePage


def build_pages(window: MainWindow, core: Core) -> None:
    """Add every page that works, in the rail's order."""
    queue = QueuePage(core, window.bridge, window.theme, window.memory, window.toasts)
    window.add_page("queue", "Queue", "queue", queue)
