"""A JSON document as a tree whose branches are made when they are opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
_ROLE = Qt.ItemDataRole
MAX_CHILDREN = 1_000
SHOWN_CHARS = 300


class _Node:
    """A value in the document; its children are made once they are asked for."""

    __slots__ = ("_children", "name", "parent", "row", "value")

    def __init__(self, name: str, value: Any, parent: _Node | None, row: int) -> None:
        self.name = name
        self.value = value
        self.parent = parent
        self.row = row
        self._children: list[_Node] | None = None

    @property
    def children(self) -> list[_Node]:
        if self._children is None:
            if isinstance(self.value, Mapping):
                named = list(self.value.items())
            elif isinstance(self.value, list):
                named = [(str(place), item) for place, item in enumerate(self.value)]
            else:
                named = []
            self._children = [
                _Node(str(name), value, self, row)
                for row, (name, value) in enumerate(named[:MAX_CHILDREN])
            ]
        return self._children

    @property
    def words(self) -> str:
        if isinstance(self.value, Mapping):
            return "{ }" if not self.value else ""
        if isinstance(self.value, list):
            return f"{len(self.value)} items" if len(self.value) != 1 else "1 item"
        if isinstance(self.value, str):
            return self.value[:SHOWN_CHARS].replace("\n", " ")
        return json.dumps(self.value)


class JsonModel(QAbstractItemModel):
    """Two columns: name and value."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._root = _Node("", {}, None, 0)

    def show_document(self, document: Any) -> None:
        """Show another document."""
        self.beginResetModel()
        whole = document if isinstance(document, Mapping | list) else {"text": document}
        self._root = _Node("", whole, None, 0)
        self.endResetModel()

    def index(self, row: int, column: int, parent: Index = NO_PARENT) -> QModelIndex:
        """Qt's own."""
        children = self._node(parent).children
        if 0 <= row < len(children):
            return self.createIndex(row, column, children[row])
        return QModelIndex()

    def parent(self, index: Index = NO_PARENT) -> QModelIndex:  # type: ignore[override]
        """Qt's own."""
        node = self._node(index).parent
        if node is None or node is self._root:
            return QModelIndex()
        return self.createIndex(node.row, 0, node)

    def rowCount(self, parent: Index = NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """How many values below."""
        return 0 if parent.column() > 0 else len(self._node(parent).children)

    def columnCount(self, _parent: Index = NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """Name and value."""
        return 2

    def hasChildren(self, parent: Index = NO_PARENT) -> bool:  # noqa: N802 - Qt's name
        """Whether something is below, without making it."""
        value = self._node(parent).value
        return parent.column() <= 0 and isinstance(value, Mapping | list) and bool(value)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation is Qt.Orientation.Horizontal and role == _ROLE.DisplayRole:
            return ("Name", "Value")[section]
        return None

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        """What a cell says."""
        node = self._node(index)
        if role == _ROLE.DisplayRole:
            return node.name if index.column() == 0 else node.words
        if role == _ROLE.ToolTipRole and isinstance(node.value, str):
            return node.value[:4000]
        return None

    def _node(self, index: Index) -> _Node:
        if index.isValid():
            node = index.internalPointer()
            if isinstance(node, _Node):
                return node
        return self._root
