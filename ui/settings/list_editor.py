"""A list as editable lines, one a value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from jigdesk.settings.fields import SettingField
from jigdesk.settings.kinds import Kind, shape_of
from ui.settings.editors import Editor, PathEditor, TextEditor
from ui.settings.wording import title_of
from ui.theme.theme import Theme


class ListEditor(Editor):
    """Emits the list as JSON; lines that are left empty are not part of it."""

    def __init__(self, entry: SettingField, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entry = entry
        self._shape = shape_of(entry)
        self._theme = theme
        self.lines: list[Editor] = []
        self._shown: list[str] = []
        self._wrong = ""
        self._none = QLabel("None", self)
        self._none.setProperty("tone", "muted")
        self.add = QPushButton("Add", self)
        self.add.setAutoDefault(False)
        self.add.setAccessibleName(f"Add to {title_of(entry)}")
        self.add.clicked.connect(self._asked)
        self._column = QVBoxLayout()
        self._column.setSpacing(6)
        foot = QHBoxLayout()
        foot.addWidget(self.add)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._none)
        column.addLayout(self._column)
        column.addLayout(foot)
        theme.changed.connect(self._draw)
        self._draw()

    @property
    def target(self) -> QWidget:
        """The first line, or the button that makes one."""
        return self.lines[0].target if self.lines else self.add

    def show_text(self, text: str) -> None:
        """Show a JSON list; what is none of it is shown as one line."""
        wanted = _items(text)
        if wanted == self._values():
            return
        while self.lines:
            self._take(self.lines[0])
        for item in wanted:
            self._add(item)
        self.show_wrong(self._wrong)

    def show_wrong(self, message: str) -> None:
        """Red frames: around the line that the message quotes, else around all."""
        self._wrong = message
        quoted = [line for line in self.lines if f"{_text(line)!r} is not" in message]
        for line in self.lines:
            line.show_wrong(message if line in quoted or not quoted else "")

    def _values(self) -> list[str]:
        return [text for line in self.lines if (text := _text(line))]

    def _asked(self) -> None:
        self._add("").target.setFocus()

    def _add(self, text: str) -> Editor:
        allowed = self._entry.allowed.removeprefix("a list, each ")
        item = replace(self._entry, is_list=False, allowed=allowed)
        paths = self._shape.kind in (Kind.FOLDER, Kind.FILE)
        editor: Editor = PathEditor(item, self) if paths else TextEditor(item, self)
        editor.setProperty("text", text)
        editor.show_text(text)
        editor.target.setAccessibleName(f"{title_of(self._entry)} {len(self.lines) + 1}")
        editor.typed.connect(lambda typed, e=editor: self._typed(e, typed))
        remove = QToolButton(editor)
        remove.setProperty("role", "icon")
        remove.setObjectName("remove")
        remove.setToolTip("Remove this line")
        remove.setAccessibleName(f"Remove {title_of(self._entry)} {len(self.lines) + 1}")
        remove.setIconSize(QSize(14, 14))
        remove.setIcon(self._theme.icons.icon("close", "muted", 14))
        remove.clicked.connect(lambda _=False, e=editor: self._removed(e))
        layout = editor.layout()
        assert layout is not None  # noqa: S101 - both editors have one
        layout.addWidget(remove)
        self.lines.append(editor)
        self._column.addWidget(editor)
        self._count()
        return editor

    def _take(self, editor: Editor) -> None:
        self.lines.remove(editor)
        self._column.removeWidget(editor)
        editor.hide()
        editor.deleteLater()
        self._count()

    def _removed(self, editor: Editor) -> None:
        self._take(editor)
        self.typed.emit(self._json())

    def _typed(self, editor: Editor, text: str) -> None:
        editor.setProperty("text", text.strip())
        self.typed.emit(self._json())

    def _json(self) -> str:
        return json.dumps([self._typed_value(text) for text in self._values()])

    def _typed_value(self, text: str) -> object:
        if self._shape.kind not in (Kind.INTEGER, Kind.NUMBER):
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text

    def _count(self) -> None:
        self._none.setVisible(not self.lines)

    def _draw(self) -> None:
        for button in self.findChildren(QToolButton, "remove"):
            button.setIcon(self._theme.icons.icon("close", "muted", 14))


def _text(line: Editor) -> str:
    return str(line.property("text"))


def _items(text: str) -> Sequence[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return [text]
    return [str(item) for item in found] if isinstance(found, list) else [text]
