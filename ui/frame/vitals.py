"""What the health strip says: checks and figures turned into short lines, without Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from jigdesk.domain.check import Check
from ui.figures import Figures
from ui.words import counted

ENGINE, TUNNEL, WEBHOOKS = "engine", "tunnel", "webhooks"
_TITLES = {
    "store": "Store",
    "publisher": "Publisher",
    "pusher": "Publisher",
    "disk": "Disk",
    "gpu": "GPU",
    "outbox": "Outbox",
    "tunnel": "Tunnel",
    "queue": "Queue",
    "urls": "Signed URLs",
}
_HIDDEN_WHEN_OK = frozenset({"queue", "outbox", "urls", "memory", "workflows", "sleep", "journal"})
"""Their figures stand elsewhere: they come up when something is wrong."""


@dataclass(frozen=True, slots=True)
class Vital:
    """One item of the strip; `level` is ok, warning, error or off; `copy` is what can be copied.

    `detail` is the short line, `message` the whole sentence and `remedy` what to do.
    """

    name: str
    title: str
    level: str
    detail: str
    message: str
    remedy: str = ""
    copy: str = ""


def vitals(
    checks: Sequence[Check], figures: Figures | None, kept: Mapping[str, str]
) -> tuple[Vital, ...]:
    """The items in the strip's order; `kept` has what settings say: `store`, `public`."""
    by_name = {check.name: check for check in checks}
    found: list[Vital] = []
    if figures is not None:
        found += [_engine(figures, by_name.get("engine"))]
        found += [_tunnel(figures, by_name.get("tunnel"))]
        found += [_webhooks(figures, by_name.get("listener"), kept)]
    for check in checks:
        if check.name in (ENGINE, TUNNEL, "listener"):
            continue
        if check.level == "ok" and check.name in _HIDDEN_WHEN_OK:
            continue
        title = _TITLES.get(check.name, check.name.capitalize())
        level = "off" if _is_absent(check) else check.level
        found.append(
            Vital(
                check.name,
                title,
                level,
                _short(check, kept),
                check.message,
                check.remedy,
            )
        )
    return tuple(found)


def _engine(figures: Figures, check: Check | None) -> Vital:
    engine = figures.engine
    title = "Demo engine" if engine.get("kind") == "demo" else "ComfyUI"
    connected = bool(engine.get("connected"))
    status = str(engine.get("status") or ("running" if connected else "not answering"))
    word = {"ready": "running"}.get(status, status)
    version = engine.get("version")
    detail = f"{word} · {version}" if version and connected else word
    level = "ok" if word == "running" and connected else "warning"
    if status in ("failed", "stopped"):
        level = "error"
    message, remedy = detail, ""
    # figures are newer than checks: a check that says otherwise is of before
    if check is not None and (check.level == "ok") is (level == "ok"):
        message, remedy = check.message, check.remedy
    return Vital(ENGINE, title, level, detail, message, remedy)


def _tunnel(figures: Figures, check: Check | None) -> Vital:
    url = figures.public_url
    if url is None:
        if check is not None and check.level != "ok":
            return Vital(TUNNEL, "Tunnel", check.level, "down", check.message, check.remedy)
        return Vital(
            TUNNEL,
            "Tunnel",
            "off",
            "none: this machine only",
            "No tunnel is set up: jobs come from this machine's own pages.",
            "Set tunnel.kind to ngrok or static to reach the desk from a web site.",
        )
    level = check.level if check is not None else "ok"
    message = check.message if check is not None else f"The Lambdas reach this desk at {url}"
    remedy = check.remedy if check is not None else ""
    detail = urlsplit(url).netloc or url
    if level != "ok":  # what is wrong; the address can be copied all the same
        detail = message.partition(". ")[0].rstrip(".")
    return Vital(TUNNEL, "Tunnel", level, detail, message, remedy, copy=url)


def _webhooks(figures: Figures, check: Check | None, kept: Mapping[str, str]) -> Vital:
    number = figures.requests_last_hour
    url = kept.get("public", "")
    if check is not None and check.level != "ok":
        return Vital(
            WEBHOOKS,
            "Webhooks",
            check.level,
            "not listening",
            check.message,
            check.remedy,
            copy=url,
        )
    if figures.refusals:
        why = " ".join(figures.refusals)
        return Vital(
            WEBHOOKS,
            "Webhooks",
            "warning",
            "not accepting jobs",
            why,
            "Resume the queue, or raise queue.max_depth.",
            copy=url,
        )
    detail = f"{number:,} in the last hour" if number else "listening"
    came = f"{counted(number, 'request')} came"
    message = f"The public listener is at {url}. {came} in the last hour."
    return Vital(WEBHOOKS, "Webhooks", "ok", detail, message, copy=url)


def _short(check: Check, kept: Mapping[str, str]) -> str:
    if check.level == "ok" and check.name in ("store", "publisher"):
        return kept.get(check.name, check.message)
    if _is_absent(check):
        return "none"
    if check.name == "workflows":
        return _not_run(check.message)
    if check.name == "queue" and check.message.startswith("Held: "):
        return f"paused: {check.message.removeprefix('Held: ')}".rstrip(".")
    if check.name == "disk":
        return check.message.partition(" of ")[0] + " free" if " of " in check.message else "low"
    first, _, _ = check.message.partition(". ")
    return first.rstrip(".")


def _is_absent(check: Check) -> bool:
    """Whether there is none of it, which is neither well nor wrong."""
    return check.name == "gpu" and check.message.startswith("None")


def _not_run(message: str) -> str:
    """Which workflow cannot run: the first one that the check names."""
    name, _, why = message.partition(". Not ")[2].partition(":")
    if not name:
        return "some are broken"
    return f"{name} and others cannot run" if "; " in why else f"{name} cannot run"
