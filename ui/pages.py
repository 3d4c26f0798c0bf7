"""Puts the pages into the window: what is not listed here does not exist."""

from __future__ import annotations

from jigdesk.app import Core
from ui.frame.window import MainWindow
from ui.host.log_feed import LogFeed
from ui.inspector.panel import Inspector
from ui.queue.page import QueuePage


def build_pages(window: MainWindow, core: Core) -> None:
    """Add every page that works, in the rail's order."""
    queue = QueuePage(core, window.bridge, window.theme, window.memory, window.toasts)
    window.add_page("queue", "Queue", "queue", queue)
    feed = LogFeed(window.bridge)
    feed.open()
    _add_inspector(window, queue, feed)


def _add_inspector(window: MainWindow, queue: QueuePage, feed: LogFeed) -> None:
    inspector = Inspector(window.bridge, window.theme, feed)
    window.set_inspector(inspector)

    def opened(job_id: str) -> None:
        inspector.show_job(job_id)
        window.show_inspector()

    def moved(job_id: str) -> None:
        if inspector.isVisible() and job_id:
            inspector.show_job(job_id)

    queue.opened.connect(opened)
    queue.current.connect(moved)
    inspector.closed.connect(lambda: window.show_inspector(False))
