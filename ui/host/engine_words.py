"""What the engine card says, from the engine's state. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jigdesk.domain.clock import from_rfc3339
from ui.words import age, local_time

TITLES = {"demo": "Demo engine", "managed": "ComfyUI", "remote": "Remote ComfyUI"}
_WORDS = {
    "stopped": "Stopped",
    "starting": "Starting",
    "ready": "Running",
    "restarting": "Starting again soon",
    "failed": "Failed",
    "stopping": "Stopping",
}
_LEVELS = {"ready": "ok", "failed": "error", "stopped": "off"}


@dataclass(frozen=True, slots=True)
class EngineWords:
    """The card's words.

    `facts` are lines of name and value; `why` is why it does not run or last stopped, empty
    without a reason; `can` are the actions that make sense now.
    """

    title: str
    state: str
    level: str
    facts: tuple[tuple[str, str], ...]
    why: str
    can: frozenset[str]


def engine_words(engine: Mapping[str, Any], now: datetime) -> EngineWords:
    """The words for a state as `EngineHost.state` tells it."""
    kind = str(engine.get("kind", ""))
    connected = bool(engine.get("connected"))
    status = engine.get("status")
    facts = [("Version", str(engine.get("version") or "not known yet"))]
    facts.append(("Address", str(engine.get("url", ""))))
    if not isinstance(status, str):  # somebody else runs it
        state = "Answering" if connected else "Not answering"
        why = "" if connected else "Nothing answers at its address: check comfyui.url."
        facts.append(("Run by", "somebody else: start and stop it where it runs"))
        return EngineWords(
            TITLES.get(kind, kind),
            state,
            "ok" if connected else "warning",
            tuple(facts),
            why,
            frozenset({"free"} if connected else ()),
        )
    since = engine.get("since")
    if isinstance(since, str):
        moment = from_rfc3339(since)
        ago = age((now - moment).total_seconds())
        facts.insert(0, ("Since", f"{local_time(moment)} · {ago}"))
    facts.append(("Process", str(engine.get("pid") or "none")))
    facts.append(("Restarts", str(engine.get("restarts", 0))))
    level = _LEVELS.get(status, "warning")
    word = _WORDS.get(status, status.capitalize())
    if status == "ready" and engine.get("reason"):
        word, level = "Not answering", "warning"
    elif status == "ready" and not connected:
        level = "warning"
    return EngineWords(
        TITLES.get(kind, kind),
        word,
        level,
        tuple(facts),
        _why(engine, status),
        _actions(status, connected),
    )


def _why(engine: Mapping[str, Any], status: str) -> str:
    reason, last = engine.get("reason"), engine.get("last_exit")
    if reason:
        return str(reason)
    if last:
        return f"It last stopped with {last}"
    return ""


def _actions(status: str, connected: bool) -> frozenset[str]:
    if status in ("stopped", "failed"):
        return frozenset({"start"})
    if status == "stopping":
        return frozenset()
    levers = {"stop", "restart"}
    return frozenset(levers | {"free"} if status == "ready" and connected else levers)


def question(action: str, running: int) -> str:
    """What is asked before an engine with work is ended; empty when nothing is lost."""
    if not running:
        return ""
    jobs = "1 job runs" if running == 1 else f"{running} jobs run"
    verb = "Stop" if action == "stop" else "Restart"
    then = "when it is started again" if action == "stop" else "once it is back"
    return f"{verb} the engine? {jobs} on it and will run again {then}."
