"""What is said above and below the settings: what waits for a restart, what is not saved yet."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from jigdesk.domain.clock import utc_now
from jigdesk.settings.fields import fields
from ui.settings.form import Form
from ui.settings.wording import section_title, title_of
from ui.theme.theme import Theme
from ui.words import counted

ICON_PX = 16
NAMED = 3


def _named(keys: tuple[str, ...]) -> str:
    """`Store: Bucket, Queue: Max depth and 2 more`."""
    entries = [fields()[key] for key in keys if key in fields()]
    shown = [f"{section_title(e.section)}: {title_of(e)}" for e in entries[:NAMED]]
    more = len(keys) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


class Notice(QFrame):
    """A line of words with a shape, and a button where something can be done."""

    pressed = Signal()

    def __init__(self, theme: Theme, icon: str, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._theme, self._icon, self._tone = theme, icon, tone
        self._shape = QLabel(self)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = QPushButton(self)
        self.button.clicked.connect(self.pressed)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self._shape)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)
        theme.changed.connect(self._draw)
        self._draw()
        self.say("")

    def say(self, words: str, button: str = "") -> None:
        """Show these; none hide it."""
        self.words.setText(words)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.setVisible(bool(words))

    def _draw(self) -> None:
        icon = self._theme.icons.icon(self._icon, self._tone, ICON_PX)
        self._shape.setPixmap(icon.pixmap(QSize(ICON_PX, ICON_PX), self.devicePixelRatioF()))


class RestartNotice(Notice):
    """What is saved and not in force. `pressed` asks to open the core again."""

    def __init__(self, form: Form, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "retry", "accent", parent)
        self._form = form
        form.loaded.connect(self._show)
        form.edited.connect(lambda _: self._show())

    def _show(self) -> None:
        waiting = tuple(self._form.waiting)
        if not waiting:
            self.say("")
            return
        one = len(waiting) == 1
        said = f"Saved, and in force once the core starts again: {_named(waiting)}."
        self.say(said, "Restart JigDesk's core now")
        unsaved = bool(self._form.changes)
        self.button.setEnabled(not unsaved)
        self.button.setToolTip(
            "Save or discard what is not saved first"
            if unsaved
            else f"Jobs under way go on where they were; {'it is' if one else 'they are'} then used"
        )


class ProblemNotice(Notice):
    """Problems that belong to no field: a file that is no TOML, a key that does not exist."""

    def __init__(self, form: Form, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "warning", "error", parent)
        self._form = form
        form.checked.connect(self._show)

    def _show(self) -> None:
        strange = [str(p) for key, p in self._form.problems.items() if key not in fields()]
        self.say("\n".join(strange))


class SaveBar(QFrame):
    """How many changes there are, and what to do with them. Emits `save`, `discard`, `to_wrong`."""

    save = Signal()
    discard = Signal()
    to_wrong = Signal()

    def __init__(self, form: Form, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._form = form
        self._theme = theme
        self._shape = QLabel(self)
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.wrong = QPushButton(self)
        self.wrong.setProperty("role", "chip")
        self.wrong.setToolTip("Go to the first of them")
        self.wrong.clicked.connect(self.to_wrong)
        self.discard_button = QPushButton("Discard", self)
        self.discard_button.clicked.connect(self.discard)
        self.save_button = QPushButton("Save", self)
        self.save_button.setProperty("role", "primary")
        self.save_button.clicked.connect(self.save)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 12, 10)
        row.setSpacing(8)
        row.addWidget(self._shape)
        self.words.setWordWrap(True)
        row.addWidget(self.words, 1)
        row.addWidget(self.wrong)
        row.addStretch(0)
        row.addWidget(self.discard_button)
        row.addWidget(self.save_button)
        for signal in (form.loaded, form.checked):
            signal.connect(self.show_state)
        form.edited.connect(self._edited)
        form.saved.connect(self._saved)
        form.failed.connect(lambda _: self.show_state())
        theme.changed.connect(self.show_state)
        self._done = ""
        self.show_state()

    def _saved(self, number: int) -> None:
        at = utc_now().astimezone().strftime("%H:%M:%S")
        self._done = f"Saved {counted(number, 'setting')} at {at}."
        self.show_state()

    def _edited(self) -> None:
        self._done = ""
        self.show_state()

    def show_state(self) -> None:
        """Say what there is now."""
        form = self._form
        changes, wrong = len(form.changes), len(form.problems)
        saving = form.is_saving
        if saving:
            said = "Saving …"
        elif changes:
            said = f"{counted(changes, 'change')}, not saved yet"
        elif form.survey is None:
            said = "Reading the settings …"
        else:
            said = self._done or "No changes. What is saved takes effect when the core starts."
        self.words.setText(said)
        self.wrong.setText(f"{counted(wrong, 'value')} to put right")
        self.wrong.setVisible(wrong > 0)
        self.wrong.setIcon(self._theme.icons.icon("warning", "error", 14))
        self.save_button.setEnabled(bool(changes) and not saving)
        self.discard_button.setEnabled(bool(changes) and not saving)
        self._shape.setVisible(wrong == 0 and not changes and form.survey is not None)
        icon = self._theme.icons.icon("check", "ok", ICON_PX)
        self._shape.setPixmap(icon.pixmap(QSize(ICON_PX, ICON_PX), self.devicePixelRatioF()))
