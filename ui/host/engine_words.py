"""What the engine card says, from the engine's state. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jigdesk.domain.clock import from_rfc3339
from ui.words import age, breakable, local_time

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
class Holder:
    """Who has the engine's port; `pid` and `command` are None when they are not to be known."""

    port: int
    pid: int | None
    command: str | None

    @property
    def words(self) -> str:
        """`process 2927 (python serve.py)`."""
        if self.pid is None:
            return "a process of another user"
        return f"process {self.pid}" + (f" ({self.command})" if self.command else "")


@dataclass(frozen=True, slots=True)
class EngineWords:
    """The card's words.

    `facts` are lines of name and value; `why` is why it does not run or last stopped, empty
    without a reason; `can` are the actions that make sense now. `holder` is who keeps the desk's
    engine from its port, which has offers of its own; None while nobody does. `start` is the
    verb for starting it.
    """

    title: str
    state: str
    level: str
    facts: tuple[tuple[str, str], ...]
    why: str
    can: frozenset[str]
    holder: Holder | None = None
    start: str = "Start"


def engine_words(engine: Mapping[str, Any], now: datetime) -> EngineWords:
    """The words for a state as `EngineHost.state` tells it."""
    kind = str(engine.get("kind", ""))
    connected = bool(engine.get("connected"))
    status = engine.get("status")
    facts = [("Version", str(engine.get("version") or "not known yet"))]
    facts.append(("Address", str(engine.get("url", ""))))
    attached = _holder(engine.get("attached_to"))
    if attached is not None:
        return _attached(TITLES.get(kind, kind), attached, facts, connected=connected)
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
    can, why = _actions(status, connected), _why(engine, status)
    holder = _holder(engine.get("port_owner")) if "start" in can else None
    if holder is not None:
        can, why = frozenset(), f"Its port {holder.port} is held by {holder.words}."
    return EngineWords(
        TITLES.get(kind, kind),
        word,
        level,
        tuple(facts),
        why,
        can,
        holder,
    )


def _attached(
    title: str, owner: Holder, facts: list[tuple[str, str]], *, connected: bool
) -> EngineWords:
    """The desk uses an engine that was on the port before its own."""
    who = owner.words[0].upper() + owner.words[1:]
    if connected:
        why = f"{who} was on the port before the desk's own engine, and is used as it is."
    else:
        why = f"{who} does not answer any more. Start it where it runs, or start the desk's own."
    by = "another user" if owner.pid is None else f"process {owner.pid}"
    return EngineWords(
        title,
        "Answering" if connected else "Not answering",
        "ok" if connected else "warning",
        (*facts, ("Run by", by)),
        why,
        frozenset({"start", "free"} if connected else {"start"}),
        start="Start the desk's own",
    )


def _holder(told: object) -> Holder | None:
    if not isinstance(told, Mapping):
        return None
    pid, command = told.get("pid"), told.get("command")
    return Holder(
        int(told["port"]),
        None if pid is None else int(pid),
        None if command is None else str(command),
    )


def _why(engine: Mapping[str, Any], status: str) -> str:
    reason, last = engine.get("reason"), engine.get("last_exit")
    if reason:
        return str(reason)
    if last:
        told = str(last)  # `ended by SIGKILL, …`, `exit status 1, …`
        return f"It last {told}" if told.startswith("ended") else f"It last stopped with {told}"
    return ""


def _actions(status: str, connected: bool) -> frozenset[str]:
    if status in ("stopped", "failed"):
        return frozenset({"start"})
    if status == "stopping":
        return frozenset()
    levers = {"stop", "restart"}
    return frozenset(levers | {"free"} if status == "ready" and connected else levers)


def question(action: str, running: int) -> tuple[str, str] | None:
    """What is asked before an engine with work is ended: the question, and what it touches.

    None when nothing is lost.
    """
    if not running:
        return None
    jobs = "1 job runs" if running == 1 else f"{running} jobs run"
    verb = "Stop" if action == "stop" else "Restart"
    then = "when it is started again" if action == "stop" else "once it is back"
    return f"{verb} the engine?", f"{jobs} on it and will run again {then}."


def end_question(holder: Holder) -> tuple[str, str]:
    """What is asked before a process of somebody else is ended: the question, and more on it."""
    more = f"It runs: {breakable(holder.command)}\n" if holder.command else ""
    return (
        f"End process {holder.pid}?",
        f"{more}What it has not saved is lost. The engine then starts on port {holder.port}.",
    )
