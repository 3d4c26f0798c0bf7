"""The menu of the selected jobs, with its keys, and the bar that counts them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QWidget

from jigdesk.app.branching import NOTHING_STORED, not_yours
from jigdesk.domain.job import FINAL, JobStatus
from ui.queue.actions import JobActions
from ui.queue.model import QueueModel
from ui.queue.selection import Selected
from ui.theme.theme import Theme
from ui.words import counted

_WAITS = frozenset({JobStatus.ACCEPTED, JobStatus.PREPARING, JobStatus.QUEUED})


class JobMenu(QMenu):
    """Acts on what is selected.

    Emits `opened(job_id)` for the inspector and `branch_asked(job_id)` for a branch.
    """

    opened = Signal(str)
    branch_asked = Signal(str)

    def __init__(
        self,
        actions: JobActions,
        selected: Selected,
        model: QueueModel,
        theme: Theme,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._actions = actions
        self._selected = selected
        self._model = model
        self._theme = theme
        self._own_owner: str | None = None
        self._icons: dict[QAction, str] = {}
        self.setToolTipsVisible(True)
        self.inspect = self._add("Inspect", "inspect", "Ctrl+I", self._open)
        self.addSeparator()
        self.retry = self._add("Retry", "retry", "Ctrl+R", self._retry)
        self.branch = self._add("Branch", "branch", "Ctrl+B", self._branch)
        self.first = self._add(
            "Move to the top", "first", "Ctrl+Up", lambda: actions.prioritise(self._waiting())
        )
        self.cancel = self._add(
            "Cancel", "cancel", "Delete", lambda: actions.ask_cancel(self._open_jobs())
        )
        self.addSeparator()
        self.copy = self._add("Copy id", "copy", "Ctrl+C", lambda: actions.copy_ids(selected.ids))
        self.folder = self._add("Open folder", "folder", "Ctrl+O", self._open_folder)
        selected.changed.connect(lambda _: self.show_state())
        theme.changed.connect(self._draw)
        self._draw()
        self.show_state()

    def own_jobs_are(self, owner_id: str) -> None:
        """The owner of this host's own jobs: only those can be branched from here."""
        self._own_owner = owner_id
        self.show_state()

    def show_state(self) -> None:
        """Offer what can be done with the selected jobs."""
        number = len(self._selected.ids)
        self.inspect.setEnabled(number == 1)
        self.folder.setEnabled(number == 1)
        self.copy.setEnabled(number > 0)
        self.retry.setEnabled(bool(self._ended()))
        self.cancel.setEnabled(bool(self._open_jobs()))
        self.first.setEnabled(bool(self._waiting()))
        why_not = self._no_branch()
        self.branch.setEnabled(not why_not)
        self.branch.setToolTip(why_not or "Start a new job from what this one stored")

    def _add(self, words: str, icon: str, keys: str, run: Callable[[], None]) -> QAction:
        action = QAction(words, self)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(run)
        self._icons[action] = icon
        self.addAction(action)
        parent = self.parentWidget()
        if parent is not None:
            parent.addAction(action)  # so that its keys work without the menu
        return action

    def _where(self, fits: Callable[[JobStatus], bool]) -> list[str]:
        """The selected jobs of some states; one that is not loaded may have any."""
        found = []
        for job_id in self._selected.ids:
            row = self._model.row_of(job_id)
            job = None if row is None else self._model.job(row)
            if job is None or fits(job.status):
                found.append(job_id)
        return found

    def _ended(self) -> list[str]:
        return self._where(lambda status: status in FINAL)

    def _retry(self) -> None:
        ended = self._ended()
        rows = [self._model.row_of(job_id) for job_id in ended]
        jobs = [None if row is None else self._model.job(row) for row in rows]
        completed = sum(job is not None and job.status is JobStatus.COMPLETED for job in jobs)
        self._actions.ask_retry(ended, None if None in jobs else completed)

    def _open_jobs(self) -> list[str]:
        return self._where(lambda status: status not in FINAL)

    def _waiting(self) -> list[str]:
        return self._where(lambda status: status in _WAITS)

    def _no_branch(self) -> str:
        """Why the selection cannot be branched; empty when it can, as far as its row tells."""
        if len(self._selected.ids) != 1:
            return "A branch starts from one job."
        row = self._model.row_of(self._selected.ids[0])
        job = None if row is None else self._model.job(row)
        if job is None:
            return ""
        if job.owner_id is None or job.owner_id != self._own_owner:
            return not_yours(job.owner_id)
        return NOTHING_STORED if job.status in _WAITS and job.attempt == 1 else ""

    def _branch(self) -> None:
        if self._selected.ids:
            self.branch_asked.emit(self._selected.ids[0])

    def _open(self) -> None:
        if self._selected.ids:
            self.opened.emit(self._selected.ids[0])

    def _open_folder(self) -> None:
        if self._selected.ids:
            self._actions.open_folder(self._selected.ids[0])

    def _draw(self) -> None:
        for action, icon in self._icons.items():
            action.setIcon(self._theme.icons.icon(icon, "muted", 16))


class SelectionBar(QWidget):
    """How many jobs are selected and what can be done with them; hidden for fewer than two."""

    def __init__(self, menu: JobMenu, selected: Selected, parent: QWidget) -> None:
        super().__init__(parent)
        self._label = QLabel(self)
        self._label.setProperty("tone", "muted")
        self._label.setProperty("scale", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._label)
        self.buttons: list[QPushButton] = []
        for action in (menu.retry, menu.first, menu.cancel):
            button = QPushButton(action.text(), self)
            button.setProperty("role", "chip")
            button.clicked.connect(action.trigger)
            action.changed.connect(lambda a=action, b=button: b.setVisible(a.isEnabled()))
            button.setVisible(action.isEnabled())
            row.addWidget(button)
            self.buttons.append(button)
        selected.changed.connect(self._count)
        self.hide()

    def _count(self, number: int) -> None:
        self._label.setText(f"{counted(number, 'job')} selected")
        self.setVisible(number > 1)
