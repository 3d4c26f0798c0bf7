"""The graph of a job: zoom, pan, follow the running node, walk with the keyboard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsScene,
    QGraphicsView,
    QMenu,
    QSizePolicy,
    QWidget,
)

from jigdesk.domain.changes import StageRun
from jigdesk.domain.job import Job
from ui.graph.card import EdgeLine, NodeCard, RowTitle
from ui.graph.layout import Layout, NodeKey, lay_out
from ui.graph.states import FAILED, RUNNING, node_states
from ui.theme.theme import Theme

ZOOM_STEP = 1.2
LEAST_ZOOM, MOST_ZOOM = 0.2, 3.0
SMALLEST_FIT = 0.9
"""Smaller than this nothing can be read: the graph is panned instead."""
MOST_HEIGHT = 300
MARGIN = 2.0
_ARROWS = {
    Qt.Key.Key_Left: (-1.0, 0.0),
    Qt.Key.Key_Right: (1.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0),
    Qt.Key.Key_Down: (0.0, 1.0),
}


class GraphView(QGraphicsView):
    """Shows one job's graph; `chosen(str)` says what the card under the keyboard says.

    `branch_asked(stage)` follows the menu of a stored stage, its mark, and B on one of its cards.
    It follows the running node until the owner takes it with mouse or zoom, and again after a
    double click.
    """

    chosen = Signal(str)
    branch_asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # a graph that is too tall shows by its scroll bar that it goes on
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Stages and nodes")
        self.setToolTip(
            "Drag to move, Ctrl and the wheel to zoom, arrow keys to walk, double click to fit, "
            "B to branch from a stored stage."
        )
        self._graph: Mapping[str, Any] | None = None
        self._layout: Layout | None = None
        self._cards: dict[NodeKey, NodeCard] = {}
        self._titles: dict[str, RowTitle] = {}
        self._stored: frozenset[str] = frozenset()
        self._why_not = ""
        self._seen: set[NodeKey] = set()
        self._current: NodeKey | None = None
        self._running: NodeKey | None = None
        self._following = True
        theme.changed.connect(self._repaint)
        self._repaint()

    @property
    def cards(self) -> Mapping[NodeKey, NodeCard]:
        """What is drawn."""
        return self._cards

    @property
    def current(self) -> NodeKey | None:
        """The card under the keyboard."""
        return self._current

    @property
    def zoom(self) -> float:
        """1.0 is 100 %."""
        return self.transform().m11()

    def clear(self) -> None:
        """Show nothing."""
        self._graph = self._layout = None
        self._cards.clear()
        self._titles.clear()
        self._stored = frozenset()
        self._seen.clear()
        self._current = self._running = None
        self._scene.clear()

    def show_graph(self, graph: Mapping[str, Any]) -> None:
        """Draw another graph.json; the same one again changes nothing."""
        if graph == self._graph:
            return
        self.clear()
        self._graph = graph
        layout = self._layout = lay_out(graph)
        for row in layout.rows:
            title = self._titles[row.stage] = RowTitle(row.stage, row.title, row.y, self._theme)
            self._scene.addItem(title)
        for source, target in layout.edges:
            self._scene.addItem(EdgeLine(layout.cards[source], layout.cards[target], self._theme))
        for key, card in layout.cards.items():
            item = self._cards[key] = NodeCard(card, self._theme)
            self._scene.addItem(item)
        bounds = self._scene.itemsBoundingRect().adjusted(-MARGIN, 0, MARGIN, MARGIN)
        self._scene.setSceneRect(bounds)
        self.updateGeometry()
        self.fit()

    def show_job(self, job: Job, runs: Sequence[StageRun]) -> None:
        """The newest states."""
        if self._layout is None:
            return
        if job.stage is not None and job.node is not None:
            self._seen.add((job.stage, job.node))
        running = None  # or what failed: that is looked for first
        for key, state in node_states(self._layout, job, runs, self._seen).items():
            self._cards[key].show_state(state)
            if state.state in (RUNNING, FAILED):
                running = key
        if running != self._running:
            self._running = running
            if running is not None and self._following:
                self.ensureVisible(self._cards[running], 12, 12)
        if self._current is not None:
            self.chosen.emit(self._cards[self._current].sentence)

    def show_stored(self, stages: Collection[str], why_not: str = "") -> None:
        """The stages that have stored results; `why_not` says why none may be branched from."""
        self._stored, self._why_not = frozenset(stages), why_not
        for name, title in self._titles.items():
            title.show_branch(self.can_branch(name))

    def can_branch(self, stage: str) -> bool:
        """Whether a branch can start from a stage."""
        return stage in self._stored and not self._why_not

    def branch_from(self, stage: str) -> None:
        """Ask for a branch, when that stage is stored."""
        if self.can_branch(stage):
            self.branch_asked.emit(stage)

    def menu_at(self, place: QPoint) -> QMenu | None:
        """The menu of the stage at a place of the viewport; None where there is none."""
        item = self.itemAt(place)
        if isinstance(item, NodeCard):
            stage, words = item.card.key[0], item.sentence
        elif isinstance(item, RowTitle):
            stage, words = item.stage, ""
        else:
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        icon = self._theme.icons.icon("branch", "muted", 16)
        branch = menu.addAction(icon, f"Branch from {stage}")
        branch.setEnabled(self.can_branch(stage))
        if not branch.isEnabled():
            branch.setToolTip(self._why_not or "This stage has stored nothing yet.")
        branch.triggered.connect(lambda: self.branch_from(stage))
        if words:
            icon = self._theme.icons.icon("copy", "muted", 16)
            copy = menu.addAction(icon, "Copy what the node says")
            copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(words))
        menu.addAction("Fit the graph", self.fit)
        return menu

    def fit(self) -> None:
        """Show as much as can be read, and follow the running node again."""
        self._following = True
        width = self._scene.sceneRect().width()
        height = self._scene.sceneRect().height()
        if not width or not height:
            return
        wanted = min(
            1.0, self.viewport().width() / width, max(self.viewport().height(), 60) / height
        )
        scale = max(SMALLEST_FIT, wanted)
        self.resetTransform()
        self.scale(scale, scale)
        if self._running is not None:
            self.ensureVisible(self._cards[self._running], 12, 12)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as the graph, within reason."""
        rect = self._scene.sceneRect()
        scale = 1.0
        if rect.width() > self.viewport().width() > 0:
            scale = max(SMALLEST_FIT, self.viewport().width() / rect.width())
        height = min(MOST_HEIGHT, int(rect.height() * scale) + 2) if self._cards else 0
        return QSize(320, height)

    def choose(self, key: NodeKey) -> bool:
        """Put the keyboard on a card; false when there is none."""
        if key not in self._cards:
            return False
        self._following = False
        self._choose(key)
        return True

    def walk(self, dx: float, dy: float) -> None:
        """Move the keyboard to the nearest card in a direction."""
        if self._layout is None or not self._cards:
            return
        if self._current is None:
            self._choose(self._running or next(iter(self._cards)))
            return
        here = self._layout.cards[self._current].centre
        best: tuple[float, NodeKey] | None = None
        for key, card in self._layout.cards.items():
            x, y = card.centre[0] - here[0], card.centre[1] - here[1]
            along, across = x * dx + y * dy, abs(x * dy) + abs(y * dx)
            if key != self._current and along > 1.0:
                distance = along + 3.0 * across
                if best is None or distance < best[0]:
                    best = distance, key
        if best is not None:
            self._choose(best[1])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrows walk, plus and minus zoom, 0 fits, B branches."""
        key = Qt.Key(event.key())
        if key in _ARROWS:
            self.walk(*_ARROWS[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom(ZOOM_STEP)
        elif key is Qt.Key.Key_Minus:
            self._zoom(1 / ZOOM_STEP)
        elif key is Qt.Key.Key_0:
            self.fit()
        elif key is Qt.Key.Key_B and self._current is not None and not event.modifiers():
            self.branch_from(self._current[0])
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Zoom with Ctrl; else whoever is around scrolls."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom(ZOOM_STEP if event.angleDelta().y() > 0 else 1 / ZOOM_STEP)
            event.accept()
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Choose a card, or begin to pan."""
        place = event.position().toPoint()
        item = self.itemAt(place)
        is_left = event.button() is Qt.MouseButton.LeftButton
        if is_left and isinstance(item, RowTitle) and self._is_on_mark(item, place):
            self.branch_from(item.stage)
            event.accept()
            return
        self._following = False
        if isinstance(item, NodeCard):
            self._choose(item.card.key)
        super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """The menu of the stage under the pointer, or of the card under the keyboard."""
        place = event.pos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard and self._current is not None:
            place = self.centre_of(self._current).toPoint()
        menu = self.menu_at(place)
        if menu is not None:
            menu.popup(self.viewport().mapToGlobal(place))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """End a pan."""
        super().mouseReleaseEvent(event)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Fit."""
        self.fit()
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep what can be read in view."""
        super().resizeEvent(event)
        self.updateGeometry()
        if self._following:
            self.fit()

    def _is_on_mark(self, title: RowTitle, place: QPoint) -> bool:
        at = title.mapFromScene(self.mapToScene(place))
        return title.can_branch and title.branch_area().contains(at)

    def _choose(self, key: NodeKey) -> None:
        if self._current is not None:
            self._cards[self._current].show_chosen(False)
        self._current = key
        card = self._cards[key]
        card.show_chosen(True)
        self.ensureVisible(card, 16, 16)
        self.chosen.emit(card.sentence)

    def _zoom(self, factor: float) -> None:
        self._following = False
        wanted = min(MOST_ZOOM, max(LEAST_ZOOM, self.zoom * factor))
        self.scale(wanted / self.zoom, wanted / self.zoom)

    def _repaint(self) -> None:
        self.setBackgroundBrush(self._theme.colour("panel"))
        self._scene.update(QRectF())

    def centre_of(self, key: NodeKey) -> QPointF:
        """Where a card's middle is shown, in the viewport."""
        card = self._cards[key].card
        return QPointF(self.mapFromScene(QPointF(*card.centre)))
