"""Files and folders in the system's own programs: the one place that starts them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

opener = QDesktopServices.openUrl
"""Hands a URL to the system; false when no program takes it. Tests put another one here."""


def open_path(path: Path) -> str:
    """Open a file or a folder; why that failed, empty when it did not."""
    if opener(QUrl.fromLocalFile(str(path))):
        return ""
    return f"No program on this machine opened it. It is at {path}"
