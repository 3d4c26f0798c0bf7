"""The workflows' page: which there are, what each takes, and why one cannot run."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.details import Details, label
from ui.inbox import Batch
from ui.theme.theme import Theme
from ui.workflows.reading import Workflow, read_workflows

LIST_PX = 300


class WorkflowsPage(QWidget):
    """Follows the templates' files and what the engine has."""

    def __init__(self, bridge: Bridge, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        self._bridge = bridge
        self._theme = theme
        self._found: tuple[Workflow, ...] = ()
        self.list = QListWidget(self)
        self.list.setFixedWidth(LIST_PX)
        self.list.setAccessibleName("Workflows")
        self.list.setIconSize(self.list.iconSize() * 0.9)
        self.list.setSpacing(2)
        self.list.currentRowChanged.connect(self._show)
        self.details = Details(self)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.list)
        row.addWidget(self.details, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        column.addWidget(label("Workflows", scale="large", whole=False))
        column.addLayout(row, 1)
        bridge.arrived.connect(self._arrived)
        theme.changed.connect(self._fill)
        self.refresh()

    def refresh(self) -> None:
        """Read the templates again."""
        self._bridge.call(read_workflows, self._read)

    def _arrived(self, batch: Batch) -> None:
        if batch.workflows_changed:
            self.refresh()

    def _read(self, found: tuple[Workflow, ...]) -> None:
        if found != self._found:
            self._found = found
            self._fill()

    def _fill(self) -> None:
        current = self.list.currentItem()
        chosen = None if current is None else current.data(Qt.ItemDataRole.UserRole)
        self.list.blockSignals(True)
        self.list.clear()
        icons = self._theme.icons
        for item in self._found:
            can_run = not item.why_not
            entry = QListWidgetItem(item.title)
            entry.setIcon(icons.icon("check" if can_run else "warning", _tone(item), 16))
            entry.setData(Qt.ItemDataRole.UserRole, item.name)
            entry.setToolTip(item.why_not or "Can run")
            if not can_run:
                entry.setForeground(self._theme.ink("muted", "panel"))
            self.list.addItem(entry)
        names = [item.name for item in self._found]
        self.list.setCurrentRow(names.index(chosen) if chosen in names else 0)
        self.list.blockSignals(False)
        self._show(self.list.currentRow())

    def _show(self, row: int) -> None:
        details = self.details
        details.start()
        if not 0 <= row < len(self._found):
            details.add(label("There is no workflow. They lie in the folders of workflows.dirs."))
            details.end()
            return
        item = self._found[row]
        details.add(label(item.title, scale="large"))
        details.add(label(item.name, tone="muted"))
        if item.description:
            details.add(label(item.description))
        if item.why_not:
            details.add(label("It cannot run now", bold=True))
            details.add(label(item.why_not, tone="error"))
        details.add_rows("Inputs", item.inputs)
        details.add_rows("Parameters", item.params)
        details.add_rows("Results", item.outputs)
        details.add_rows("To mend in its files", item.warnings)
        details.end()


def _tone(item: Workflow) -> str:
    return "warning" if item.why_not else "ok"
