"""One parameter's field, made from what its workflow declares."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.manifest import Scalar
from jigdesk.domain.params import Draw, ParamSpec, ParamType
from ui.elided import ElidedLabel, shrink
from ui.newjob.draft import bounds, words

MAX_SPIN = 2**31 - 1
FIELD_WIDTH = 200


class _Number(QDoubleSpinBox):
    """Shows a number without the zeros at its end."""

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        return f"{value:.6g}"


class ParamField(QWidget):
    """Emits `changed`. `value` is None where the field is left to the workflow."""

    changed = Signal()

    def __init__(self, spec: ParamSpec, draw: Draw, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self._draw = draw
        self._error = QLabel(self)
        self._error.setProperty("tone", "error")
        self._error.setProperty("scale", "small")
        self._error.setWordWrap(True)
        self._error.hide()
        self.editor = self._editor()
        self.editor.setAccessibleName(spec.name)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.editor)
        if spec.type is ParamType.SEED:
            self.dice = QPushButton("Roll", self)
            self.dice.setAutoDefault(False)
            self.dice.setToolTip("Draw another seed")
            self.dice.clicked.connect(self.roll)
            row.addWidget(self.dice)
        hint = ElidedLabel(self)
        hint.say(bounds(spec))
        hint.setProperty("tone", "muted")
        hint.setProperty("scale", "small")
        row.addWidget(hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._error)

    @property
    def value(self) -> Scalar | None:
        """The value; raises JobError for one that the workflow does not take."""
        raw = self._raw()
        if raw is None:
            if self.spec.is_required:
                raise JobError(
                    ErrorCode.INVALID_PARAMETER,
                    f"{words(self.spec.name).capitalize()} must be given.",
                    field=self.spec.name,
                )
            return None
        return self.spec.check(raw, self.spec.name)

    @property
    def problem(self) -> str:
        """Why the value cannot be sent; empty when it can."""
        try:
            _ = self.value
        except JobError as wrong:
            return wrong.message
        return ""

    def show_problem(self) -> None:
        """Say what is wrong below the field."""
        problem = self.problem
        self._error.setText(problem)
        self._error.setVisible(bool(problem))

    def roll(self) -> None:
        """Draw a seed."""
        if isinstance(self.editor, QLineEdit):
            self.editor.setText(str(self.spec.draw(self._draw)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The wheel scrolls the form, it does not change a number by accident."""
        if event.type() is QEvent.Type.Wheel:
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def _raw(self) -> object:
        editor, spec = self.editor, self.spec
        match editor:
            case QCheckBox():
                return editor.isChecked()
            case QSpinBox() | QDoubleSpinBox():
                return editor.value()
            case QComboBox():
                return editor.currentData()
            case QLineEdit():
                text = editor.text()
                if spec.type is ParamType.STRING:
                    return text if text or spec.default is not None else None
                return _number(text)
            case _:
                raise AssertionError(f"no value is read from {editor!r}")

    def _editor(self) -> QWidget:
        spec = self.spec
        match spec.type:
            case ParamType.BOOLEAN:
                box = QCheckBox(self)
                box.setChecked(spec.default is True)
                box.toggled.connect(self._edited)
                return box
            case ParamType.CHOICE:
                return self._choice()
            case ParamType.INTEGER if spec.lowest >= -MAX_SPIN and spec.highest <= MAX_SPIN:
                spin = QSpinBox(self)
                spin.setRange(math.ceil(spec.lowest), math.floor(spec.highest))
                if spec.default is not None:
                    spin.setValue(int(spec.default))
                return self._spin(spin, spin.valueChanged.connect)
            case ParamType.NUMBER if math.isfinite(spec.lowest) and math.isfinite(spec.highest):
                number = _Number(self)
                number.setDecimals(3)
                number.setRange(spec.lowest, spec.highest)
                number.setSingleStep((spec.highest - spec.lowest) / 100 or 0.1)
                number.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
                if spec.default is not None:
                    number.setValue(float(spec.default))
                return self._spin(number, number.valueChanged.connect)
            case _:
                line = QLineEdit(self)
                line.setMinimumWidth(FIELD_WIDTH)
                if spec.default is not None:
                    line.setText(str(spec.default))
                if spec.type is ParamType.SEED:
                    line.setPlaceholderText("drawn by the desk")
                line.textChanged.connect(self._edited)
                return line

    def _choice(self) -> QComboBox:
        combo = QComboBox(self)
        combo.setMinimumWidth(FIELD_WIDTH)
        shrink(combo)
        for choice in self.spec.choices:
            combo.addItem(str(choice), choice)
        default = self.spec.default
        if default in self.spec.choices:
            combo.setCurrentIndex(self.spec.choices.index(default))
        combo.currentIndexChanged.connect(self._edited)
        combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        combo.installEventFilter(self)
        return combo

    def _spin(
        self, spin: QAbstractSpinBox, connect: Callable[[Callable[[], None]], object]
    ) -> QAbstractSpinBox:
        spin.setMinimumWidth(120)
        spin.lineEdit().setTextMargins(8, 0, 8, 0)
        spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        spin.installEventFilter(self)
        connect(self._edited)
        return spin

    def _edited(self) -> None:
        self.show_problem()
        self.changed.emit()


def _number(text: str) -> object:
    """A number as it was typed; the text itself where it is none, None where it is empty."""
    text = text.strip()
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
