"""Trying a part with the values of the form, saved or not, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.app.trial import Part
from jigdesk.domain.check import Check
from jigdesk.domain.clock import utc_now
from ui.settings.form import Form
from ui.theme.theme import Theme

ICON_PX = 16
VERBS = {
    Part.STORE: "Test the store",
    Part.PUBLISHER: "Test the publisher",
    Part.TUNNEL: "Test the tunnel",
    Part.COMFYUI: "Test the engine",
}
_ICONS = {"ok": "check", "warning": "warning", "error": "close"}
_NAMES = {"cors": "CORS", "urls": "Signed URLs", "comfyui": "ComfyUI"}


class TrialPanel(QFrame):
    """Hidden until `button`, which its section shows in its head, was pressed."""

    def __init__(self, part: Part, form: Form, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("raised")
        self._part = part
        self._form = form
        self._theme = theme
        self._checks: tuple[Check, ...] = ()
        self.button = QPushButton(VERBS[part])
        self.button.setAutoDefault(False)
        self.button.setToolTip("Checks what the form shows, saved or not; nothing is changed")
        self.button.clicked.connect(self.run)
        self.head = QLabel(self)
        self.head.setProperty("tone", "muted")
        self.head.setProperty("scale", "small")
        self.busy = QProgressBar(self)
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.hide()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.head)
        column.addWidget(self.busy)
        column.addLayout(self._grid)
        form.edited.connect(self._edited)
        theme.changed.connect(self._draw)
        self.hide()

    @property
    def checks(self) -> Sequence[Check]:
        """The newest answers."""
        return self._checks

    def run(self) -> None:
        """Begin; one at a time."""
        if self.busy.isVisibleTo(self):
            return
        self._checks = ()
        self._draw()
        self.head.setText("Trying …")
        self.busy.show()
        self.show()
        self._form.try_part(self._part, self._came)

    def _came(self, checks: Sequence[Check]) -> None:
        self.busy.hide()
        self._checks = tuple(checks)
        at = utc_now().astimezone().strftime("%H:%M:%S")
        saved = "with changes that are not saved" if self._form.changes else "with what is saved"
        self.head.setText(f"Tried at {at} {saved}")
        self._draw()

    def _edited(self, key: str) -> None:
        if self._checks and key.startswith(f"{self._part.value}."):
            self.head.setText("The values have changed since this was tried")

    def _draw(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, check in enumerate(self._checks):
            icon = QLabel(self)
            icon.setPixmap(
                self._theme.icons.icon(_ICONS[check.level], check.level, ICON_PX).pixmap(
                    QSize(ICON_PX, ICON_PX), self.devicePixelRatioF()
                )
            )
            icon.setAccessibleName(check.level)
            name = _NAMES.get(check.name, check.name.capitalize())
            self._grid.addWidget(icon, 2 * row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(self._text(f"{name}: {check.message}"), 2 * row, 1)
            if check.remedy:
                remedy = self._text(check.remedy)
                remedy.setProperty("tone", "muted")
                self._grid.addWidget(remedy, 2 * row + 1, 1)

    def _text(self, words: str) -> QLabel:
        made = QLabel(words, self)
        made.setWordWrap(True)
        made.setTextFormat(Qt.TextFormat.PlainText)
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return made
