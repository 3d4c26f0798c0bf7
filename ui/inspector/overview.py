"""The overview: what runs now, the graph, where the time went, inputs and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from jigdesk.app.job_story import JobStory, StoryFile
from jigdesk.domain.changes import Kin
from jigdesk.domain.job import Job, JobStatus
from ui.graph.states import took
from ui.graph.view import GraphView
from ui.inspector.attempts import Attempts
from ui.inspector.error_card import ErrorCard
from ui.inspector.family import FamilyTree
from ui.inspector.preview import PreviewBox
from ui.inspector.slowest import Slowest, slowest
from ui.inspector.thumbs import Thumbs
from ui.inspector.timeline import TimelineBar, spans
from ui.inspector.waiting import AT_THE_NODE
from ui.theme.theme import Theme
from ui.words import duration

_NO_PICTURE = {
    JobStatus.ACCEPTED: "Waits to be prepared.",
    JobStatus.PREPARING: "Its files are fetched and checked.",
    JobStatus.QUEUED: "Waits for its turn. What the engine draws is shown here.",
    JobStatus.RUNNING: "The engine has not drawn anything yet.",
    JobStatus.UPLOADING: "The results go into the store.",
    JobStatus.CONFIRMING: "The results are in the store. It waits for the confirmation.",
    JobStatus.COMPLETED: "This job made no picture. Its results are below.",
    JobStatus.FAILED: "This job made no picture.",
    JobStatus.CANCELLED: "This job was cancelled before it made a picture.",
}


_BEFORE_RESULTS = frozenset(
    {JobStatus.ACCEPTED, JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING}
)


class Overview(QScrollArea):
    """Shows a story; `ask` is called for each file whose small picture is wanted."""

    retry_asked = Signal()
    opened = Signal(object)
    opened_outside = Signal(object)
    folder_shown = Signal(object)

    def __init__(
        self, theme: Theme, ask: Callable[[StoryFile], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("bare")
        self.setAccessibleName("Overview")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._story: JobStory | None = None
        body = QWidget(self)
        body.setObjectName("bare")
        self.error = ErrorCard(theme, body)
        self.preview = PreviewBox(theme, body)
        self.graph = GraphView(theme, body)
        self.node = _small(body)
        self.node.setWordWrap(True)
        self.timeline = TimelineBar(theme, body)
        self.slowest = Slowest(body)
        self.thumbs = Thumbs(theme, ask, body)
        self.attempts = Attempts(body)
        self.family = FamilyTree(theme, body)
        self._family_head = _head("Branches", None, body, apart=True)
        self._done = _small(body)
        self._whole = _small(body)
        self._unplanned = _small(body)
        self._no_files = _small(body)
        self._attempts_head = _head("Attempts", None, body, apart=True)
        self._lay_out(body)
        self.setWidget(body)
        self.node.hide()
        self.show_family((), "")
        self.graph.chosen.connect(self._node_chosen)
        self.slowest.chosen.connect(self._show_node)
        self.error.retry_asked.connect(self.retry_asked)
        self.thumbs.opened.connect(self.opened)
        self.thumbs.opened_outside.connect(self.opened_outside)
        self.thumbs.folder_shown.connect(self.folder_shown)

    def _lay_out(self, body: QWidget) -> None:
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(self.error)
        column.addWidget(self.preview)
        column.addSpacing(4)
        column.addWidget(_head("Stages and nodes", self._done, body))
        column.addWidget(self._unplanned)
        column.addWidget(self.graph)
        column.addWidget(self.node)
        column.addSpacing(4)
        column.addWidget(_head("Where the time went", self._whole, body))
        column.addWidget(self.timeline)
        column.addWidget(self.slowest)
        column.addSpacing(4)
        column.addWidget(_head("Inputs and results", None, body))
        column.addWidget(self._no_files)
        column.addWidget(self.thumbs)
        column.addWidget(self._attempts_head)
        column.addWidget(self.attempts)
        column.addWidget(self._family_head)
        column.addWidget(self.family)
        column.addStretch(1)

    def preview_size(self) -> QSize:
        """In pixels of the screen."""
        return self.preview.wanted_size()

    def start(self) -> None:
        """Another job is looked at."""
        self._story = None
        self.graph.clear()
        self.node.hide()
        self.preview.clear("")
        self.show_family((), "")
        self.verticalScrollBar().setValue(0)

    def show_story(self, story: JobStory, now: datetime, waits: str = "") -> None:
        """What is known now; `waits` as `show_job` takes it."""
        self._story = story
        if story.graph is not None:
            self.graph.show_graph(story.graph)
        self.graph.setVisible(story.graph is not None)
        self._unplanned.setVisible(story.graph is None)
        self._unplanned.setText(
            "The job ended before it was planned, so there is no graph."
            if story.job.status.is_final
            else "The graph is drawn once the job is planned."
        )
        self.thumbs.show_files(story.files, waits=story.job.status in _BEFORE_RESULTS)
        self._no_files.setVisible(not story.files and story.job.status.is_final)
        self._no_files.setText(no_files_words(story))
        several = len(story.attempts) > 1
        self.attempts.setVisible(several)
        self._attempts_head.setVisible(several)
        self.attempts.show_attempts(story.attempts)
        self.show_job(story.job, now, waits)

    def show_job(self, job: Job, now: datetime, waits: str = "") -> None:
        """The newest row of the job; `waits` says why it does not go on, empty when it does."""
        if self._story is None:
            return
        if waits:
            job = replace(job, eta_s=None)
            if job.status is JobStatus.RUNNING:
                job = replace(job, message=AT_THE_NODE)
        self.graph.show_job(job, self._story.runs)
        failed = job.status is JobStatus.FAILED and job.failure is not None
        self.error.setVisible(failed)
        if failed and job.failure is not None:
            self.error.show_failure(job.failure)
        has_picture = not self.preview.image.isNull()
        self.preview.setVisible(has_picture or not failed)
        if not has_picture:
            self.preview.clear(waits or _NO_PICTURE[job.status])
        elif job.status is JobStatus.RUNNING:
            self.preview.show_caption(waits or running_words(job))
        self._done.setText(_done_words(job))
        self.tell_time(job, now)

    def tell_time(self, job: Job, now: datetime) -> None:
        """Move the timeline on."""
        story = self._story
        if story is None:
            return
        found = spans(job, story.attempts, story.runs, story.graph, now)
        self.timeline.show_spans(found)
        self.slowest.show_nodes(slowest(job, story.runs, story.graph))
        begun = story.attempts[-1].started_at if story.attempts else job.created_at
        final = job.status.is_final and job.finished_at is not None
        ended = job.finished_at if final and job.finished_at is not None else now
        self._whole.setText(took((ended - begun).total_seconds()))

    def show_family(self, family: Sequence[Kin], job_id: str) -> None:
        """The tree of branches that the job is in; empty hides it."""
        self.family.show_family(family, job_id)
        for part in (self._family_head, self.family):
            part.setVisible(bool(family))

    def show_picture(self, image: QImage, caption: str) -> None:
        """What the engine draws, or the newest result."""
        self.preview.show_image(image)
        self.preview.show_caption(caption)
        self.preview.show()

    def _show_node(self, stage: str, node: str) -> None:
        if self.graph.choose((stage, node)):
            self.ensureWidgetVisible(self.graph)

    def _node_chosen(self, words: str) -> None:
        self.node.setText(words)
        self.node.setVisible(bool(words))


def no_files_words(story: JobStory) -> str:
    """Why no file is listed."""
    if story.graph is None and story.job.status.is_final:
        return "Files are listed once a job is planned, and this one ended before that."
    return "This job has no files." if story.job.status.is_final else "This job has no files yet."


def running_words(job: Job) -> str:
    """`Refine · step 7/12`."""
    parts = [job.node_title or "", job.message.rstrip(".")]
    return " · ".join(part for part in parts if part)


def _done_words(job: Job) -> str:
    if job.status is JobStatus.COMPLETED:
        return "all done"
    if job.status.is_final:
        return "" if job.progress is None else f"stopped at {int(job.progress * 100)}%"
    parts = [] if job.progress is None else [f"{int(job.progress * 100)}%"]
    if job.eta_s is not None:
        parts.append(f"{duration(job.eta_s)} left")
    return " · ".join(parts)


def _small(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setProperty("tone", "muted")
    label.setProperty("scale", "small")
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _head(words: str, right: QLabel | None, parent: QWidget, *, apart: bool = False) -> QWidget:
    """A headline; `apart` keeps its own distance, for one that is not always there."""
    line = QWidget(parent)
    title = _small(line)
    title.setText(words)
    title.setProperty("weight", "bold")
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 8 if apart else 0, 0, 0)
    row.addWidget(title)
    row.addStretch(1)
    if right is not None:
        right.setProperty("weight", "bold")
        row.addWidget(right)
    return line
