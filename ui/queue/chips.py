"""The row of filters: one is chosen, and the owner's own can be added and taken away."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from ui.figures import Figures
from ui.memory import Memory
from ui.queue.filters import BUILT_IN, MAX_NAME, MAX_SAVED, Filter, from_json, to_json
from ui.theme.theme import SMALL_PX

PADDING_PX = 22
MEMORY = "queue/filters"
CHOSEN = "queue/filter"


class Chips(QWidget):
    """Emits `chosen(Filter)`, and `saved` before a new one is chosen.

    The typed text that "Save filter" takes is told by `show_text`.
    """

    chosen = Signal(object)
    saved = Signal()

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._saved = from_json(memory.json_of(MEMORY))
        self._figures: Figures | None = None
        self._text = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QPushButton] = {}
        self._save = self._chip("+ Save filter")
        self._save.setToolTip("Keep the chosen filter and the text under a name")
        self._save.clicked.connect(self._ask_name)
        self._row.addStretch(1)
        names = {item.name for item in self.filters}
        wanted = memory.json_of(CHOSEN)
        self._current = wanted if wanted in names else BUILT_IN[0].name
        self._build()

    @property
    def filters(self) -> list[Filter]:
        """All of them, in the order of the row."""
        return [*BUILT_IN, *self._saved]

    @property
    def current(self) -> Filter:
        """The one that is chosen."""
        return next(item for item in self.filters if item.name == self._current)

    def choose(self, name: str) -> None:
        """Choose a filter by its name."""
        self._current = name
        self._buttons[name].setChecked(True)
        self._memory.keep_json(CHOSEN, name)
        self._show_save()
        self.chosen.emit(self.current)

    def show_figures(self, figures: Figures) -> None:
        """The numbers in the chips."""
        self._figures = figures
        for item in self.filters:
            self._label(self._buttons[item.name], self._words(item))

    def show_text(self, text: str) -> None:
        """The text that narrows the filter now."""
        self._text = text.strip()
        self._show_save()

    def save(self, name: str) -> None:
        """Keep the filter and the text under a name and choose it; an old one is replaced."""
        name = name.strip()[:MAX_NAME]
        if not name or name in {item.name for item in BUILT_IN}:
            return
        now = self.current
        text = " ".join(part for part in (now.text, self._text) if part)
        kept = [item for item in self._saved if item.name != name]
        self._saved = [*kept, Filter(name, now.states, text, now.today)][-MAX_SAVED:]
        self._memory.keep_json(MEMORY, to_json(self._saved))
        self._build()
        self.saved.emit()  # what was typed is in the filter now
        self.choose(name)

    def remove(self, name: str) -> None:
        """Take one of the owner's filters away."""
        self._saved = [item for item in self._saved if item.name != name]
        self._memory.keep_json(MEMORY, to_json(self._saved))
        was_chosen = self._current == name
        if was_chosen:
            self._current = BUILT_IN[0].name
        self._build()
        if was_chosen:
            self.choose(self._current)

    def _build(self) -> None:
        for button in self._buttons.values():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._row.removeWidget(self._save)
        self._buttons = {}
        for place, item in enumerate(self.filters):
            button = self._chip("")
            button.setCheckable(True)
            self._label(button, self._words(item))
            button.setChecked(item.name == self._current)
            button.clicked.connect(lambda _=False, name=item.name: self.choose(name))
            if item in self._saved:
                button.setToolTip("Right-click to remove it")
                button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                button.customContextMenuRequested.connect(
                    lambda at, name=item.name: self._offer_removal(name, at)
                )
            self._group.addButton(button)
            self._buttons[item.name] = button
            self._row.insertWidget(place, button)
        self._row.insertWidget(len(self._buttons), self._save)
        self._show_save()

    def _chip(self, words: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setProperty("role", "chip")
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        return button

    def _label(self, button: QPushButton, words: str) -> None:
        """Make room for the words as they are when it is chosen; never less than before."""
        button.setText(words)
        font = button.font()
        font.setPixelSize(SMALL_PX)
        font.setBold(True)
        needed = QFontMetrics(font).horizontalAdvance(words) + PADDING_PX
        button.setFixedWidth(max(needed, button.minimumWidth()))

    def _words(self, item: Filter) -> str:
        number = None if self._figures is None else item.counted(self._figures)
        return item.name if number is None else f"{item.name} {number:,}"

    def _show_save(self) -> None:
        self._save.setVisible(bool(self._text))

    def _ask_name(self) -> None:
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Save filter")
        dialog.setLabelText("Name of the filter")
        dialog.setTextValue(self._text[:MAX_NAME])
        dialog.textValueSelected.connect(self.save)
        dialog.open()

    def _offer_removal(self, name: str, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        action = QAction(f"Remove “{name}”", menu)
        action.triggered.connect(lambda: self.remove(name))
        menu.addAction(action)
        menu.popup(self._buttons[name].mapToGlobal(at))
