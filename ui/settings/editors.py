"""One editor a kind of value: each shows a text and tells when the owner changed it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.settings.fields import SettingField
from jigdesk.settings.kinds import Kind, shape_of
from ui.settings.controls import Combo, Segments, Switch
from ui.settings.wording import echo, placeholder_of, title_of
from ui.theme.theme import Theme

NUMBER_PX = 132
FIELD_PX = 460
FEW = 4
WORD_CHARS = 12


class Editor(QWidget):
    """Emits `typed(str)` when the owner changed the value, as `config set` takes it.

    `left` follows the end of typing: what is shown may then be put in order.
    """

    typed = Signal(str)
    left = Signal()

    def show_text(self, text: str) -> None:
        """Show a value; says nothing."""
        raise NotImplementedError

    def show_wrong(self, message: str) -> None:
        """Mark the field; an empty message takes the mark away."""
        raise NotImplementedError

    @property
    def target(self) -> QWidget:
        """What takes the focus."""
        raise NotImplementedError


def mark(widget: QWidget, name: str, value: bool) -> None:
    """Set a property that the style sheet looks at."""
    if bool(widget.property(name)) is not value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class TextEditor(Editor):
    """A line, narrow for numbers, with the unit and what the number means beside it."""

    def __init__(self, entry: SettingField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        shape = shape_of(entry)
        self._unit = shape.unit
        self.line = QLineEdit(self)
        self.line.setAccessibleName(title_of(entry))
        self.line.setPlaceholderText(placeholder_of(entry))
        self.line.textEdited.connect(self.typed)
        self.line.textChanged.connect(self._say)
        self.line.editingFinished.connect(self.left)
        self._words = QLabel(self)
        self._words.setProperty("tone", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        if shape.kind in (Kind.INTEGER, Kind.NUMBER):
            self.line.setFixedWidth(NUMBER_PX)
            self.line.setPlaceholderText("Not set")
            row.addWidget(self.line)
            row.addWidget(self._words)
            row.addStretch(1)
        else:
            self._words.hide()
            row.addWidget(self.line, 1)
        self._say(self.line.text())

    @property
    def target(self) -> QWidget:
        """The line."""
        return self.line

    def show_text(self, text: str) -> None:
        """Leave what is being typed as it stands: when it means the same, and when it is empty."""
        if self.line.text().strip() != text and not (self.line.hasFocus() and not self.line.text()):
            self.line.setText(text)
            self.line.setCursorPosition(0)

    def show_wrong(self, message: str) -> None:
        """A red frame."""
        mark(self.line, "wrong", bool(message))

    def _say(self, text: str) -> None:
        meant = echo(self._unit, text)
        self._words.setText(f"{self._unit} · {meant}" if meant else self._unit)
        self.line.setToolTip(text)


class PathEditor(Editor):
    """A path that is typed or browsed for."""

    dialog_class = QFileDialog

    def __init__(self, entry: SettingField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = shape_of(entry).kind is Kind.FOLDER
        self.line = QLineEdit(self)
        self.line.setAccessibleName(title_of(entry))
        self.line.setPlaceholderText(placeholder_of(entry))
        self.line.textEdited.connect(self.typed)
        self.line.textChanged.connect(self.line.setToolTip)
        self.browse = QPushButton("Browse", self)
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.browse)

    @property
    def target(self) -> QWidget:
        """The line."""
        return self.line

    def show_text(self, text: str) -> None:
        """Leave what is being typed as it stands when it means the same."""
        if self.line.text().strip() != text:
            self.line.setText(text)

    def show_wrong(self, message: str) -> None:
        """A red frame."""
        mark(self.line, "wrong", bool(message))

    def _browse(self) -> None:
        mode = QFileDialog.FileMode
        dialog = self.dialog_class(self, self.line.accessibleName(), self.line.text())
        dialog.setFileMode(mode.Directory if self._folder else mode.ExistingFile)
        dialog.fileSelected.connect(self._picked)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _picked(self, path: str) -> None:
        self.line.setText(path)
        self.typed.emit(path)


class SwitchEditor(Editor):
    """On or off."""

    def __init__(self, entry: SettingField, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.switch = Switch(theme, self)
        self.switch.setAccessibleName(title_of(entry))
        self.switch.clicked.connect(self._clicked)
        self._words = QLabel(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(8)
        row.addWidget(self.switch)
        row.addWidget(self._words)
        row.addStretch(1)

    @property
    def target(self) -> QWidget:
        """The switch."""
        return self.switch

    def show_text(self, text: str) -> None:
        """`true` is on."""
        self.switch.setChecked(text == "true")
        self._words.setText("On" if self.switch.isChecked() else "Off")

    def show_wrong(self, message: str) -> None:
        """What is on or off is never wrong by itself: the words below say what is."""

    def _clicked(self) -> None:
        on = self.switch.isChecked()
        self._words.setText("On" if on else "Off")
        self.typed.emit("true" if on else "false")


class ChoiceEditor(Editor):
    """A few short words side by side, or a list to choose from."""

    def __init__(self, entry: SettingField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        choices = shape_of(entry).choices
        self.segments: Segments | None = None
        self.combo: Combo | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        if len(choices) <= FEW and max(map(len, choices)) <= WORD_CHARS:
            self.segments = Segments({choice: choice for choice in choices}, self)
            self.segments.setAccessibleName(title_of(entry))
            self.segments.chosen.connect(self.typed)
            column.addWidget(self.segments)
        else:
            self.combo = Combo(self)
            self.combo.setAccessibleName(title_of(entry))
            self.combo.addItems(list(choices))
            self.combo.textActivated.connect(self.typed)
            column.addWidget(self.combo)

    @property
    def target(self) -> QWidget:
        """The list, or the first word."""
        if self.combo is not None:
            return self.combo
        assert self.segments is not None  # noqa: S101 - one of them is made
        return next(iter(self.segments.buttons.values()))

    def show_text(self, text: str) -> None:
        """A value that is not offered shows none."""
        if self.segments is not None:
            self.segments.choose(text)
        if self.combo is not None:
            self.combo.setCurrentIndex(self.combo.findText(text))

    def show_wrong(self, message: str) -> None:
        """What is chosen is never wrong by itself: the words below say what is."""
