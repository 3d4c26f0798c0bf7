"""The cards of the page: one a section of the settings, and one for the window's own look."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from jigdesk.app.trial import Part
from jigdesk.settings.fields import SettingField, SettingSection, fields, sections
from ui.settings.controls import Segments
from ui.settings.form import Form
from ui.settings.row import SettingRow
from ui.settings.trial_panel import TrialPanel
from ui.settings.wording import section_title
from ui.theme.theme import Theme, ThemeChoice

APPEARANCE = "appearance"
_THEMES = {
    ThemeChoice.SYSTEM: "As the system",
    ThemeChoice.DARK: "Dark",
    ThemeChoice.LIGHT: "Light",
}


def all_sections() -> tuple[SettingSection, ...]:
    """The model's sections, and the keys at the top of the file as one of their own at the end."""
    top = tuple(entry for entry in fields().values() if not entry.section)
    own = SettingSection("", "Where secrets lie that are kept in files.", top)
    return (*sections(), own)


class Card(QFrame):
    """A heading with a sentence, and rows below it with lines between."""

    def __init__(self, title: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        heading = QLabel(title, self)
        heading.setProperty("scale", "large")
        about = QLabel(words, self)
        about.setProperty("tone", "muted")
        about.setWordWrap(True)
        text = QVBoxLayout()
        text.setSpacing(2)
        text.addWidget(heading)
        text.addWidget(about)
        self.head = QHBoxLayout()
        self.head.setContentsMargins(20, 16, 20, 14)
        self.head.setSpacing(16)
        self.head.addLayout(text, 1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 4)
        self.column.setSpacing(0)
        self.column.addLayout(self.head)


class SectionCard(Card):
    """Every key of a section."""

    def __init__(
        self, section: SettingSection, form: Form, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(section_title(section.name), section.description, parent)
        self.section = section
        self.trial: TrialPanel | None = None
        if section.name in set(Part):
            self.trial = TrialPanel(Part(section.name), form, theme, self)
            self.head.addWidget(self.trial.button)
            holder = QVBoxLayout()
            holder.setContentsMargins(20, 0, 20, 14)
            holder.addWidget(self.trial)
            self.column.addLayout(holder)
        self.rows = {entry.key: SettingRow(entry, form, theme, self) for entry in section.fields}
        for row in self.rows.values():
            self.column.addWidget(row)

    def show_only(self, wanted: Callable[[SettingField], bool]) -> None:
        """Hide the rows that are not searched for."""
        for row in self.rows.values():
            row.setVisible(wanted(row.entry))


class AppearanceCard(Card):
    """The theme: the window's own, so that it changes at once and is no part of config.toml."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("Appearance", "How this window looks.", parent)
        self._theme = theme
        row = QFrame(self)
        row.setObjectName("settingRow")
        title = QLabel("Theme", row)
        title.setProperty("weight", "bold")
        words = QLabel("Changes at once, and is remembered for this desk.", row)
        words.setProperty("tone", "muted")
        words.setWordWrap(True)
        left = QVBoxLayout()
        left.setSpacing(2)
        left.addWidget(title)
        left.addWidget(words)
        self.themes = Segments({choice.value: shown for choice, shown in _THEMES.items()}, row)
        self.themes.setAccessibleName("Theme")
        self.themes.chosen.connect(lambda value: theme.choose(ThemeChoice(value)))
        line = QHBoxLayout(row)
        line.setContentsMargins(20, 14, 20, 14)
        line.setSpacing(24)
        line.addLayout(left, 5)
        line.addWidget(self.themes, 7)
        self.column.addWidget(row)
        theme.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self.themes.choose(self._theme.choice.value)
