"""The row of filters: one is chosen, and the owner's own can be added and taken away.

Those that have no room are in a menu at the row's end; the chosen one is always in the row.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent
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
SPACING_PX = 6
NAME_PX = 150
"""A longer name is cut; its tooltip has the whole."""
MEMORY = "queue/filters"
CHOSEN = "queue/filter"


class Chips(QWidget):
    """Emits `chosen(Filter)`, `saved` before a new one is chosen, `refused(str)` if it is not kept.

    `rebuilt` follows when `buttons` are others.

    The typed text that "Save filter" takes is told by `show_text`.
    """

    chosen = Signal(object)
    saved = Signal()
    refused = Signal(str)
    rebuilt = Signal()

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._saved = from_json(memory.json_of(MEMORY))
        self._figures: Figures | None = None
        self._text = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING_PX)
        self._row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QPushButton] = {}
        self._save = self._chip("+ Save filter")
        self._save.setToolTip("Keep the chosen filter and the text under a name")
        self._save.clicked.connect(self._ask_name)
        self._more = self._chip("More")
        self._more.setToolTip("The filters that have no room here")
        self._more.setAccessibleName("More filters")
        self._more.clicked.connect(self._offer_more)
        self._more.hide()
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

    @property
    def buttons(self) -> list[QPushButton]:
        """Everything that can have the focus, in the row's order."""
        return [*self._buttons.values(), self._more, self._save]

    @property
    def left_out(self) -> list[Filter]:
        """Those that have no room in the row, and are in the menu."""
        return [item for item in self.filters if self._buttons[item.name].isHidden()]

    def choose(self, name: str) -> None:
        """Choose a filter by its name."""
        self._current = name
        self._buttons[name].setChecked(True)
        self._share_room()
        self._memory.keep_json(CHOSEN, name)
        self._show_save()
        self.chosen.emit(self.current)

    def show_figures(self, figures: Figures) -> None:
        """The numbers in the chips."""
        self._figures = figures
        for item in self.filters:
            self._label(self._buttons[item.name], item)
        self._share_room()

    def show_text(self, text: str) -> None:
        """The text that narrows the filter now."""
        self._text = text.strip()
        self._show_save()

    def save(self, name: str) -> None:
        """Keep the filter and the text under a name and choose it; an old one is replaced."""
        name = name.strip()[:MAX_NAME]
        if not name:
            return
        if name.casefold() in {item.name.casefold() for item in BUILT_IN}:
            self.refused.emit(f"“{name}” is one of the desk's own filters. Choose another name.")
            return
        if len(self._saved) >= MAX_SAVED and name not in {item.name for item in self._saved}:
            self.refused.emit(
                f"{MAX_SAVED} filters are kept already. Remove one first: choose it and "
                "right-click it."
            )
            return
        now = self.current
        text = " ".join(part for part in (now.text, self._text) if part)
        kept = [item for item in self._saved if item.name != name]
        self._saved = [*kept, Filter(name, now.states, text, now.today)]
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
        self._row.removeWidget(self._more)
        self._buttons = {}
        for place, item in enumerate(self.filters):
            button = self._chip("")
            button.setCheckable(True)
            self._label(button, item)
            button.setChecked(item.name == self._current)
            button.clicked.connect(lambda _=False, name=item.name: self.choose(name))
            if item in self._saved:
                button.setToolTip(f"{item.name}\nRight-click to remove it")
                button.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                button.customContextMenuRequested.connect(
                    lambda at, name=item.name: self._offer_removal(name, at)
                )
            self._group.addButton(button)
            self._buttons[item.name] = button
            self._row.insertWidget(place, button)
        self._row.insertWidget(len(self._buttons), self._more)
        self._row.insertWidget(len(self._buttons) + 1, self._save)
        self._show_save()
        self.rebuilt.emit()

    def _chip(self, words: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setProperty("role", "chip")
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        return button

    def _label(self, button: QPushButton, item: Filter) -> None:
        """Make room for the words as they are when it is chosen; never less than before."""
        font = button.font()
        font.setPixelSize(SMALL_PX)
        font.setBold(True)
        metrics = QFontMetrics(font)
        name = metrics.elidedText(item.name, Qt.TextElideMode.ElideRight, NAME_PX)
        words = self._words(item, name)
        button.setText(words.replace("&", "&&"))
        button.setAccessibleName(self._words(item, item.name))
        needed = metrics.horizontalAdvance(words) + PADDING_PX
        button.setFixedWidth(max(needed, button.minimumWidth()))

    def _words(self, item: Filter, name: str) -> str:
        number = None if self._figures is None else item.counted(self._figures)
        return name if number is None else f"{name} {number:,}"

    def _show_save(self) -> None:
        self._save.setVisible(bool(self._text))
        self._share_room()

    # --- room --------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as the window lets it be."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Show as many as fit."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """The first ones stay, the chosen one too; the menu has the others."""
        widths = {
            name: button.minimumWidth() + SPACING_PX for name, button in self._buttons.items()
        }
        room = self.width() + SPACING_PX
        if not self._save.isHidden():
            room -= self._save.sizeHint().width() + SPACING_PX
        crowded = sum(widths.values()) > room
        if crowded:
            room -= self._more.sizeHint().width() + SPACING_PX
        room -= widths[self._current]
        full = False
        for name, button in self._buttons.items():
            if name == self._current:
                button.show()
                continue
            room -= widths[name]
            full = full or room < 0
            button.setHidden(full)
        self._more.setVisible(crowded)

    def _offer_more(self) -> None:
        menu = self.more_menu()
        menu.popup(self._more.mapToGlobal(QPoint(0, self._more.height() + 4)))

    def more_menu(self) -> QMenu:
        """The filters that have no room."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for item in self.left_out:
            action = QAction(self._words(item, item.name).replace("&", "&&"), menu)
            action.triggered.connect(lambda _=False, name=item.name: self.choose(name))
            menu.addAction(action)
        return menu

    def _ask_name(self) -> None:
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Save filter")
        dialog.setLabelText("Name of the filter")
        dialog.setTextValue(self._text[:MAX_NAME])
        dialog.textValueSelected.connect(self.save)
        dialog.open()

    def _offer_removal(self, name: str, at: QPoint) -> None:
        self.removal_menu(name).popup(self._buttons[name].mapToGlobal(at))

    def removal_menu(self, name: str) -> QMenu:
        """What a right click on one of the owner's filters offers."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        action = QAction(f"Remove “{name}”", menu)
        action.triggered.connect(lambda: self.remove(name))
        menu.addAction(action)
        return menu
