"""Puts the pages into the window: what is not listed here does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QPushButton, QWidget

from jigdesk.app import Core
from jigdesk.app.branching import BranchPoint, branch_point, own_owner_id
from jigdesk.settings.draft import Origin
from ui.frame.window import MainWindow
from ui.host.log_feed import LogFeed
from ui.host.page import HostPage
from ui.inspector.panel import Inspector
from ui.newjob.dialog import NewJobDialog
from ui.queue.page import QueuePage
from ui.requests.page import RequestsPage
from ui.settings.form import Hide
from ui.settings.page import SettingsPage
from ui.theme.theme import Theme
from ui.workflows.page import WorkflowsPage

LAST_JOB = "window/job"
"""The job that was looked at, for an inspector that is open at the next start."""


def hide_nothing(_: Iterable[str]) -> None:
    """For a window that writes no log."""


def build_pages(
    window: MainWindow, core: Core, origin: Origin | None = None, hide: Hide = hide_nothing
) -> None:
    """Add every page that works, in the rail's order.

    `origin` says where the settings are read and written, None that the core's own tell it;
    `hide` is told the secrets that are typed, so that no log has them.
    """
    queue = QueuePage(core, window.bridge, window.theme, window.memory, window.toasts)
    window.add_page("queue", "Queue", "queue", queue, main=lambda: queue.main)
    feed = LogFeed(window.bridge)
    feed.open()
    inspector = _add_inspector(window, queue, feed)
    _add_new_job(window, core, queue, inspector)
    workflows = WorkflowsPage(window.bridge, window.theme)
    window.add_page("workflows", "Workflows", "workflows", workflows, main=lambda: workflows.list)
    requests = RequestsPage(window.bridge, window.theme, window.toasts, core.public_url_local)
    window.add_page("requests", "Requests", "requests", requests, main=lambda: requests.list)
    host = HostPage(window.bridge, window.theme, feed)
    window.add_page("host", "Host", "host", host, main=lambda: host.console.text)
    settings = SettingsPage(
        window.bridge, window.theme, window.toasts, origin or Origin.of(core.settings), hide
    )
    settings.restart_asked.connect(window.restart_asked)
    window.keep_from_loss(lambda: len(settings.form.changes))
    window.add_page(
        "settings", "Settings", "settings", settings, at_foot=True, main=lambda: settings.list
    )


def _add_inspector(window: MainWindow, queue: QueuePage, feed: LogFeed) -> Inspector:
    inspector = Inspector(window.bridge, window.theme, feed)
    window.set_inspector(inspector, of="queue")
    last = window.memory.json_of(LAST_JOB)
    if window.inspector_is_open and isinstance(last, str):
        inspector.show_job(last)

    def opened(job_id: str) -> None:
        inspector.show_job(job_id)
        window.memory.keep_json(LAST_JOB, job_id)
        window.show_inspector()

    def moved(job_id: str) -> None:
        if inspector.isVisible() and job_id:
            inspector.show_job(job_id)
            window.memory.keep_json(LAST_JOB, job_id)

    queue.opened.connect(opened)
    queue.current.connect(moved)
    for done in (inspector.closed, queue.dismissed):
        done.connect(lambda: window.show_inspector(False))
    return inspector


def _add_new_job(window: MainWindow, core: Core, queue: QueuePage, inspector: Inspector) -> None:
    button = _NewJobButton(window.theme, queue)

    def look_at(job_id: str) -> None:
        window.show_page("queue")
        queue.show_job(job_id)
        queue.opened.emit(job_id)

    def ask() -> None:
        open_form(None, None)

    def open_form(branch: BranchPoint | None, stage: str | None) -> None:
        dialog = NewJobDialog(core, window.bridge, window, branch=branch, from_stage=stage)
        dialog.sent.connect(look_at)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_branch(job_id: str, stage: str = "") -> None:
        window.bridge.call(
            lambda core: branch_point(core, job_id), lambda point: open_form(point, stage or None)
        )

    def own_jobs_are(owner_id: str) -> None:
        queue.menu.own_jobs_are(owner_id)
        inspector.branches.own_jobs_are(owner_id)

    window.bridge.call(own_owner_id, own_jobs_are)
    queue.menu.branch_asked.connect(ask_branch)
    inspector.branches.asked.connect(ask_branch)
    inspector.branches.job_asked.connect(look_at)
    window.theme.changed.connect(button.draw)
    button.clicked.connect(ask)
    QShortcut(QKeySequence(QKeySequence.StandardKey.New), window).activated.connect(ask)
    queue.add_tool(button)


class _NewJobButton(QPushButton):
    """Its icon follows the theme, which outlives this window when the core is restarted."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(" New job", parent)
        self.setProperty("role", "primary")
        self._theme = theme
        self.draw()

    def draw(self) -> None:
        """Draw the icon in the theme's colour."""
        self.setIcon(self._theme.icons.icon("plus", "on_accent", 16))
