"""The new-job dialog. A job of the host goes the way of everybody's."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Hashable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from jigdesk.app import Core
from jigdesk.app.branching import BranchPoint
from jigdesk.app.job_story import StoryFile, thumb_bytes
from jigdesk.app.own_jobs import OwnJob, own_client_id, send_own_job
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.manifest import MAX_STAGES
from ui.bridge import Bridge
from ui.inspector.decoder import Decoder
from ui.newjob.draft import StageDraft, Start, fits, missing, own_job, story
from ui.newjob.file_field import THUMB
from ui.newjob.stage_form import StageForm
from ui.words import breakable, counted, short_id

SIZE = QSize(680, 640)
FRAME = QSize(16, 48)
"""What the system's own frame takes of a screen."""
SEED_BITS = 53
FEW = 5


class NewJobDialog(QDialog):
    """Use `open()`. Emits `sent(job_id)` once the desk has everything.

    With a branch point the first stage takes what one of its stages stored: `from_stage`, else
    the last one, until the owner chooses another.
    """

    sent = Signal(str)

    def __init__(
        self,
        core: Core,
        bridge: Bridge,
        parent: QWidget | None = None,
        *,
        branch: BranchPoint | None = None,
        from_stage: str | None = None,
    ) -> None:
        super().__init__(parent)
        title = "New job" if branch is None else f"Branch from {short_id(branch.job.job_id)}"
        self.setWindowTitle(title)
        self._branch = branch
        self.setObjectName("newJob")
        self.resize(size_within(self.screen().availableGeometry().size()))
        self._bridge = bridge
        # one immutable value, which the core replaces as a whole: any thread may read it
        self._templates = dict(core.templates.available)
        self._unavailable = dict(core.templates.unavailable)
        self._decoder = Decoder(self)
        self._sending = False
        self._passed = (0, 0)
        self.forms: list[StageForm] = []
        self._body = QWidget(self)
        self._body.setObjectName("bare")
        self._stages = QVBoxLayout()
        self._stages.setSpacing(12)
        self.add_stage = QPushButton("Add a stage", self)
        self.add_stage.setAutoDefault(False)
        self._chain = self._muted("One stage is enough. Another one works on its result.")
        self._story = self._muted("")
        self._told = ""
        self._story.setObjectName("story")
        self._problem = QLabel(self)
        self._problem.setWordWrap(True)
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self.from_stage = QComboBox(self)
        self.from_stage.setAccessibleName("Stage to start from")
        self.from_stage.setVisible(branch is not None)
        self._bar = QProgressBar(self)
        self.send = QPushButton("Send the job", self)
        self.send.setProperty("role", "primary")
        self.send.setAutoDefault(False)  # Enter ends what is typed in a field, and sends nothing
        self.send.setToolTip("Ctrl+Enter")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setAutoDefault(False)
        self._lay_out()
        self._wire()
        if branch is not None:
            self._offer_stages(branch, from_stage)
        if self._templates:
            self.append(self._first_workflow()).workflow.setFocus()
            self._start_from_stage()
        else:
            self.add_stage.hide()
            self._chain.setText(
                "This desk has no workflow that can run. Put one into a folder of "
                "workflows.dirs, or see what `jigdesk workflows check` says."
            )
        self._changed()

    def _wire(self) -> None:
        self.send.clicked.connect(self._send)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.send.click)
        self.cancel.clicked.connect(self.reject)
        self.add_stage.clicked.connect(lambda: self.append(None))
        self._bridge.ticked.connect(self._tick)
        self._bridge.closing.connect(self._decoder.close)
        self.finished.connect(self._decoder.close)

    def _lay_out(self) -> None:
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.hide()
        self._problem.hide()
        chain = QHBoxLayout()
        chain.setSpacing(12)
        chain.addWidget(self.add_stage)
        chain.addWidget(self._chain, 1)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 8, 0)
        body.setSpacing(12)
        body.addLayout(self._stages)
        body.addLayout(chain)
        if self._unavailable:
            body.addWidget(self._others())
        body.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setObjectName("bare")
        scroll.setAccessibleName("Stages")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._body)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        title = QLabel(self.windowTitle(), self)
        title.setProperty("scale", "large")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.send)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(title)
        if self._branch is not None:
            column.addLayout(self._branch_row(self._branch))
        column.addWidget(scroll, 1)
        column.addWidget(self._story)
        column.addWidget(self._problem)
        column.addWidget(self._bar)
        column.addLayout(buttons)

    def _others(self) -> QLabel:
        """How many workflows cannot run now; why is in the tooltip."""
        number = counted(len(self._unavailable), "other workflow")
        label = self._muted(f"{number} cannot run now; the Workflows page says why.")
        label.setProperty("scale", "small")
        few = sorted(self._unavailable.items())[:FEW]
        label.setToolTip("\n".join(f"{name}: {why}" for name, why in few))
        return label

    def _branch_row(self, branch: BranchPoint) -> QHBoxLayout:
        words = self._muted(
            f"{branch.job.workflow or 'That job'} is not run again: the first stage takes what "
            "is stored of it."
        )
        label = QLabel("Starts from", self)
        label.setBuddy(self.from_stage)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(label)
        row.addWidget(self.from_stage)
        row.addWidget(words, 1)
        return row

    # --- a branch ----------------------------------------------------------------------------

    @property
    def start(self) -> Start | None:
        """What the job starts from; None for one that is no branch."""
        if self._branch is None:
            return None
        return Start(self._branch.job.job_id, self._branch.stages[self.from_stage.currentIndex()])

    def _offer_stages(self, branch: BranchPoint, wanted: str | None) -> None:
        names = [stage.name for stage in branch.stages]
        for stage in branch.stages:
            titled = stage.title.lower() == stage.name.lower()
            name = stage.title if titled else f"{stage.name} · {stage.title}"
            self.from_stage.addItem(f"{name} · {counted(len(stage.results), 'file')}")
        self.from_stage.setCurrentIndex(names.index(wanted) if wanted in names else len(names) - 1)
        self.from_stage.currentIndexChanged.connect(lambda _: self._start_from_stage())

    def _start_from_stage(self) -> None:
        start = self.start
        if start is not None and self.forms:
            self.forms[0].start_from(start.stage.results)
            self._changed()

    def _first_workflow(self) -> str | None:
        """For a branch, the first one by title that takes what is stored; None for any."""
        start = self.start
        kinds = () if start is None else {item.file.kind for item in start.stage.results}
        fitting = [
            (template.title.lower(), name)
            for name, template in self._templates.items()
            if any(fits(kind, wanted) for kind in kinds for wanted in template.inputs.values())
        ]
        return min(fitting)[1] if fitting else None

    def _look(self, key: Hashable, file: StoryFile) -> None:
        size = THUMB * 2 * self.devicePixelRatioF()

        async def read(core: Core) -> bytes | None:
            return await thumb_bytes(core, file)

        self._bridge.call(read, lambda data: self._decoder.ask(key, data or b"", size))

    # --- the form ----------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """What the job will do."""
        return self._told

    @property
    def problem(self) -> str:
        """Why the job cannot be sent; empty when nothing is wrong."""
        return self._problem.text().replace("\u200b", "")

    @property
    def drafts(self) -> Sequence[StageDraft]:
        """What is filled in; raises JobError for a value that a workflow does not take."""
        return [form.draft for form in self.forms]

    def append(self, workflow: str | None = None) -> StageForm:
        """Add a stage at the end of the chain."""
        before = self.forms[-1].template if self.forms else None
        form = StageForm(
            self._templates, self._decoder, draw_seed, before, self._body, look=self._look
        )
        if workflow is not None:
            form.choose(workflow)
        form.changed.connect(self._changed)
        form.removed.connect(lambda: self._remove(form))
        self.forms.append(form)
        self._stages.addWidget(form)
        self._changed()
        return form

    def reject(self) -> None:
        """Close, unless the job is on its way."""
        if not self._sending:
            super().reject()

    def _remove(self, form: StageForm) -> None:
        self.forms.remove(form)
        self._stages.removeWidget(form)
        form.hide()
        form.deleteLater()
        self._changed()

    def _changed(self) -> None:
        before = None
        for number, form in enumerate(self.forms, 1):
            if number > 1:
                form.follow(before)
            before = form.template
            form.show_number(number, len(self.forms))
        self.add_stage.setEnabled(len(self.forms) < MAX_STAGES)
        wrong = next((form.problem for form in self.forms if form.problem), "")
        if wrong or not self.forms:
            self._tell(wrong)
            self.send.setEnabled(False)
            return
        drafts, start = self.drafts, self.start
        lack = missing(drafts, start)
        self._tell(lack or story(drafts, start))
        self.send.setEnabled(not lack and not self._sending)
        self._say("")

    def _send(self) -> None:
        wanted = own_job(self.drafts, self.start)
        self._sending, self._passed = True, (0, 0)
        self._say("")
        self._enable(False)
        self._bar.setRange(0, 0)
        self._bar.show()

        def passed(sent: int, whole: int) -> None:  # on the core's loop; the tick shows it
            self._passed = sent, whole

        async def work(core: Core) -> str:
            return await _send(core, wanted, passed)

        self._bridge.call(work, self._sent, self._refused)

    def _sent(self, job_id: str) -> None:
        self._sending = False
        self.sent.emit(job_id)
        self.accept()

    def _refused(self, failure: JigDeskError) -> None:
        self._sending = False
        self._bar.hide()
        self._enable(True)
        self._changed()
        self._say(failure.message)

    def _enable(self, enabled: bool) -> None:
        for part in (self._body, self.send, self.cancel):
            part.setEnabled(enabled)

    def _tick(self, _beat: int) -> None:
        sent, whole = self._passed
        if self._sending and whole:
            self._bar.setRange(0, 1000)
            self._bar.setValue(1000 * sent // whole)

    def _tell(self, words: str) -> None:
        self._told = words
        self._story.setText(breakable(words))

    def _say(self, problem: str) -> None:
        self._problem.setText(breakable(problem))
        self._problem.setProperty("tone", "error")
        self._problem.setVisible(bool(problem))

    def _muted(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setProperty("tone", "muted")
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label


def size_within(room: QSize) -> QSize:
    """The dialog's first size on a screen with so much room, its frame included."""
    return SIZE.boundedTo(room - FRAME)


def draw_seed() -> int:
    """A random number of 53 bits, which JSON and JavaScript keep exactly."""
    return secrets.randbits(SEED_BITS)


async def _send(core: Core, wanted: OwnJob, passed: Callable[[int, int], None]) -> str:
    client_id = await asyncio.to_thread(own_client_id, core.settings.paths)
    return await send_own_job(core.local_url, client_id, wanted, passed)
