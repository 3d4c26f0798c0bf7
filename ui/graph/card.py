"""One node as a card, and the line between two of them."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from ui.graph.layout import CARD_HEIGHT, CARD_WIDTH, Card
from ui.graph.states import (
    CACHED,
    DONE,
    FAILED,
    NOT_RUN,
    RUNNING,
    STOPPED,
    WAITING,
    NodeState,
)
from ui.theme.theme import SMALL_PX, Theme

MARGIN = 10.0
BRANCH_PX = 14
BRANCH_GAP = 6
OUTLINES = {
    WAITING: "faint",
    RUNNING: "accent",
    DONE: "ok",
    CACHED: "muted",
    FAILED: "error",
    NOT_RUN: "line",
    STOPPED: "muted",
}
INKS = {
    WAITING: "faint",
    RUNNING: "accent",
    DONE: "ok",
    CACHED: "muted",
    FAILED: "error",
    NOT_RUN: "faint",
    STOPPED: "text",
}
_QUIET = frozenset({WAITING, NOT_RUN})


class NodeCard(QGraphicsItem):
    """Paints a node; the view tells it its state."""

    def __init__(self, card: Card, theme: Theme) -> None:
        super().__init__()
        self.card = card
        self.state = NodeState(WAITING)
        self._theme = theme
        self._chosen = False
        self.setPos(card.x, card.y)
        self.setZValue(1)
        self._tell()

    def show_state(self, state: NodeState) -> None:
        """Show another state."""
        if state != self.state:
            self.state = state
            self._tell()
            self.update()

    def show_chosen(self, chosen: bool) -> None:
        """Whether the keyboard is on it."""
        if chosen != self._chosen:
            self._chosen = chosen
            self.update()

    @property
    def sentence(self) -> str:
        """The whole of what the card says."""
        card, state = self.card, self.state
        told = f"{card.title} ({card.class_type}, node {card.key[1]}): {state.line}"
        failed = [state.words] if state.state == FAILED and state.words else []
        return "\n".join([told, *failed, *(f"    {given}" for given in card.inputs)])

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """The card and its outline."""
        return QRectF(-2, -2, CARD_WIDTH + 4, CARD_HEIGHT + 4)

    def paint(
        self,
        painter: QPainter,
        _option: QStyleOptionGraphicsItem,
        _widget: QWidget | None = None,
    ) -> None:
        """Paint ground, outline and both lines."""
        theme, state = self._theme, self.state.state
        ground = "accent_background" if state == RUNNING else "panel"
        pen = QPen(theme.colour(OUTLINES[state]), 2.0 if state == RUNNING else 1.2)
        if state == CACHED:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(theme.colour(ground))
        painter.drawRoundedRect(QRectF(0, 0, CARD_WIDTH, CARD_HEIGHT), 6, 6)
        if self._chosen:
            painter.setPen(QPen(theme.colour("text"), 1.0, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(3, 3, CARD_WIDTH - 6, CARD_HEIGHT - 6), 4, 4)
        ink = "muted" if state in _QUIET else "text"
        self._line(painter, self.card.title, 6, ink, ground, bold=state not in _QUIET)
        self._line(painter, self.state.line, 23, INKS[state], ground)

    def _line(
        self, painter: QPainter, words: str, y: float, ink: str, ground: str, *, bold: bool = False
    ) -> None:
        font = self._theme.font(SMALL_PX, bold=bold)
        width = CARD_WIDTH - 2 * MARGIN
        painter.setFont(font)
        painter.setPen(self._theme.ink(ink, ground))
        painter.drawText(
            QRectF(MARGIN, y, width, 16),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, width),
        )

    def _tell(self) -> None:
        self.setToolTip(self.sentence)


class EdgeLine(QGraphicsItem):
    """The way from one card to another."""

    def __init__(self, source: Card, target: Card, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        start = QPointF(source.x + CARD_WIDTH, source.centre[1])
        end = QPointF(target.x, target.centre[1])
        self._path = QPainterPath(start)
        if end.x() > start.x():
            bend = (end.x() - start.x()) / 2
            self._path.cubicTo(
                QPointF(start.x() + bend, start.y()), QPointF(end.x() - bend, end.y()), end
            )
        else:  # back to a row below: out of the foot, into the head
            start = QPointF(source.centre[0], source.y + CARD_HEIGHT)
            end = QPointF(target.centre[0], target.y)
            reach = max(24.0, (end.y() - start.y()) / 2)
            self._path = QPainterPath(start)
            self._path.cubicTo(
                QPointF(start.x(), start.y() + reach), QPointF(end.x(), end.y() - reach), end
            )

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """The line with its width."""
        return self._path.boundingRect().adjusted(-2, -2, 2, 2)

    def paint(
        self,
        painter: QPainter,
        _option: QStyleOptionGraphicsItem,
        _widget: QWidget | None = None,
    ) -> None:
        """Paint the line."""
        painter.setPen(QPen(self._theme.colour("line"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._path)


class RowTitle(QGraphicsItem):
    """A stage's headline, with a place to branch from it once it is stored."""

    def __init__(self, stage: str, words: str, y: float, theme: Theme) -> None:
        super().__init__()
        self.stage = stage
        self.can_branch = False
        self._words = words
        self._theme = theme
        self.setPos(0, y)
        self.setZValue(1)

    def show_branch(self, can_branch: bool) -> None:
        """Whether a branch can start from the stage."""
        if can_branch != self.can_branch:
            self.can_branch = can_branch
            self.setToolTip("Branch from here" if can_branch else "")
            self.setCursor(
                Qt.CursorShape.PointingHandCursor if can_branch else Qt.CursorShape.ArrowCursor
            )
            self.update()

    def branch_area(self) -> QRectF:
        """Where the branch mark is, in the item's own coordinates."""
        return QRectF(self._width() + BRANCH_GAP, 0, BRANCH_PX + 4, 18)

    def _width(self) -> float:
        metrics = QFontMetricsF(self._theme.font(SMALL_PX))
        return min(metrics.horizontalAdvance(self._words), 3 * CARD_WIDTH - 40)

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """Room for one line."""
        return QRectF(0, 0, 3 * CARD_WIDTH, 18)

    def paint(
        self,
        painter: QPainter,
        _option: QStyleOptionGraphicsItem,
        _widget: QWidget | None = None,
    ) -> None:
        """Paint the words."""
        font = self._theme.font(SMALL_PX)
        metrics = QFontMetricsF(font)
        words = metrics.elidedText(self._words, Qt.TextElideMode.ElideRight, self._width() + 1)
        # lines between the stages pass behind the words
        wide = self._width() + 6 + (BRANCH_GAP + BRANCH_PX if self.can_branch else 0)
        ground = QRectF(-2, 1, wide, 16)
        painter.fillRect(ground, self._theme.colour("panel"))
        painter.setFont(font)
        painter.setPen(self._theme.ink("muted", "panel"))
        painter.drawText(self.boundingRect(), Qt.AlignmentFlag.AlignVCenter, words)
        if self.can_branch:
            area = self.branch_area()
            mark = QRect(int(area.left()) + 2, 2, BRANCH_PX, BRANCH_PX)
            self._theme.icons.icon("branch", "accent", BRANCH_PX).paint(painter, mark)
