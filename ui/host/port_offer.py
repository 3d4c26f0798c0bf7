"""The engine's port is held by somebody else: the three ways out."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ui.asking import OneQuestion
from ui.frame.question import Question
from ui.host.engine_words import Holder, end_question

LEAST_PORT, MOST_PORT = 1024, 65_535
FIELD_WIDTH = 84


class PortOffer(QWidget):
    """Emits `chosen(action, number)`: `move` to a port, `end-owner` with its pid, or another one.

    Ending the holder is asked about once. `port_asked` wants a free port: see `propose`.
    """

    chosen = Signal(str, object)
    port_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._holder: Holder | None = None
        self._asking = OneQuestion()
        self.attach = self._button("Use it as it is")
        self.attach.setToolTip("When it is a ComfyUI: jobs run on it, and it is not stopped.")
        self.end = self._button("End that process")
        self.end.setProperty("role", "danger")
        self.move_on = self._button("Start on another port")
        self.move_on.setProperty("role", "primary")
        self.again = self._button("Try again")
        self.again.setToolTip("Once you have ended it yourself.")
        self.port = QLineEdit(self)
        self.port.setFixedWidth(FIELD_WIDTH)
        self.port.setValidator(QIntValidator(LEAST_PORT, MOST_PORT, self.port))
        self.port.setAccessibleName("Port to start on")
        self.port.setPlaceholderText("port")
        hint = QLabel(
            "The other port lasts until the desk is started again; comfyui.port in the settings "
            "is for good.",
            self,
        )
        hint.setProperty("tone", "muted")
        hint.setProperty("scale", "small")
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for parts in ((self.move_on, self.port), (self.attach, self.end), (self.again,)):
            row = QHBoxLayout()
            row.setSpacing(8)
            for part in parts:
                row.addWidget(part)
            row.addStretch(1)
            column.addLayout(row)
        column.insertWidget(1, hint)
        self.attach.clicked.connect(lambda: self.chosen.emit("attach", None))
        self.again.clicked.connect(lambda: self.chosen.emit("start", None))
        self.end.clicked.connect(self._ask)
        self.move_on.clicked.connect(self._move)
        self.port.returnPressed.connect(self._move)
        self.port.textChanged.connect(self._enable)
        self._busy = False
        self._enable()

    @property
    def question(self) -> Question | None:
        """What is being asked now."""
        return self._asking.open

    def show_holder(self, holder: Holder | None) -> None:
        """Who holds the port; None hides the offers."""
        if holder == self._holder:
            return
        self._holder = holder
        self.setVisible(holder is not None)
        self.end.setVisible(holder is not None and holder.pid is not None)
        if self._asking.open is not None:  # it names one that is not there any more
            self._asking.open.reject()
        if holder is not None:
            self.port.clear()
            self.port_asked.emit()

    def propose(self, port: int) -> None:
        """Fill in a port that is free, unless the owner was faster."""
        if not self.port.text():
            self.port.setText(str(port))

    def show_busy(self, busy: bool) -> None:
        """Nothing can be chosen while the engine does what was chosen before."""
        self._busy = busy
        self._enable()

    def _enable(self) -> None:
        for part in (self.attach, self.end, self.again, self.port):
            part.setEnabled(not self._busy)
        self.move_on.setEnabled(not self._busy and self.port.hasAcceptableInput())

    def _move(self) -> None:
        if self.move_on.isEnabled():
            self.chosen.emit("move", int(self.port.text()))

    def _ask(self) -> None:
        holder = self._holder
        if holder is None:
            return
        title, words = end_question(holder)
        question = Question(title, words, "End that process", "Keep it", self)
        self._asking.ask(question, lambda: self.chosen.emit("end-owner", holder.pid))

    def _button(self, words: str) -> QPushButton:
        return QPushButton(words, self)
