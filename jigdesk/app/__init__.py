"""The composition root: `open_core(settings)` is a running desk."""

from jigdesk.app.core import Core, open_core

__all__ = ["Core", "open_core"]
