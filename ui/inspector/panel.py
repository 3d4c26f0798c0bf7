"""The inspector: reads one job, keeps it fresh, and carries the owner's commands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QLabel, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from jigdesk.app import Core
from jigdesk.app.job_story import (
    JobStory,
    StoryFile,
    file_bytes,
    job_documents,
    job_story,
    thumb_bytes,
)
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.events import Event
from jigdesk.domain.job import Job, JobStatus
from ui.bridge import Bridge
from ui.host.log_feed import LogFeed
from ui.inbox import Batch
from ui.inspector.branches import Branches
from ui.inspector.commands import Commands
from ui.inspector.decoder import Decoder
from ui.inspector.events_tab import EventsTab
from ui.inspector.files_tab import FilesTab
from ui.inspector.header import Header
from ui.inspector.job_log import JobLog
from ui.inspector.manifests import Manifests
from ui.inspector.overview import Overview, no_files_words, running_words
from ui.inspector.thumbs import HEIGHT, WIDTH
from ui.inspector.viewer import LARGEST, Viewer
from ui.inspector.waiting import waits_for
from ui.reader import Reader
from ui.theme.theme import Theme

TICKS_A_SECOND = 10
LEAST_WIDTH = 360
EVENTS_AT_ONCE = 1_000
READING = "Reading the job"
OVERVIEW, FILES, EVENTS, MANIFESTS, LOG = range(5)


class Inspector(QFrame):
    """One job, looked at closely. `closed` follows the owner's wish to close it.

    `show_job` may be called at any time; answers about a job that is no longer looked at are
    dropped.
    """

    closed = Signal()

    def __init__(
        self,
        bridge: Bridge,
        theme: Theme,
        feed: LogFeed,
        parent: QWidget | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setMinimumWidth(LEAST_WIDTH)
        self._bridge = bridge
        self._theme = theme
        self._clock = clock
        self._job_id: str | None = None
        self._story: JobStory | None = None
        self._reader: Reader[str, JobStory | None] = Reader(
            bridge, self._read_done, self._read_failed
        )
        self._result_shown = ""
        self._viewer: Viewer | None = None
        self.commands = Commands(bridge, self)
        self._decoder = Decoder(self)
        self._decoder.decoded.connect(self._decoded)
        # from the outside in: with a style sheet, whatever is put elsewhere is styled once more
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self._stack = QStackedWidget(self)
        whole.addWidget(self._stack)
        self._words = QLabel(self._stack)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setProperty("tone", "muted")
        self._words.setWordWrap(True)
        self._words.setMargin(32)
        self._stack.addWidget(self._words)
        job = QWidget(self._stack)
        self._stack.addWidget(job)
        column = QVBoxLayout(job)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.header = Header(theme, job)
        column.addWidget(self.header)
        self.tabs = QTabWidget(job)
        column.addWidget(self.tabs, 1)
        self.tabs.setAccessibleName("The job")
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setAccessibleName("What of the job is shown")
        self.tabs.tabBar().setExpanding(False)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setObjectName("jobTabs")
        self.overview = Overview(theme, self._ask_thumb, self.tabs)
        self.branches = Branches(bridge, self.header, self.overview, self)
        self.files = FilesTab(self.tabs)
        self.events = EventsTab(theme, self.tabs)
        self.manifests = Manifests(theme, self.tabs)
        self.log = JobLog(bridge, theme, feed, self.tabs)
        for page, title in (
            (self.overview, "Overview"),
            (self.files, "Files"),
            (self.events, "Events"),
            (self.manifests, "Manifests"),
            (self.log, "Log"),
        ):
            self.tabs.addTab(page, title)
        self._wire()
        self._say("Choose a job in the queue to look at it closely.")

    def _wire(self) -> None:
        bridge = self._bridge
        bridge.arrived.connect(self._arrived)
        bridge.figures.connect(self._figures_came)
        bridge.ticked.connect(self._tick)
        bridge.closing.connect(self._decoder.close)
        self.header.close_asked.connect(self.closed)
        self.header.retry_asked.connect(self._retry)
        self.header.cancel_asked.connect(self._cancel)
        self.commands.done.connect(self._commanded)
        self.overview.retry_asked.connect(self._retry)
        for part in (self.overview, self.files):
            part.opened.connect(self.open_file)
            part.opened_outside.connect(self.commands.open_outside)
            part.folder_shown.connect(self.commands.show_folder)
        self.log.opened.connect(self.commands.open_path)
        self.tabs.currentChanged.connect(lambda _: self._fill_tab())

    @property
    def job_id(self) -> str | None:
        """The job that is looked at."""
        return self._job_id

    @property
    def story(self) -> JobStory | None:
        """What is known of it; None until it is read."""
        return self._story

    @property
    def viewer(self) -> Viewer | None:
        """The open viewer."""
        return self._viewer

    @property
    def words(self) -> str:
        """The sentence that is shown in place of a job; empty while one is shown."""
        return self._words.text() if self._stack.currentWidget() is self._words else ""

    def show_job(self, job_id: str | None) -> None:
        """Look at a job; None looks at none."""
        if job_id == self._job_id:
            if job_id is not None and self.words not in ("", READING):  # it could not be read
                self._say(READING)
                self._read()
            return
        self._job_id, self._story = job_id, None
        self._bridge.follow(job_id)
        self._result_shown = ""
        self.overview.start()
        self.branches.look_at(job_id)
        self.events.model.clear()
        self.manifests.say("Reading the manifests")
        if job_id is None:
            self._say("Choose a job in the queue to look at it closely.")
            return
        self._say(READING)
        self._read()

    # --- commands ----------------------------------------------------------------------------

    def _retry(self) -> None:
        if self._story is not None:
            self.commands.retry(self._story.job)

    def _cancel(self) -> None:
        if self._story is not None:
            self.commands.cancel(self._story.job)

    def open_file(self, file: StoryFile) -> None:
        """Open a picture large, anything else in the system's viewer."""
        story = self._story
        if file.kind != "image" or story is None:
            self.commands.open_outside(file)
            return
        pictures = [item for item in story.files if item.kind == "image"]
        viewer = Viewer(pictures, self._theme, self._ask_large, self.window())
        viewer.opened_outside.connect(self.commands.open_outside)
        viewer.finished.connect(self._viewer_closed)
        self._viewer = viewer
        viewer.show_file(file.key)
        viewer.open()

    def _viewer_closed(self) -> None:
        self._viewer = None

    def _commanded(self, job: Job) -> None:
        if job.job_id == self._job_id:
            self._show_row(job)
            self._read()

    # --- reading -----------------------------------------------------------------------------

    def _read(self) -> None:
        job_id = self._job_id
        if job_id is not None:
            self._reader.read(job_id, lambda core: job_story(core, job_id))

    def _read_done(self, job_id: str, story: JobStory | None) -> None:
        if job_id != self._job_id:
            return
        if story is None:
            self._say("This job is not in the journal: it comes soon, or it was cleaned away.")
        else:
            self._show(story)

    def _read_failed(self, job_id: str, failure: JigDeskError) -> None:
        if job_id == self._job_id:
            self._say(failure.message)

    def _show(self, story: JobStory) -> None:
        self._forget_picture_of_before(story.job)
        self._story = story
        self._stack.setCurrentIndex(1)
        waits = waits_for(story.job, self._bridge.latest)
        self.overview.show_story(story, self._clock(), waits)
        self.files.show_files(story.files, no_files_words(story))
        self._show_row(story.job)
        self._show_result()
        self._fill_tab()
        self.branches.show_story(story)

    def _show_row(self, job: Job) -> None:
        waits = waits_for(job, self._bridge.latest)
        self.header.show_job(job, waits)
        self.overview.show_job(job, self._clock(), waits)
        self.log.show_job(job)

    def _say(self, words: str) -> None:
        self._words.setText(words)
        self._stack.setCurrentWidget(self._words)

    def _fill_tab(self) -> None:
        job_id = self._job_id
        if job_id is None or self._story is None:
            return
        match self.tabs.currentIndex():
            case n if n == EVENTS:
                after = self.events.model.last_seq
                self._bridge.call(
                    lambda core: core.journal.events(job_id, after, EVENTS_AT_ONCE),
                    lambda events: self._events_read(job_id, events),
                )
            case n if n == MANIFESTS:
                self._bridge.call(
                    lambda core: job_documents(core, job_id),
                    lambda found: self._documents_read(job_id, found),
                    lambda failure: self._documents_lost(job_id, failure),
                )
            case _:
                pass

    def _events_read(self, job_id: str, events: Sequence[Event]) -> None:
        if job_id != self._job_id:
            return
        self.events.model.add(events)
        if len(events) == EVENTS_AT_ONCE:
            self._fill_tab()

    def _documents_read(self, job_id: str, documents: Mapping[str, Any]) -> None:
        if job_id == self._job_id:
            self.manifests.show_documents(documents)

    def _documents_lost(self, job_id: str, failure: JigDeskError) -> None:
        if job_id == self._job_id:
            self.manifests.say(failure.message)

    # --- what changes ------------------------------------------------------------------------

    def _arrived(self, batch: Batch) -> None:
        job_id = self._job_id
        if job_id is None:
            return
        if batch.missed:
            self._read()
            return
        for job in batch.jobs:
            if job.job_id == job_id:
                self._changed(job)
        if any(event.job_id == job_id for event in batch.events):
            self._read()
        frame = (batch.previews or {}).get(job_id)
        if frame is not None and self.isVisible():
            size = self.overview.preview_size()
            self._decoder.ask(("preview", job_id), frame.data, size, enlarge=True)

    def _changed(self, job: Job) -> None:
        story = self._story
        if story is None:
            self._read()
            return
        before = story.job
        self._forget_picture_of_before(job)
        self._story = JobStory(job, story.attempts, story.runs, story.graph, story.files)
        self._show_row(job)
        moved = (job.status, job.stage, job.attempt) != (
            before.status,
            before.stage,
            before.attempt,
        )
        # a stage's runs say more than its row once the stage changes
        if moved or job.node != before.node:
            self._read()

    def _forget_picture_of_before(self, job: Job) -> None:
        """What the last attempt drew is gone, whichever way the next one becomes known."""
        if self._story is not None and job.attempt != self._story.job.attempt:
            self._result_shown = ""
            self.overview.preview.clear("")

    def _figures_came(self) -> None:
        """The engine or the queue may be held up, or go on again."""
        if self._story is not None and not self._story.job.status.is_final:
            self._show_row(self._story.job)

    def _tick(self, beat: int) -> None:
        story = self._story
        if beat % TICKS_A_SECOND or story is None or story.job.status.is_final:
            return
        if self.isVisible():
            self.overview.tell_time(story.job, self._clock())

    # --- pictures ----------------------------------------------------------------------------

    def _ask_thumb(self, file: StoryFile) -> None:
        size = QSize(2 * WIDTH, 2 * HEIGHT) * self.devicePixelRatioF()
        self._fetch(file, ("thumb", file.key), size, thumb_bytes)

    def _ask_large(self, file: StoryFile) -> None:
        self._fetch(file, ("large", file.key), LARGEST)

    def _show_result(self) -> None:
        """A job that ended shows its last picture where the preview was."""
        story = self._story
        if story is None or not story.job.status.is_final:
            return
        pictures = [f for f in story.files if f.role == "result" and f.kind == "image"]
        if pictures and self._result_shown != pictures[-1].key:
            self._result_shown = pictures[-1].key
            self._fetch(pictures[-1], ("result", pictures[-1].key), self.overview.preview_size())

    def _fetch(
        self,
        file: StoryFile,
        key: tuple[str, str],
        size: QSize,
        fetch: Callable[[Core, StoryFile], Coroutine[Any, Any, bytes | None]] = file_bytes,
    ) -> None:
        async def read(core: Core) -> bytes | None:
            return await fetch(core, file)

        def came(data: bytes | None) -> None:
            self._decoder.ask(key, data or b"", size)

        self._bridge.call(read, came)

    def _decoded(self, key: tuple[str, str], image: QImage) -> None:
        use, name = key
        match use:
            case "preview":
                story = self._story
                running = story is not None and story.job.status is JobStatus.RUNNING
                if running and story is not None and name == self._job_id:
                    self.overview.show_picture(image, running_words(story.job))
            case "result":
                if name == self._result_shown:
                    self.overview.show_picture(image, _result_caption(self._story, name))
            case "thumb":
                self.overview.thumbs.show_image(name, image)
            case _:
                if self._viewer is not None:
                    self._viewer.show_image(name, image)


def _result_caption(story: JobStory | None, key: str) -> str:
    files = () if story is None else story.files
    file = next((file for file in files if file.key == key), None)
    if file is None or file.width is None:
        return "" if file is None else file.stage
    return f"{file.stage} · {file.width} × {file.height}"
