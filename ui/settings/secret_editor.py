"""A secret: whether it is set and where, a new one in its place, and taking it away."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from jigdesk.settings.draft import Source, Stand
from jigdesk.settings.fields import SettingField
from ui.settings.controls import Segments
from ui.settings.editors import mark
from ui.settings.wording import source_words, title_of

FILE, RING = "file", "keyring"


class SecretEditor(QWidget):
    """Emits `typed(str, bool)` (the second says: into the keyring) and `removed`.

    What is kept is never read into it: the line has only what was typed just now.
    """

    typed = Signal(str, bool)
    removed = Signal()

    def __init__(self, entry: SettingField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.line = QLineEdit(self)
        self.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.line.setAccessibleName(title_of(entry))
        self.line.textEdited.connect(self._tell)
        self.remove = QPushButton("Remove", self)
        self.remove.setAutoDefault(False)
        self.remove.clicked.connect(self.removed)
        self.place = Segments({FILE: "In a file", RING: "In the OS keyring"}, self)
        self.place.setAccessibleName(f"Where to keep {title_of(entry)}")
        self.place.choose(FILE)
        self.place.chosen.connect(self._tell)
        keep = QLabel("Keep it", self)
        keep.setProperty("tone", "muted")
        self._place_row = QWidget(self)
        place = QHBoxLayout(self._place_row)
        place.setContentsMargins(0, 0, 0, 0)
        place.setSpacing(8)
        place.addWidget(keep)
        place.addWidget(self.place, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.words)
        column.addLayout(row)
        column.addWidget(self._place_row)

    @property
    def target(self) -> QWidget:
        """The line."""
        return self.line

    def show_stand(
        self, stand: Stand, *, typed: str | None, removed: bool, can_use_keyring: bool
    ) -> None:
        """Say how it stands; `typed` is the form's own draft, None for none."""
        self.words.setText(_words(stand, removed=removed))
        self.words.setToolTip(stand.where)
        if typed is None and self.line.text():
            self.line.clear()
        fixed = stand.is_fixed
        self.line.setVisible(not fixed)
        self.line.setPlaceholderText(
            "Type a new one to replace it" if stand.is_set else "Type or paste it"
        )
        self.remove.setVisible(stand.is_set and not fixed and not removed and typed is None)
        self._place_row.setVisible(typed is not None and can_use_keyring)
        if typed is None:
            self.place.choose(RING if stand.source is Source.KEYRING else FILE)

    def show_wrong(self, message: str) -> None:
        """A red frame."""
        mark(self.line, "wrong", bool(message))

    def _tell(self, _: str) -> None:
        self.typed.emit(self.line.text(), self.place.value == RING)


def _words(stand: Stand, *, removed: bool) -> str:
    if removed:
        return "Will be removed when you save"
    if not stand.is_set:
        return "Not set"
    return f"Set · {source_words(stand)}"
