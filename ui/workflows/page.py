"""The workflows' page: which there are, what each takes, and why one cannot run."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.errors import JigDeskError
from ui.bridge import Bridge
from ui.details import Details, Said, label
from ui.inbox import Batch
from ui.reader import Reader
from ui.theme.theme import Theme
from ui.workflows.delegate import NAME_ROLE, QUIET_ROLE, TitleDelegate
from ui.workflows.reading import Workflow, read_workflows

LIST_PX, LEAST_LIST_PX, LIST_SHARE = 300, 220, 0.3


class WorkflowsPage(QWidget):
    """Follows the templates' files and what the engine has."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._bridge = bridge
        self._theme = theme
        self._found: tuple[Workflow, ...] = ()
        self._is_read = False
        self._reader: Reader[None, tuple[Workflow, ...]] = Reader(
            bridge, lambda _, found: self._read(found), lambda _, failure: self._failed(failure)
        )
        self.list = QListWidget(self)
        self.list.setFixedWidth(LIST_PX)
        self.list.setAccessibleName("Workflows")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._delegate = TitleDelegate(theme)
        self.list.setItemDelegate(self._delegate)
        self.list.setSpacing(2)
        self.list.currentRowChanged.connect(self._show)
        self.details = Details(self)
        self._shown = QWidget(self)
        row = QHBoxLayout(self._shown)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.list)
        row.addWidget(self.details, 1)
        self.empty = Said(self)
        self.empty.asked.connect(self._read_again)
        self._body = QStackedLayout()
        self._body.addWidget(self.empty)
        self._body.addWidget(self._shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        column.addWidget(label("Workflows", scale="large", whole=False))
        column.addLayout(self._body, 1)
        bridge.arrived.connect(self._arrived)
        theme.changed.connect(self._fill)
        self._read_again()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the room to what is chosen."""
        super().resizeEvent(event)
        self.list.setFixedWidth(max(LEAST_LIST_PX, min(LIST_PX, round(self.width() * LIST_SHARE))))

    def refresh(self) -> None:
        """Read the templates again."""
        self._reader.read(None, read_workflows)

    def _read_again(self) -> None:
        self.empty.say("Reading the workflows")
        self.refresh()

    def _arrived(self, batch: Batch) -> None:
        if batch.workflows_changed:
            self.refresh()

    def _failed(self, failure: JigDeskError) -> None:
        if self._is_read:
            self._bridge.failed.emit(failure.message)
        else:
            self.empty.say("The workflows cannot be read", failure.message, "Try again")

    def _read(self, found: tuple[Workflow, ...]) -> None:
        self._is_read = True
        if not found:
            self.empty.say(
                "There is no workflow",
                "They lie in the folders of workflows.dirs, and appear here once they are there.",
                "Look again",
            )
        self._body.setCurrentWidget(self._shown if found else self.empty)
        if found != self._found:
            self._found = found
            self._fill()

    def _fill(self) -> None:
        current = self.list.currentItem()
        chosen = None if current is None else current.data(NAME_ROLE)
        self.list.blockSignals(True)
        self.list.clear()
        icons = self._theme.icons
        for item in self._found:
            can_run = not item.why_not
            entry = QListWidgetItem(item.title)
            entry.setIcon(icons.icon("check" if can_run else "warning", _tone(item), 16))
            entry.setData(NAME_ROLE, item.name)
            entry.setData(QUIET_ROLE, not can_run)
            entry.setToolTip(f"{item.title}\n{item.why_not or 'Can run'}")
            self.list.addItem(entry)
        names = [item.name for item in self._found]
        self.list.setCurrentRow(names.index(chosen) if chosen in names else 0)
        self.list.blockSignals(False)
        self._show(self.list.currentRow())

    def _show(self, row: int) -> None:
        details = self.details
        details.start()
        if not 0 <= row < len(self._found):
            details.end()
            return
        item = self._found[row]
        details.add(label(item.title, scale="large"))
        details.add(label(item.name, tone="muted"))
        if item.description:
            details.add(label(item.description))
        if item.why_not:
            details.add(label("It cannot run now", bold=True))
            for why in item.problems or (item.why_not,):
                details.add(label(why, tone="error"))
        details.add_rows("Inputs", item.inputs)
        details.add_rows("Parameters", item.params)
        details.add_rows("Results", item.outputs)
        details.add_rows("To mend in its files", item.warnings)
        details.end()


def _tone(item: Workflow) -> str:
    return "warning" if item.why_not else "ok"
