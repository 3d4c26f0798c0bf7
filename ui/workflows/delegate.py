"""A workflow's line in the list: its title, and its name below."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.theme.theme import BASE_PX, SMALL_PX, Theme

HEIGHT = 42
ICON_PX = 16
PAD = 12
NAME_ROLE = Qt.ItemDataRole.UserRole
QUIET_ROLE = Qt.ItemDataRole.UserRole + 1
"""True for one that cannot run now."""


class TitleDelegate(QStyledItemDelegate):
    """Titles need not be different, names are; both are cut where there is no room."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def sizeHint(  # noqa: N802 - Qt's name
        self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Two lines, as wide as the list is."""
        return QSize(10, HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the ground as the style has it, and both lines."""
        plain = QStyleOptionViewItem(option)
        self.initStyleOption(plain, index)
        icon, title = QIcon(plain.icon), plain.text
        plain.text, plain.icon = "", QIcon()
        widget = plain.widget
        style = QApplication.style() if widget is None else widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, plain, painter, widget)
        area = plain.rect.adjusted(PAD, 0, -PAD, 0)
        corner = QPoint(area.left(), area.center().y() - ICON_PX // 2)
        icon.paint(painter, QRect(corner, QSize(ICON_PX, ICON_PX)))
        area.setLeft(area.left() + ICON_PX + PAD - 2)
        chosen = bool(plain.state & QStyle.StateFlag.State_Selected)
        ground = "accent_background" if chosen else "panel"
        tone = "muted" if index.data(QUIET_ROLE) else "text"
        upper = QRect(area.left(), area.top() + 4, area.width(), HEIGHT // 2 - 3)
        lower = QRect(area.left(), upper.bottom() - 1, area.width(), HEIGHT // 2 - 3)
        self._line(painter, upper, title, BASE_PX, tone, ground)
        self._line(painter, lower, str(index.data(NAME_ROLE)), SMALL_PX, "muted", ground)

    def _line(
        self, painter: QPainter, area: QRect, words: str, px: int, tone: str, ground: str
    ) -> None:
        font = self._theme.font(px)
        painter.setFont(font)
        painter.setPen(self._theme.ink(tone, ground))
        fits = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideMiddle, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, fits)
