"""The composition root: `open_core(settings)` is a running desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jigdesk.app.core import Core, open_core

__all__ = ["Core", "open_core"]


def __getattr__(name: str) -> Any:
    """Import the core when it is asked for: commands that only talk to a desk need not wait."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jigdesk.app import core  # noqa: PLC0415 - half a second's worth of libraries

    return getattr(core, name)
