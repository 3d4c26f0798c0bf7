"""What the window remembers between starts: one file in the home's state folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

FILE = "window.ini"


class Memory:
    """Named values of the window; what cannot be read is as if it had never been written."""

    def __init__(self, state_dir: Path) -> None:
        self._settings = QSettings(str(state_dir / FILE), QSettings.Format.IniFormat)

    def bytes_of(self, name: str) -> QByteArray | None:
        """A geometry or a header's state; None when there is none."""
        value = self._settings.value(name)
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None

    def keep_bytes(self, name: str, value: QByteArray) -> None:
        """Remember a geometry or a header's state."""
        self._settings.setValue(name, value)

    def json_of(self, name: str) -> Any:
        """What was kept under `name`; None when nothing was."""
        text = self._settings.value(name)
        if not isinstance(text, str):
            return None
        try:
            return json.loads(text)
        except ValueError:
            return None

    def keep_json(self, name: str, value: Any) -> None:
        """Remember a small value."""
        self._settings.setValue(name, json.dumps(value))

    def write(self) -> None:
        """Bring it to the disk now."""
        self._settings.sync()
