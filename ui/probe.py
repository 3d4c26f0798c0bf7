"""Tries whether Qt can show a window here. Where it cannot, Qt aborts: so this is a process.

Run as a file; exit 0 is yes, and standard error has Qt's own words when it is no.
"""

from __future__ import annotations

import contextlib
import sys


def main() -> int:
    """Connect to the display, and end; the abort leaves no core file behind."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from PySide6.QtGui import QGuiApplication  # noqa: PLC0415 - after the limit

    app = QGuiApplication(["jigdesk"])
    app.platformName()
    return 0


if __name__ == "__main__":
    sys.exit(main())
