"""The navigation rail: one button a page, settings at the foot."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.theme.theme import Theme

WIDTH = 92
ICON_PX = 20


class Rail(QFrame):
    """Emits `chosen(name)` when the owner picks a page."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self._theme = theme
        self._buttons: dict[str, QToolButton] = {}
        self._icons: dict[str, str] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        mark = QLabel("JIG", self)
        mark.setObjectName("mark")
        mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        mark.setFixedHeight(44)
        self._top = QVBoxLayout()
        self._top.setSpacing(4)
        self._foot = QVBoxLayout()
        self._foot.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(mark)
        layout.addLayout(self._top)
        layout.addStretch(1)
        layout.addLayout(self._foot)
        theme.changed.connect(self._draw)

    def add(self, name: str, title: str, icon: str, *, at_foot: bool = False) -> None:
        """A page's button; `icon` is the name of an icon of the theme."""
        button = QToolButton(self)
        button.setText(title)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(ICON_PX, ICON_PX))
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFixedHeight(54)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._buttons[name] = button
        self._icons[name] = icon
        self._group.addButton(button)
        (self._foot if at_foot else self._top).addWidget(button)
        self._draw()

    @property
    def buttons(self) -> list[QToolButton]:
        """The pages' buttons, from the top."""
        at_foot = [name for name in self._buttons if self._foot.indexOf(self._buttons[name]) >= 0]
        at_top = [name for name in self._buttons if name not in at_foot]
        return [self._buttons[name] for name in (*at_top, *at_foot)]

    def show_chosen(self, name: str) -> None:
        """Mark the page that is shown."""
        self._buttons[name].setChecked(True)
        self._draw()

    def _draw(self) -> None:
        for name, button in self._buttons.items():
            colour = "accent" if button.isChecked() else "muted"
            button.setIcon(self._theme.icons.icon(self._icons[name], colour))
