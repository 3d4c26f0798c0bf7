"""Why a job that is under way does not go on. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jigdesk.domain.job import Job, JobStatus
from ui.figures import Figures

AT_THE_NODE = "engine away"
_ENGINE_IS = {
    "stopped": "is stopped",
    "starting": "is starting",
    "restarting": "starts again soon",
    "failed": "has failed",
    "stopping": "is being stopped",
}


def waits_for(job: Job, figures: Figures | None) -> str:
    """A sentence; empty when it goes on, when it is over, and while nothing is known."""
    if figures is None:
        return ""
    engine = _engine_words(figures.engine)
    if job.status is JobStatus.RUNNING:
        return engine
    if job.status is JobStatus.QUEUED:
        return engine if figures.paused is None else f"Held: {figures.paused}"
    return ""


def _engine_words(engine: Mapping[str, Any]) -> str:
    status = engine.get("status")
    if not isinstance(status, str):  # somebody else runs it
        away = not engine.get("connected")
        return "Waits for the engine, which does not answer." if away else ""
    how = _ENGINE_IS.get(status)
    return "" if how is None else f"Waits for the engine, which {how}."
