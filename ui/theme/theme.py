"""The theme that is shown: dark, light or the system's, switched while the window is open."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from ui.theme.icons import Icons
from ui.theme.palette import Palette, load_palettes

BASE_PX = 13
SMALL_PX = 11
LARGE_PX = 15


class ThemeChoice(StrEnum):
    """What the owner chose."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


class Theme(QObject):
    """Styles the application, and gives views colours, fonts and icons by name.

    `changed` follows every switch; a view that paints by itself repaints then.
    """

    changed = Signal()

    def __init__(self, app: QApplication, assets: Path) -> None:
        """Read the files (blocks briefly) and style `app` as the system is."""
        super().__init__()
        self._app = app
        self._palettes = load_palettes(assets / "theme.json")
        self._sheet = (assets / "theme.qss").read_text(encoding="utf-8")
        self._choice = ThemeChoice.SYSTEM
        self.icons = Icons(assets / "icons")
        self._colours: dict[tuple[str, str | None], QColor] = {}
        self._fonts: dict[tuple[int, bool, bool], QFont] = {}
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        app.setStyle("Fusion")
        app.setFont(self.font())
        self._apply()

    @property
    def choice(self) -> ThemeChoice:
        """What was chosen; the system's may mean either."""
        return self._choice

    @property
    def is_dark(self) -> bool:
        """Whether the dark palette is shown."""
        if self._choice is ThemeChoice.SYSTEM:
            return self._app.styleHints().colorScheme() is not Qt.ColorScheme.Light
        return self._choice is ThemeChoice.DARK

    @property
    def palette(self) -> Palette:
        """The palette that is shown."""
        return self._palettes["dark" if self.is_dark else "light"]

    def choose(self, choice: ThemeChoice) -> None:
        """Switch at once."""
        if choice is self._choice:
            return
        self._choice = choice
        self._apply()

    def colour(self, name: str) -> QColor:
        """The colour of a name, for shapes and grounds."""
        return self._cached(name, None)

    def ink(self, name: str, ground: str = "panel") -> QColor:
        """The colour of a name, for words on `ground`; see `Palette.ink`."""
        return self._cached(name, ground)

    def font(self, px: int = BASE_PX, *, bold: bool = False, mono: bool = False) -> QFont:
        """The system's UI font (or its monospace font) in pixels at 100 %."""
        key = (px, bold, mono)
        if key not in self._fonts:
            kind = QFontDatabase.SystemFont
            font = QFontDatabase.systemFont(kind.FixedFont if mono else kind.GeneralFont)
            font.setPixelSize(px)
            font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
            font.setFeature(QFont.Tag("tnum"), 1)  # figures of one width
            self._fonts[key] = font
        return self._fonts[key]

    def _cached(self, name: str, ground: str | None) -> QColor:
        key = (name, ground)
        if key not in self._colours:
            palette = self.palette
            text = palette.colour(name) if ground is None else palette.ink(name, ground)
            self._colours[key] = QColor(text)
        return self._colours[key]

    def _system_changed(self) -> None:
        if self._choice is ThemeChoice.SYSTEM:
            self._apply()

    def _apply(self) -> None:
        self._colours.clear()
        palette = self.palette
        self.icons.use(palette)
        self._app.setPalette(_qt_palette(palette))
        self._app.setStyleSheet(style_sheet(self._sheet, palette))
        self.changed.emit()


def style_sheet(template: str, palette: Palette) -> str:
    """The style sheet with the palette's colours; raises KeyError for an unknown name."""

    def colour(match: re.Match[str]) -> str:
        name = match.group(1)
        return palette.on_accent if name == "on_accent" else palette.colour(name)

    return re.sub(r"@([a-z_]+)", colour, re.sub(r"/\*.*?\*/", "", template, flags=re.DOTALL))


def _qt_palette(palette: Palette) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: palette.background,
        role.WindowText: palette.text,
        role.Base: palette.panel,
        role.AlternateBase: palette.raised,
        role.Text: palette.text,
        role.PlaceholderText: palette.faint,
        role.Button: palette.panel,
        role.ButtonText: palette.text,
        role.BrightText: palette.error,
        role.Highlight: palette.accent,
        role.HighlightedText: palette.on_accent,
        role.ToolTipBase: palette.raised,
        role.ToolTipText: palette.text,
        role.Link: palette.accent,
        role.LinkVisited: palette.accent,
        role.Mid: palette.line,
    }
    made = QPalette()
    for name, colour in colours.items():
        made.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, name, QColor(palette.faint))
    return made
