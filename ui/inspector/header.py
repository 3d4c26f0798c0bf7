"""The inspector's head: which job, and what can be done to it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from jigdesk.domain.job import Job, JobStatus
from ui.queue.wording import STATE_COLOURS, STATE_WORDS, owner_words
from ui.theme.theme import BASE_PX, LARGE_PX, SMALL_PX, Theme
from ui.words import local_time, short_id


class Header(QWidget):
    """Emits `retry_asked`, `branch_asked`, `cancel_asked` and `close_asked`."""

    retry_asked = Signal()
    branch_asked = Signal()
    cancel_asked = Signal()
    close_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._job: Job | None = None
        self._waits = ""
        self._title = QLabel(self)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setMinimumWidth(10)
        self.id_button = QToolButton(self)
        self.id_button.setObjectName("plain")
        self.id_button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.id_button.clicked.connect(self._copy_id)
        self._state = QLabel(self)
        self._rest = QLabel(self)
        self._rest.setProperty("tone", "muted")
        self._rest.setTextFormat(Qt.TextFormat.PlainText)
        self._rest.setMinimumWidth(10)
        self.retry = self._button("Try again", self.retry_asked)
        self.branch = self._button("Branch from this job", self.branch_asked)
        self.cancel = self._button("Cancel this job", self.cancel_asked)
        self.close_button = self._button("Close the inspector", self.close_asked)
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self._title, 1)
        for button in (self.retry, self.branch, self.cancel, self.close_button):
            first.addWidget(button)
        second = QHBoxLayout()
        second.setSpacing(6)
        second.addWidget(self._state)
        second.addWidget(self.id_button)
        second.addWidget(self._rest, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 4)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)
        theme.changed.connect(self._draw)
        self._draw()

    @property
    def title(self) -> str:
        """The whole title."""
        return self._title.toolTip()

    def show_job(self, job: Job, waits: str = "") -> None:
        """The newest row; `waits` says why it does not go on, empty when it does."""
        before = None if self._job is None else (_told(self._job), self._waits)
        self._job, self._waits = job, waits
        if before != (_told(job), waits):  # what only comes on is not told here
            self._draw()

    def show_branch(self, why_not: str) -> None:
        """Whether a branch can start here: `why_not` is empty when one can."""
        self.branch.setEnabled(not why_not)
        self.branch.setToolTip(why_not or "Branch from this job")
        self._draw_branch()

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Cut the words to the room."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._cut()

    def _draw(self) -> None:
        theme, job = self._theme, self._job
        icons = theme.icons
        self.retry.setIcon(icons.icon("retry", "text"))
        self._draw_branch()
        self.cancel.setIcon(icons.icon("cancel", "text"))
        self.close_button.setIcon(icons.icon("close", "text"))
        self._title.setFont(theme.font(LARGE_PX, bold=True))
        self.id_button.setFont(theme.font(SMALL_PX, mono=True))
        self._state.setFont(theme.font(SMALL_PX, bold=True))
        self._rest.setFont(theme.font(SMALL_PX))
        if job is None:
            return
        lost = bool(self._waits) and job.status is JobStatus.RUNNING
        self._state.setText("Waits for the engine" if lost else STATE_WORDS[job.status])
        self._state.setToolTip(self._waits)
        tone = "warning" if lost else STATE_COLOURS[job.status]
        ink = theme.ink("muted" if tone == "faint" else tone, "panel").name()
        self._state.setStyleSheet(f"color: {ink};")
        self.id_button.setText(short_id(job.job_id))
        self.id_button.setToolTip(f"{job.job_id}\nClick to copy")
        self._title.setToolTip(job.workflow or "A job without a plan")
        self._rest.setToolTip(
            f"owner {owner_words(job.owner_id)}\ncame {local_time(job.created_at)}"
        )
        self.retry.setVisible(job.status.is_final)
        self.cancel.setVisible(not job.status.is_final)
        self._cut()

    def _draw_branch(self) -> None:
        tone = "text" if self.branch.isEnabled() else "faint"
        self.branch.setIcon(self._theme.icons.icon("branch", tone))

    def _cut(self) -> None:
        job = self._job
        if job is None:
            return
        title = QFontMetrics(self._theme.font(LARGE_PX, bold=True))
        self._title.setText(
            title.elidedText(self.title, Qt.TextElideMode.ElideMiddle, self._title.width())
        )
        rest = QFontMetrics(self._theme.font(SMALL_PX))
        self._rest.setText(
            rest.elidedText(_rest(job), Qt.TextElideMode.ElideRight, self._rest.width())
        )

    def _copy_id(self) -> None:
        if self._job is not None:
            QGuiApplication.clipboard().setText(self._job.job_id)

    def _button(self, words: str, signal: object) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("role", "icon")
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFixedSize(34, BASE_PX + 19)
        button.clicked.connect(signal)
        return button


def _told(job: Job) -> tuple[object, ...]:
    """What is said of a job."""
    return (
        job.job_id,
        job.status,
        job.workflow,
        job.owner_id,
        job.created_at,
        job.started_at,
        job.attempt,
    )


def _rest(job: Job) -> str:
    owner = owner_words(job.owner_id)
    kind, _, name = owner.partition(":")
    longest = 9
    if name and len(name) > longest:
        owner = f"{kind}:{name[:4]}…{name[-2:]}"
    parts = [owner, f"attempt {job.attempt}"]
    if job.started_at is not None:
        parts.append(f"started {job.started_at.astimezone().strftime('%H:%M:%S')}")
    return " · ".join(parts)
