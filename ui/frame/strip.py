"""The health strip: always in view; a click opens a check with its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.check import Check
from ui.figures import Figures
from ui.frame.fitting import fit_height
from ui.frame.lamp import Lamp
from ui.frame.vitals import TUNNEL, Vital, vitals
from ui.theme.theme import BASE_PX, SMALL_PX, Theme

HEIGHT = 54
EDGE_PX = 12
WIDEST_PX = 168
AROUND_PX = 40
"""A lamp, and what is left around it."""
LAMP_PX = 28
CARD_PX = 340
LAMP, TITLE, WHOLE = 0, 1, 2


class Item(QAbstractButton):
    """One vital: a lamp, its title and a short line."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("check")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._theme = theme
        self._lamp = Lamp(theme, self)
        self._title = QLabel(self)
        self._title.setObjectName("title")
        self._detail = QLabel(self)
        self._detail.setObjectName("detail")
        lines = QVBoxLayout()
        lines.setSpacing(1)
        lines.addWidget(self._title)
        lines.addWidget(self._detail)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self._lamp)
        layout.addLayout(lines)
        for part in (self._lamp, self._title, self._detail):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.vital: Vital | None = None
        self.parts = WHOLE
        self._detail_px = 0

    def show_vital(self, vital: Vital) -> None:
        """Show another state; what has no room is in the tooltip."""
        if vital == self.vital:
            return
        self.vital = vital
        self._lamp.show_level(vital.level)
        self._title.setText(vital.title)
        # the strip does not dance: an item grows, and does not shrink
        self._detail_px = max(self._detail_px, min(WIDEST_PX, self._needed()))
        self.setToolTip(f"{vital.title}: {vital.message}")
        self.setAccessibleName(f"{vital.title}: {vital.level}, {vital.message}")

    @property
    def detail(self) -> str:
        """The short line as it is shown; empty while it is not."""
        return self._detail.text() if self.parts >= WHOLE else ""

    @property
    def is_wrong(self) -> bool:
        """Whether something is to be done about it."""
        return self.vital is not None and self.vital.level in ("warning", "error")

    @property
    def missing(self) -> int:
        """How many pixels more would let it say all of its line."""
        return max(0, self._needed() + AROUND_PX - self.width_of(WHOLE))

    def _needed(self) -> int:
        detail = "" if self.vital is None else self.vital.detail
        return QFontMetrics(self._theme.font(SMALL_PX)).horizontalAdvance(detail) + 2

    def show_parts(self, parts: int, more: int = 0) -> None:
        """Show the LAMP, the lamp and its TITLE, or the WHOLE of it, and that `more` wide."""
        self.parts = parts
        width = self.width_of(parts) + more
        if self.vital is not None:
            metrics = QFontMetrics(self._theme.font(SMALL_PX))
            mode = Qt.TextElideMode.ElideMiddle if self.vital.copy else Qt.TextElideMode.ElideRight
            cut = metrics.elidedText(self.vital.detail, mode, width - AROUND_PX)
            self._detail.setText(cut)
        self._title.setVisible(parts >= TITLE)
        self._detail.setVisible(parts >= WHOLE)
        self.setFixedWidth(width)

    def width_of(self, parts: int) -> int:
        """How much room it needs."""
        if parts == LAMP:
            return LAMP_PX
        title = QFontMetrics(self._theme.font(BASE_PX, bold=True)).horizontalAdvance(
            self._title.text()
        )
        detail = self._detail_px if parts >= WHOLE else 0
        return max(title, detail) + AROUND_PX

    def paintEvent(self, _event: object) -> None:  # noqa: N802 - Qt's name
        """Paint the ground under the pointer; the parts paint themselves."""
        if not (self.underMouse() or self.hasFocus()):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.colour("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("raised"))
        painter.drawRoundedRect(self.rect().adjusted(1, 5, -1, -5), 6, 6)
        painter.end()

    def enterEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Repaint the ground."""
        super().enterEvent(event)  # type: ignore[arg-type]
        self.update()

    def leaveEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Repaint the ground."""
        super().leaveEvent(event)  # type: ignore[arg-type]
        self.update()


class CheckCard(QFrame):
    """A popover with one check: what it says, what to do, and what can be copied."""

    copied = Signal(str)
    asked_again = Signal()

    def __init__(self, vital: Vital, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("popover")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = QLabel(vital.title, self)
        title.setProperty("weight", "bold")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(title)
        layout.addWidget(self._text(vital.message))
        if vital.copy and vital.copy not in vital.message:
            layout.addWidget(self._text(vital.copy))
        if vital.remedy:
            remedy = self._text(vital.remedy)
            remedy.setProperty("tone", "muted")
            layout.addWidget(remedy)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        again = QPushButton("Check again", self)
        again.clicked.connect(self.asked_again)
        again.clicked.connect(self.close)
        buttons.addWidget(again)
        if vital.copy:
            copy = QPushButton("Copy address", self)
            copy.clicked.connect(lambda: self.copied.emit(vital.copy))
            copy.clicked.connect(self.close)
            buttons.addWidget(copy)
        buttons.addStretch(1)
        layout.addLayout(buttons)
        fit_height(self, CARD_PX)

    def _text(self, words: str) -> QLabel:
        label = QLabel(words, self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label


class HealthStrip(QFrame):
    """Emits `asked_again` for new checks and `noted(str)` for what the owner should be told.

    `arranged` follows when it has other items.
    """

    asked_again = Signal()
    noted = Signal(str)
    arranged = Signal()

    def __init__(
        self, theme: Theme, kept: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAccessibleName("Health")
        self.setFixedHeight(HEIGHT)
        self._theme = theme
        self._kept = kept
        self._checks: Sequence[Check] = ()
        self._figures: Figures | None = None
        self._items: dict[str, Item] = {}
        self._copy = QPushButton(self)
        self._copy.setProperty("role", "chip")
        self._copy.setText("Copy URL")
        self._copy.setToolTip("Copy the public URL")
        self._copy.clicked.connect(self._copy_public)
        self._copy.hide()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(EDGE_PX, 0, EDGE_PX, 0)
        self._row.setSpacing(4)
        self._row.addStretch(1)

    def show_checks(self, checks: Sequence[Check]) -> None:
        """The checks' newest answers."""
        self._checks = checks
        self._fill()

    def show_figures(self, figures: Figures) -> None:
        """The newest figures."""
        self._figures = figures
        self._fill()

    @property
    def items(self) -> Mapping[str, Item]:
        """What is shown, by name."""
        return self._items

    @property
    def buttons(self) -> list[QWidget]:
        """Everything that can have the focus, from the left."""
        found: list[QWidget] = []
        for name, item in self._items.items():
            found += [item, self._copy] if name == TUNNEL else [item]
        return found

    def _fill(self) -> None:
        found = vitals(self._checks, self._figures, self._kept)
        wanted = [vital.name for vital in found]
        if list(self._items) != wanted:
            self._arrange(wanted)
        for vital in found:
            self._items[vital.name].show_vital(vital)
        self._share_room()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Show as much as fits."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Where room is scarce, what is well says less, so that what is not says all it can."""
        items = list(self._items.values())
        spaces = self._row.spacing() * (len(items) + 2)
        spare = self.width() - 2 * EDGE_PX - spaces
        spare -= sum(item.width_of(LAMP) for item in items)
        public = None if self._figures is None else self._figures.public_url
        self._copy.setVisible(public is not None)
        spare -= self._copy.sizeHint().width() if public is not None else 0
        given = dict.fromkeys(items, LAMP)
        wrong = [item for item in items if item.is_wrong]
        well = [item for item in items if not item.is_wrong]
        for some, parts in ((wrong, TITLE), (wrong, WHOLE), (well, TITLE), (well, WHOLE)):
            for item in some:
                more = item.width_of(parts) - item.width_of(given[item])
                if more <= spare and given[item] == parts - 1:
                    given[item], spare = parts, spare - more
        for item in (*wrong, *well):
            more = min(spare, item.missing) if given[item] == WHOLE else 0
            item.show_parts(given[item], max(0, more))
            spare -= more

    def _arrange(self, names: Sequence[str]) -> None:
        before = self._items
        self._items = {name: before.get(name) or self._item(name) for name in names}
        for name, item in before.items():
            self._row.removeWidget(item)
            if name not in self._items:
                item.deleteLater()
        self._row.removeWidget(self._copy)
        place = 0
        for name, item in self._items.items():
            self._row.insertWidget(place, item)
            item.show()
            place += 1
            if name == TUNNEL:
                self._row.insertWidget(place, self._copy)
                place += 1
        self.arranged.emit()

    def _item(self, name: str) -> Item:
        item = Item(self._theme, self)
        item.clicked.connect(lambda: self.open_check(name))
        return item

    def open_check(self, name: str) -> CheckCard | None:
        """Open a check's card; None when it is not shown (any more)."""
        item = self._items.get(name)
        if item is None or item.vital is None:
            return None
        card = CheckCard(item.vital, self)
        card.asked_again.connect(self.asked_again)
        card.copied.connect(self._copy_text)
        card.move(item.mapToGlobal(QPoint(0, item.height() - 4)))
        card.show()
        return card

    def _copy_public(self) -> None:
        if self._figures is not None and self._figures.public_url is not None:
            self._copy_text(self._figures.public_url)

    def _copy_text(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.noted.emit(f"Copied {text}")
