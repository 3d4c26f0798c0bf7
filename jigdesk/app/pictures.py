"""What goes wrong with pictures, for whoever decodes them outside of the desk's services."""

from __future__ import annotations

from jigdesk.services.media import UNREADABLE

__all__ = ["UNREADABLE"]
