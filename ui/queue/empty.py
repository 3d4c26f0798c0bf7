"""What the queue says when it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

TEXT_PX = 440


class Nothing(QWidget):
    """No job yet, none that the filter finds, or not read yet: a sentence and one button.

    Emits `sample_asked` and `clear_asked`.
    """

    sample_asked = Signal()
    clear_asked = Signal()

    def __init__(self, dock_url: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dock_url = dock_url
        self._title = QLabel(self)
        self._title.setProperty("scale", "large")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words = QLabel(self)
        self._words.setProperty("tone", "muted")
        self._words.setWordWrap(True)
        self._words.setFixedWidth(TEXT_PX)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._button = QPushButton(self)
        self._button.setProperty("role", "primary")
        self._button.clicked.connect(self._clicked)
        self._is_filter = False
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        column.addWidget(self._title)
        words = QHBoxLayout()
        words.addStretch(1)
        words.addWidget(self._words)
        words.addStretch(1)
        column.addLayout(words)
        column.addLayout(row)
        column.addStretch(3)

    def show_reading(self) -> None:
        """The list is being read."""
        self._say("Reading the journal", "", "")

    def show_no_jobs(self) -> None:
        """The desk never had a job."""
        self._is_filter = False
        self._say(
            "No jobs yet",
            "Run a sample job to see the desk at work: a drawn picture is refined and enlarged. "
            f"Or send your own from the job page at\n{self._dock_url}",
            "Run the sample job",
        )

    def show_none_found(self) -> None:
        """The filter finds nothing."""
        self._is_filter = True
        self._say(
            "No job matches",
            "Jobs are searched by id, owner, workflow and message.",
            "Show all jobs",
        )

    def show_sending(self) -> None:
        """The sample job is on its way."""
        self._button.setEnabled(False)
        self._button.setText("Sending")

    def _say(self, title: str, words: str, button: str) -> None:
        self._title.setText(title)
        self._words.setText(words)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self._button.setEnabled(True)

    def _clicked(self) -> None:
        (self.clear_asked if self._is_filter else self.sample_asked).emit()
