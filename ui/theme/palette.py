"""The palettes of assets/theme.json, and which of their colours can be read on which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

READABLE = 4.5
"""The contrast that text needs on its ground (WCAG 2, AA)."""

PERCEIVABLE = 3.0
"""The contrast of shapes, and of words that may be missed."""


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme's colours, each `#rrggbb`."""

    background: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_background: str
    ok: str
    warning: str
    error: str

    def colour(self, name: str) -> str:
        """The colour of a name; raises KeyError for one that the theme does not have."""
        if name not in NAMES:
            raise KeyError(name)
        return str(getattr(self, name))

    def ink(self, name: str, ground: str) -> str:
        """The colour for words: `name` where it can be read on `ground`, else the text's.

        The shape beside the words keeps its colour either way.
        """
        wanted = self.colour(name)
        needed = PERCEIVABLE if name == "faint" else READABLE
        if contrast(wanted, self.colour(ground)) >= needed:
            return wanted
        return self.muted if name == "faint" else self.text

    @property
    def on_accent(self) -> str:
        """What is written on the accent: the ground or the panel, whichever reads better."""
        return max(self.background, self.panel, key=lambda ink: contrast(ink, self.accent))


NAMES = frozenset(field.name for field in fields(Palette))


def load_palettes(path: Path) -> Mapping[str, Palette]:
    """Read the themes `dark` and `light`; raises ValueError for a file that is not ours. Blocks."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("version") != 1:
        raise ValueError(f"{path.name} has version {document.get('version')!r}, not 1")
    return {name: Palette(**document[name]) for name in ("dark", "light")}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2 counts it, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    low = 0.04045
    return channel / 12.92 if channel <= low else float(((channel + 0.055) / 1.055) ** 2.4)
