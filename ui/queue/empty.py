"""What the queue says when it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

TEXT_PX = 440
BUSY_PX = 160


class Nothing(QWidget):
    """No job yet, none that the filter finds, or not read (yet): a sentence and one button.

    Emits `sample_asked`, `clear_asked` and `again_asked`.
    """

    sample_asked = Signal()
    clear_asked = Signal()
    again_asked = Signal()

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
        self.setFocusProxy(self._button)
        self._asks = self.sample_asked
        self._busy = QProgressBar(self)
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedWidth(BUSY_PX)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._button)
        row.addWidget(self._busy)
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
        self._say("Reading the jobs", "", "", is_busy=True)

    def show_unreadable(self, why: str) -> None:
        """The list could not be read."""
        self._asks = self.again_asked
        self._say("The jobs cannot be read", why, "Try again")

    def show_no_jobs(self) -> None:
        """The desk never had a job."""
        self._asks = self.sample_asked
        self._say(
            "No jobs yet",
            "Run a sample job to see the desk at work: a drawn picture is refined and enlarged. "
            f"Or send your own from the job page at\n{self._dock_url}",
            "Run the sample job",
        )

    def show_none_found(self) -> None:
        """The filter finds nothing."""
        self._asks = self.clear_asked
        self._say(
            "No job matches",
            "Jobs are searched by id, owner, workflow and message.",
            "Show all jobs",
        )

    def show_sending(self) -> None:
        """The sample job is on its way."""
        self._button.setEnabled(False)
        self._button.setText("Sending")

    @property
    def title(self) -> str:
        """What is said first."""
        return self._title.text()

    @property
    def words(self) -> str:
        """What is said below it."""
        return self._words.text()

    @property
    def button(self) -> QPushButton:
        """What helps; hidden where nothing does."""
        return self._button

    def _say(self, title: str, words: str, button: str, *, is_busy: bool = False) -> None:
        self._title.setText(title)
        self._words.setText(words)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self._button.setEnabled(True)
        self._busy.setVisible(is_busy)

    def _clicked(self) -> None:
        self._asks.emit()
