"""What the desk offered when its engine last answered, for the time until it answers again.

A ComfyUI takes its time to start, and only it knows which checkpoints there are. Without this
the jobs API would refuse, after each restart of the desk, jobs that can run a moment later.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jigdesk.files import write_whole
from jigdesk.settings import ComfyUISettings

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024**2

Descriptions = Mapping[str, Any]
"""By `name sha256` of a template: what `Template.describe` gave."""


def engine_name(chosen: ComfyUISettings) -> str:
    """Which engine these settings mean: what one offered says nothing of another."""
    return f"{chosen.kind} {chosen.path or ''} {chosen.url or ''}"


class Offered:
    """Keeps descriptions in a file of the state folder. Both methods block."""

    def __init__(self, path: Path, engine: str) -> None:
        self._path = path
        self._engine = engine
        self._written: Descriptions | None = None

    def read(self) -> Descriptions:
        """What this engine offered last; empty when it is not known, or cannot be read."""
        # whatever lies there, it must not keep the desk from starting
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
            if self._path.stat().st_size <= MAX_BYTES:
                document = json.loads(self._path.read_bytes())
                if document["version"] == 1 and document["engine"] == self._engine:
                    return dict(document["workflows"])
        return {}

    def write(self, descriptions: Descriptions) -> None:
        """Keep them; a disk that takes no file costs nothing but this."""
        if descriptions == self._written:
            return
        document = {"version": 1, "engine": self._engine, "workflows": dict(descriptions)}
        try:
            write_whole(self._path, json.dumps(document, ensure_ascii=False))
        except OSError as failure:
            log.warning("what the workflows offer was not kept: %s", failure)
        else:
            self._written = descriptions
