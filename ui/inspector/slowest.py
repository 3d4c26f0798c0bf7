"""The nodes that took longest, as lines that the keyboard reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QToolButton, QWidget

from jigdesk.domain.changes import StageRun
from jigdesk.domain.job import Job
from ui.graph.layout import NodeKey
from ui.graph.states import SHORTEST_S, took

MOST = 5


@dataclass(frozen=True, slots=True)
class SlowNode:
    """A node by its stage and id, with its seconds in the newest attempt."""

    key: NodeKey
    title: str
    seconds: float


def slowest(
    job: Job, runs: Sequence[StageRun], graph: Mapping[str, Any] | None
) -> tuple[SlowNode, ...]:
    """The slowest nodes of the newest attempt that took any time, the slowest first."""
    stages = () if graph is None else graph["stages"]
    several = len(stages) > 1
    titles = {
        (stage["name"], node["id"]): node["title"] + (f" · {stage['name']}" if several else "")
        for stage in stages
        for node in stage["nodes"]
    }
    found = [
        SlowNode((run.stage, node), titles.get((run.stage, node), node), float(known["seconds"]))
        for run in runs
        if run.attempt == job.attempt
        for node, known in run.nodes.items()
        if (known.get("seconds") or 0.0) >= SHORTEST_S
    ]
    return tuple(sorted(found, key=lambda node: -node.seconds)[:MOST])


class Slowest(QWidget):
    """A line a node; `chosen(stage, node)` follows a click or the keyboard."""

    chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[SlowNode, ...] = ()
        self.lines: list[QToolButton] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self._times: list[QLabel] = []
        self.hide()

    def show_nodes(self, nodes: tuple[SlowNode, ...]) -> None:
        """Show these; without one there is nothing to see."""
        if nodes == self._shown:
            return
        focused = next((n for n, line in enumerate(self.lines) if line.hasFocus()), None)
        for part in (*self.lines, *self._times):
            self._grid.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._shown = nodes
        self.lines, self._times = [], []
        for row, node in enumerate(nodes):
            line = QToolButton(self)
            line.setObjectName("plain")
            line.setText(node.title)
            line.setToolTip("Show it in the graph")
            line.setAccessibleName(f"{node.title} took {took(node.seconds)}")
            line.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            line.setCursor(Qt.CursorShape.PointingHandCursor)
            line.setMinimumWidth(10)
            line.clicked.connect(lambda _=False, key=node.key: self.chosen.emit(*key))
            time = QLabel(took(node.seconds), self)
            time.setProperty("tone", "muted")
            time.setProperty("scale", "small")
            self._grid.addWidget(line, row, 0, Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(time, row, 1, Qt.AlignmentFlag.AlignRight)
            line.show()
            time.show()
            self.lines.append(line)
            self._times.append(time)
        self.setVisible(bool(nodes))
        if focused is not None and focused < len(self.lines):
            self.lines[focused].setFocus()
