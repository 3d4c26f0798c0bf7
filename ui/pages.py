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
from ui.inspecting import Inspecting
from ui.newjob.dialog import NewJobDialog
from ui.queue.page import QueuePage
from ui.requests.page import RequestsPage
from ui.settings.form import Hide
from ui.settings.page import SettingsPage
from ui.theme.theme import Theme
from ui.workflows.page import WorkflowsPage


def hide_nothing(_: Iterable[str]) -> None:
    """For a window that writes no log."""


def build_pages(
    window: MainWindow, core: Core, origin: Origin | None = None, hide: Hide = hide_nothing
) -> None:
    """Add every page that works, in the rail's order.

    `origin` says where the settings are read and written, None that the core's own tell it;
    `hide` is told the secrets that are typed, so that no log has them.
    """
    bridge, theme, toasts = window.bridge, window.theme, window.toasts
    window.add_page(
        "queue",
        "Queue",
        "queue",
        lambda parent: QueuePage(core, bridge, theme, window.memory, toasts, parent),
        main=lambda page: page.main,
    )
    queue = window.page_of("queue", QueuePage)
    feed = LogFeed(bridge)
    feed.open()
    inspecting = Inspecting(window, queue, feed)
    _add_new_job(window, core, queue, inspecting)
    window.add_page(
        "workflows",
        "Workflows",
        "workflows",
        lambda parent: WorkflowsPage(bridge, theme, parent),
        main=lambda page: page.list,
    )
    window.add_page(
        "requests",
        "Requests",
        "requests",
        lambda parent: RequestsPage(bridge, theme, toasts, core.public_url_local, parent),
        main=lambda page: page.list,
    )
    window.add_page(
        "host",
        "Host",
        "host",
        lambda parent: HostPage(bridge, theme, feed, parent),
        main=lambda page: page.console.text,
    )
    window.page_of("host", HostPage)  # made now: its plots begin with the window
    _add_settings(window, origin or Origin.of(core.settings), hide)


def _add_settings(window: MainWindow, origin: Origin, hide: Hide) -> None:
    def make(parent: QWidget) -> SettingsPage:
        page = SettingsPage(window.bridge, window.theme, window.toasts, origin, hide, parent)
        page.restart_asked.connect(window.restart_asked)
        window.keep_from_loss(lambda: len(page.form.changes))
        return page

    window.add_page(
        "settings", "Settings", "settings", make, at_foot=True, main=lambda page: page.list
    )


def _add_new_job(window: MainWindow, core: Core, queue: QueuePage, inspecting: Inspecting) -> None:
    button = _NewJobButton(window.theme, queue)

    def look_at(job_id: str) -> None:
        window.show_page("queue")
        queue.show_job(job_id)
        queue.opened.emit(job_id)

    def ask() -> None:
        open_form(None, None)

    def open_form(branch: BranchPoint | None, stage: str | None) -> None:
        if any(form.isVisible() for form in window.findChildren(NewJobDialog)):
            return  # its stages were being read when one was asked for again
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
        inspecting.own_jobs_are(owner_id)

    window.bridge.call(own_owner_id, own_jobs_are)
    queue.menu.branch_asked.connect(ask_branch)
    inspecting.branch_asked.connect(ask_branch)
    inspecting.job_asked.connect(look_at)
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
