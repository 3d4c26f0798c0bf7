"""One stage: its workflow, inputs and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.app.branching import StoredResult
from jigdesk.domain.described import InputSpec
from jigdesk.domain.params import Draw
from jigdesk.domain.template import Template
from ui.elided import shrink
from ui.inspector.decoder import Decoder
from ui.newjob.draft import StageDraft, fits, takes_from, words
from ui.newjob.file_field import FileField, Look
from ui.newjob.param_field import ParamField


class StageForm(QFrame):
    """Emits `changed`, and `removed` when the owner takes the stage away."""

    changed = Signal()
    removed = Signal()

    def __init__(
        self,
        templates: Mapping[str, Template],
        decoder: Decoder,
        draw: Draw,
        before: Template | None,
        parent: QWidget | None = None,
        *,
        look: Look | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._look = look
        self._stored: Sequence[StoredResult] = ()
        self._templates = templates
        self._decoder = decoder
        self._draw = draw
        self._before = before
        self.files: dict[str, FileField] = {}
        self.params: dict[str, ParamField] = {}
        self.number = QLabel(self)
        self.number.setProperty("weight", "bold")
        self.workflow = QComboBox(self)
        self.workflow.setAccessibleName("Workflow")
        shrink(self.workflow)
        for name, template in sorted(templates.items(), key=lambda item: item[1].title.lower()):
            self.workflow.addItem(template.title, name)
        self.remove = QPushButton("Remove", self)
        self.remove.setAutoDefault(False)
        self.remove.clicked.connect(self.removed)
        self.remove.setVisible(before is not None)
        self._about = QLabel(self)
        self._about.setProperty("tone", "muted")
        self._about.setWordWrap(True)
        self._about.setTextFormat(Qt.TextFormat.PlainText)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.number)
        head.addWidget(self.workflow, 1)
        head.addWidget(self.remove)
        self._body = QWidget(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 16)
        self._column.setSpacing(8)
        self._column.addLayout(head)
        self._column.addWidget(self._about)
        self._column.addWidget(self._body)
        self.workflow.currentIndexChanged.connect(lambda _: self._build())
        self._build()

    @property
    def template(self) -> Template:
        """The chosen workflow."""
        return self._templates[self.workflow.currentData()]

    @property
    def draft(self) -> StageDraft:
        """What is filled in; raises JobError for a value that the workflow does not take."""
        values = {name: field.value for name, field in self.params.items()}
        return StageDraft(
            self.template,
            {name: value for name, value in values.items() if value is not None},
            {name: field.path for name, field in self.files.items() if field.path is not None},
            {name: field.stored for name, field in self.files.items() if field.stored is not None},
        )

    @property
    def problem(self) -> str:
        """The first value that cannot be sent; empty when all can."""
        return next((field.problem for field in self.params.values() if field.problem), "")

    def choose(self, workflow: str) -> None:
        """Choose a workflow by its name; raises KeyError for one that is not there."""
        place = self.workflow.findData(workflow)
        if place < 0:
            raise KeyError(workflow)
        self.workflow.setCurrentIndex(place)

    def follow(self, before: Template | None) -> None:
        """The stage before is another one now."""
        if before is not self._before:
            self._before = before
            for file in self.files.values():
                file.follow(has_before=self._gives(file.spec))

    def start_from(self, stored: Sequence[StoredResult]) -> None:
        """Take these results of another job where they fit and no file is given."""
        self._stored = stored
        for file in self.files.values():
            self._offer(file)

    def _offer(self, file: FileField) -> None:
        file.offer([item for item in self._stored if fits(item.file.kind, file.spec)])

    def show_number(self, number: int, of: int) -> None:
        """Its place in the chain; a single stage has none."""
        self.number.setText(f"Stage {number}" if of > 1 else "Workflow")

    def _gives(self, wanted: InputSpec) -> bool:
        """Whether the stage before makes what an input takes."""
        return self._before is not None and takes_from(self._before, wanted)

    def _build(self) -> None:
        template = self.template
        self._about.setText(template.description)
        self._about.setVisible(bool(template.description))
        body = QWidget(self)
        form = QFormLayout(body)
        form.setContentsMargins(0, 4, 0, 0)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.files, self.params = {}, {}
        for name, wanted in template.inputs.items():
            file = FileField(
                wanted,
                self._decoder,
                has_before=self._gives(wanted),
                look=self._look,
                parent=body,
            )
            if self._stored:
                self._offer(file)
            file.changed.connect(self.changed)
            self.files[name] = file
            form.addRow(_label(name, body), file)
        for name, spec in template.params.items():
            param = ParamField(spec, self._draw, body)
            param.changed.connect(self.changed)
            self.params[name] = param
            form.addRow(_label(name, body), param)
        self._column.replaceWidget(self._body, body)
        self._body.hide()
        self._body.deleteLater()
        self._body = body
        self.changed.emit()


def _label(name: str, parent: QWidget) -> QLabel:
    label = QLabel(words(name).capitalize(), parent)
    label.setMinimumWidth(96)
    label.setMinimumHeight(32)
    return label
