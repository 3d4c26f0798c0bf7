"""The settings page: a list of sections, their cards, a search, and saving all at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from jigdesk.settings.draft import Origin
from jigdesk.settings.fields import SettingField, fields
from ui.bridge import Bridge
from ui.details import label
from ui.frame.toasts import Toasts
from ui.settings.bars import ProblemNotice, RestartNotice, SaveBar
from ui.settings.cards import APPEARANCE, AppearanceCard, Card, SectionCard, all_sections
from ui.settings.form import Form, Hide
from ui.settings.wording import matches, section_title
from ui.theme.theme import Theme
from ui.words import counted

LIST_PX = 190
SEARCH_PX = 340
THEME_WORDS = "appearance theme dark light system colour color look"
_NAME = Qt.ItemDataRole.UserRole
Wanted = Callable[[SettingField], bool]


class SettingsPage(QWidget):
    """Every key of the settings' model. Cards are made when they are first shown.

    `restart_asked` when the owner wants what is saved to be in force now.
    """

    restart_asked = Signal()

    def __init__(
        self,
        bridge: Bridge,
        theme: Theme,
        toasts: Toasts,
        origin: Origin,
        hide: Hide,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._theme = theme
        self.form = Form(bridge, origin, hide, self)
        self._cards: dict[str, Card] = {}
        self._sections = {section.name: section for section in all_sections()}
        self.search = QLineEdit(self)
        self.search.setAccessibleName("Search the settings")
        self._search_icon = self._dress_search()
        self.place = label("", tone="muted", whole=False)
        self.place.setProperty("scale", "small")
        self.list = QListWidget(self)
        self.list.setAccessibleName("Sections of the settings")
        self.list.setFixedWidth(LIST_PX)
        self.list.setSpacing(2)
        self.list.currentItemChanged.connect(self._picked)
        self.list.itemClicked.connect(self._picked)  # also the one that a search left
        self.waiting = RestartNotice(self.form, theme, self)
        self.waiting.pressed.connect(self.restart_asked)
        self.strange = ProblemNotice(self.form, theme, self)
        self.bar = SaveBar(self.form, theme, self)
        self.bar.save.connect(self.save)
        self.bar.discard.connect(self._discard)
        self.bar.to_wrong.connect(self.show_first_wrong)
        self._body = QWidget(self)
        self._body.setObjectName("page")
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.setSpacing(12)
        self.empty = self._nothing_found()
        self._column.addWidget(self.empty)
        self._column.addStretch(1)
        self.area = QScrollArea(self)
        self.area.setAccessibleName("The section's settings")
        self._lay_out()
        self._fill_list()
        self.form.loaded.connect(self._loaded)
        self.form.checked.connect(self._mark)
        self.form.edited.connect(lambda _: self._mark())
        self.form.refused.connect(self.show_first_wrong)
        self.form.failed.connect(toasts.fail)
        theme.changed.connect(self._draw)

    # --- what others use ---------------------------------------------------------------------

    def show_section(self, name: str) -> None:
        """Show one section; raises KeyError for none."""
        self.search.clear()
        self.list.setCurrentItem(self._item(name))

    def show_key(self, key: str) -> None:
        """Show one key's row and give it the focus."""
        entry = fields()[key]
        self.show_section(entry.section)
        card = self._card(entry.section)
        if isinstance(card, SectionCard):
            row = card.rows[key]
            row.target.setFocus()
            # its place is known once the card has been laid out
            QTimer.singleShot(0, row, lambda: self.area.ensureWidgetVisible(row, 0, 80))

    def show_first_wrong(self) -> None:
        """Go to the first value that has a problem."""
        wrong = self.form.problems
        for section in self._sections.values():
            for entry in section.fields:
                if entry.key in wrong:
                    self.show_key(entry.key)
                    return

    def save(self) -> None:
        """Write the changes, if all of them are right."""
        self.area.setFocus()  # the button is switched off, and the focus would leave the page
        self.form.save()
        self.bar.show_state()

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys that are to be seen now, or by scrolling."""
        cards = (card for card in self._cards.values() if card.isVisibleTo(self._body))
        rows = (row for c in cards if isinstance(c, SectionCard) for row in c.rows.values())
        return tuple(row.entry.key for row in rows if row.isVisibleTo(self._body))

    # --- the parts ---------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read what is saved: others write config.toml too."""
        super().showEvent(event)
        self.form.load()
        if self.list.currentItem() is None:
            self.list.setCurrentRow(0)

    def _dress_search(self) -> QAction:
        search = self.search
        search.setPlaceholderText("Search the settings")
        search.setClearButtonEnabled(True)
        search.setMaximumWidth(SEARCH_PX)
        search.textChanged.connect(self._filter)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(search.setFocus)
        icon = self._theme.icons.icon("search", "muted", 16)
        return search.addAction(icon, QLineEdit.ActionPosition.LeadingPosition)

    def _lay_out(self) -> None:
        self.area.setObjectName("bare")
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(self._body)
        title = label("Settings", scale="large", whole=False)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(title)
        words.addWidget(self.place)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addLayout(words, 1)
        head.addWidget(self.search, 1)
        right = QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(self.strange)
        right.addWidget(self.waiting)
        right.addWidget(self.area, 1)
        right.addWidget(self.bar)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.list)
        row.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        column.addLayout(head)
        column.addLayout(row, 1)

    def _nothing_found(self) -> QWidget:
        owner = QWidget(self._body)
        self._nothing = QLabel(owner)
        self._nothing.setProperty("scale", "large")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setWordWrap(True)
        self._nothing.setTextFormat(Qt.TextFormat.PlainText)
        words = QLabel("It looks in names, keys, variables and explanations.", owner)
        words.setProperty("tone", "muted")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        clear = QPushButton("Clear the search", owner)
        clear.clicked.connect(self.search.clear)
        column = QVBoxLayout(owner)
        column.setContentsMargins(0, 96, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._nothing)
        column.addWidget(words)
        column.addWidget(clear, 0, Qt.AlignmentFlag.AlignHCenter)
        owner.hide()
        return owner

    def _fill_list(self) -> None:
        names = {APPEARANCE: "Appearance", **{name: section_title(name) for name in self._sections}}
        for name, title in names.items():
            item = QListWidgetItem(title)
            item.setData(_NAME, name)
            self.list.addItem(item)

    def _item(self, name: str) -> QListWidgetItem:
        items = (self.list.item(row) for row in range(self.list.count()))
        found = next((item for item in items if item.data(_NAME) == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def _card(self, name: str) -> Card:
        if name not in self._cards:
            card: Card = (
                AppearanceCard(self._theme, self._body)
                if name == APPEARANCE
                else SectionCard(self._sections[name], self.form, self._theme, self._body)
            )
            self._cards[name] = card
            names = [self.list.item(row).data(_NAME) for row in range(self.list.count())]
            before = sum(1 for other in names[: names.index(name)] if other in self._cards)
            self._column.insertWidget(before, card)
        return self._cards[name]

    # --- choosing and searching --------------------------------------------------------------

    def _picked(self) -> None:
        if self.list.currentItem() is None:
            return
        if self.search.text():
            self.search.clear()  # comes back here by `_filter`
        else:
            self._filter()

    def _filter(self) -> None:
        wanted = self.search.text().strip()
        item = self.list.currentItem()
        if item is not None:
            item.setSelected(not wanted)
        if not wanted:
            self._show({item.data(_NAME)} if item is not None else set(), "")
            return
        found = {
            section.name
            for section in self._sections.values()
            if any(matches(entry, section.name, wanted) for entry in section.fields)
        }
        if all(word in THEME_WORDS for word in wanted.casefold().split()):
            found.add(APPEARANCE)
        self._show(found, wanted)

    def _show(self, names: set[str], wanted: str) -> None:
        for name in names:
            card = self._card(name)
            if isinstance(card, SectionCard):
                card.show_only(_wanted(card.section.name, wanted))
        for name, card in self._cards.items():
            card.setVisible(name in names)
        self.empty.setVisible(not names)
        self._nothing.setText(f"No setting matches “{wanted}”")
        self.area.verticalScrollBar().setValue(0)

    # --- following the form ------------------------------------------------------------------

    def _loaded(self) -> None:
        found = self.form.survey
        if found is not None:
            path = str(found.config_file)
            self.place.setToolTip(path)
            metrics = self.place.fontMetrics()
            self.place.setText(
                metrics.elidedText(path, Qt.TextElideMode.ElideMiddle, max(240, self.width() // 2))
            )
        self._mark()

    def _discard(self) -> None:
        self.area.setFocus()
        self.form.discard()

    def _mark(self) -> None:
        """Say in the list which sections have changes, and which have problems."""
        wrong, changed = self.form.problems, self.form.changes
        for name, section in self._sections.items():
            item = self._item(name)
            keys = [entry.key for entry in section.fields]
            bad = sum(1 for key in keys if key in wrong)
            new = sum(1 for key in keys if key in changed)
            words = [counted(bad, "value") + " to put right"] if bad else []
            words += [counted(new, "change") + " not saved"] if new else []
            item.setToolTip(", ".join(words))
            dot = " ●" if new else ""
            item.setText(section_title(name) + dot)
            icon = self._theme.icons.icon("warning", "error", 16) if bad else None
            item.setData(Qt.ItemDataRole.DecorationRole, icon)

    def _draw(self) -> None:
        self._search_icon.setIcon(self._theme.icons.icon("search", "muted", 16))
        self._mark()


def _wanted(section: str, words: str) -> Wanted:
    return lambda entry: not words or matches(entry, section, words)
