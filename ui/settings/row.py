"""One key of the settings: its name, what it is for, its editor, and how it stands."""

from __future__ import annotations

from collections.abc import Container

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.settings.draft import Source
from jigdesk.settings.fields import SettingField
from jigdesk.settings.kinds import Kind, shape_of
from ui.settings.editors import (
    FIELD_PX,
    ChoiceEditor,
    Editor,
    PathEditor,
    SwitchEditor,
    TextEditor,
    mark,
)
from ui.settings.form import Form
from ui.settings.list_editor import ListEditor
from ui.settings.secret_editor import SecretEditor
from ui.settings.wording import help_of, hint_of, problem_words, source_words, title_of
from ui.theme.theme import Theme

SIDE_BY_SIDE_PX = 540
WIDE_PX = 860
"""From here on some of the room stays empty, so that the words stay near their field."""
UNBOUND_PX = 16_777_215


def editor_of(entry: SettingField, theme: Theme, parent: QWidget) -> Editor:
    """The editor for a key's type; not for secrets, which have their own."""
    shape = shape_of(entry)
    if shape.is_list:
        return ListEditor(entry, theme, parent)
    match shape.kind:
        case Kind.SWITCH:
            return SwitchEditor(entry, theme, parent)
        case Kind.CHOICE:
            return ChoiceEditor(entry, parent)
        case Kind.FOLDER | Kind.FILE:
            return PathEditor(entry, parent)
        case _:
            return TextEditor(entry, parent)


class SettingRow(QFrame):
    """Follows the form's signals; writes only into the form."""

    def __init__(
        self, entry: SettingField, form: Form, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("settingRow")
        self.entry = entry
        self._form = form
        self.editor: Editor | None = None
        self.secret: SecretEditor | None = None
        if entry.secret:
            self.secret = SecretEditor(entry, self)
            self.secret.typed.connect(
                lambda text, ring: form.set_secret(entry.key, text, to_keyring=ring)
            )
            self.secret.removed.connect(lambda: form.remove_secret(entry.key))
        else:
            self.editor = editor_of(entry, theme, self)
            self.editor.typed.connect(lambda text: form.set_text(entry, text))
            self.editor.left.connect(self.refresh)
        self.source = QLabel(self)
        self.source.setProperty("scale", "small")
        self.source.setProperty("tone", "muted")
        self.source.setWordWrap(True)
        self.source.setTextFormat(Qt.TextFormat.PlainText)
        self.undo = self._verb("Undo", "Forget this change")
        self.undo.clicked.connect(lambda: form.undo(entry.key))
        self.reset = self._verb("Use the default", "")
        self.reset.clicked.connect(lambda: form.reset(entry))
        self.error = QLabel(self)
        self.error.setProperty("tone", "error")
        self.error.setProperty("scale", "small")
        self.error.setWordWrap(True)
        self.error.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        form.loaded.connect(self.refresh)
        form.checked.connect(self.show_problem)
        form.edited.connect(self._edited)
        self.refresh()
        self.show_problem()

    @property
    def target(self) -> QWidget:
        """What takes the focus."""
        part = self.editor or self.secret
        assert part is not None  # noqa: S101 - one of them is made
        return part.target

    def refresh(self) -> None:
        """Show what the form has."""
        entry, form = self.entry, self._form
        stand = form.stand(entry)
        changed = entry.key in form.changes
        if self.secret is not None:
            self.secret.show_stand(
                stand,
                typed=form.new_secret(entry.key),
                removed=form.is_removed(entry.key),
                can_use_keyring=form.keyring_works,
            )
        if self.editor is not None:
            self.editor.show_text(form.text(entry))
            self.editor.setEnabled(not stand.is_fixed)
        self.undo.setVisible(changed)
        at_default = entry.secret or stand.is_fixed or form.is_default(entry)
        self.reset.setVisible(not at_default)
        default = form.default(entry)
        self.reset.setToolTip(f"Take it out of config.toml; the default is {default or 'not set'}")
        self.source.setText(self._words(changed=changed, waiting=form.waiting))
        mark(self.source, "told", changed or entry.key in form.waiting)
        self._foot.setVisible(bool(self.source.text()) or changed)
        mark(self, "changed", changed)

    def show_problem(self) -> None:
        """Say what is wrong with the value, at the value."""
        problem = self._form.problems.get(self.entry.key)
        message = "" if problem is None else problem_words(problem)
        self.error.setText(message)
        self.error.setVisible(bool(message))
        part = self.editor or self.secret
        if part is not None:
            part.show_wrong(message)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Put the editor below its words where there is no room beside them."""
        super().resizeEvent(event)
        way = QBoxLayout.Direction
        beside = self.width() >= SIDE_BY_SIDE_PX
        self._row.setDirection(way.LeftToRight if beside else way.TopToBottom)
        self._row.setSpacing(24 if beside else 8)
        self._right.setMaximumWidth(FIELD_PX if beside else UNBOUND_PX)
        self._row.setStretch(2, 4 if self.width() >= WIDE_PX else 0)

    def _words(self, *, changed: bool, waiting: Container[str]) -> str:
        entry, form = self.entry, self._form
        hint = hint_of(entry)
        stand = form.stand(entry)
        if changed:
            back = not entry.secret and form.is_default(entry)
            said = "● Back to the default, not saved yet" if back else "● Changed, not saved yet"
        elif entry.key in waiting:
            said = "Saved · in force when the core starts again"
        elif entry.secret:
            said = "Read-only here" if stand.is_fixed else ""
        else:
            said = source_words(stand)
        if stand.source is Source.DEFAULT and entry.secret and not changed:
            return said
        return " · ".join(part for part in (hint, said) if part)

    def _edited(self, key: str) -> None:
        if key == self.entry.key or (key == "store.kind" and self.entry.hosted_default is not None):
            self.refresh()

    def _verb(self, words: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("verb")
        button.setText(words)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def _lay_out(self) -> None:
        title = QLabel(title_of(self.entry), self)
        title.setProperty("weight", "bold")
        title.setToolTip(f"{self.entry.key}\n{self.entry.env}")
        words = QLabel(help_of(self.entry), self)
        words.setProperty("tone", "muted")
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        left = QVBoxLayout()
        left.setSpacing(2)
        left.addWidget(title)
        left.addWidget(words)
        left.addStretch(1)
        self._right = QWidget(self)
        self._foot = QWidget(self)
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(12)
        foot.addWidget(self.source, 1)
        foot.addWidget(self.undo, 0, Qt.AlignmentFlag.AlignTop)
        foot.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignTop)
        right = QVBoxLayout(self._right)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(4)
        part = self.editor or self.secret
        assert part is not None  # noqa: S101 - one of them is made
        right.addWidget(part)
        right.addWidget(self.error)
        right.addWidget(self._foot)
        right.addStretch(1)
        for label in (words, self.source, self.error):
            policy = label.sizePolicy()  # keeps that its height follows its width
            policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
            label.setSizePolicy(policy)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(17, 14, 20, 14)  # 3 less: the line that marks a change
        self._row.addLayout(left, 5)
        self._row.addWidget(self._right, 7)
        self._row.addStretch(0)
