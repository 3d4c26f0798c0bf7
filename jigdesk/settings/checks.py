"""What settings need of one another."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from jigdesk.domain.quiet_hours import QuietHours
from jigdesk.settings.engine_args import given
from jigdesk.settings.fields import fields
from jigdesk.settings.model import Settings
from jigdesk.settings.problems import Problem
from jigdesk.settings.secrets import where_to_put
from jigdesk.settings.types import is_loopback


def cross_checks(settings: Settings) -> Iterator[Problem]:
    """Every problem between values that are each allowed."""
    yield from _server(settings)
    yield from _store(settings)
    yield from _publisher(settings)
    yield from _tunnel(settings)
    yield from _comfyui(settings)
    yield from _queue(settings)


def _server(settings: Settings) -> Iterator[Problem]:
    server = settings.server
    if server.local_port and server.local_port == server.public_port:
        yield Problem("server.local_port", "must differ from server.public_port")
    if server.webhook_secret_previous is not None and server.webhook_secret is None:
        yield Problem("server.webhook_secret_previous", "needs server.webhook_secret beside it")


def _store(settings: Settings) -> Iterator[Problem]:
    store = settings.store
    if store.kind != "s3":
        return
    if store.access_key_id is not None and store.secret_access_key is None:
        yield _missing_secret(settings, "store.secret_access_key", "store.access_key_id")
    if store.secret_access_key is not None and store.access_key_id is None:
        yield Problem("store.access_key_id", "is needed with store.secret_access_key")


def _publisher(settings: Settings) -> Iterator[Problem]:
    publisher = settings.publisher
    if publisher.kind != "pusher":
        return
    for name in ("app_id", "key"):
        if getattr(publisher, name) is None:
            yield Problem(f"publisher.{name}", 'is needed with publisher.kind = "pusher"')
    if publisher.secret is None:
        yield _missing_secret(settings, "publisher.secret", 'publisher.kind = "pusher"')
    if publisher.cluster is None and publisher.host is None:
        yield Problem("publisher.cluster", 'or publisher.host is needed with kind = "pusher"')
    if publisher.cluster is not None and publisher.host is not None:
        yield Problem("publisher.cluster", "and publisher.host exclude each other")


def _tunnel(settings: Settings) -> Iterator[Problem]:
    tunnel = settings.tunnel
    if tunnel.kind != "static":
        return
    if tunnel.public_url is None:
        yield Problem("tunnel.public_url", 'is needed with tunnel.kind = "static"')
        return
    parts = urlsplit(tunnel.public_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        yield Problem("tunnel.public_url", "must begin with https:// unless it is this machine")


def _comfyui(settings: Settings) -> Iterator[Problem]:
    comfyui = settings.comfyui
    if comfyui.kind == "managed" and comfyui.path is None:
        yield Problem("comfyui.path", 'is needed with comfyui.kind = "managed"')
    if comfyui.kind == "remote" and comfyui.url is None:
        yield Problem("comfyui.url", 'is needed with comfyui.kind = "remote"')
    refused = [why for option, why in _LISTENING.items() if given(option, comfyui.args) is not None]
    if comfyui.kind == "managed" and refused:
        yield Problem("comfyui.args", f"must not hold {', nor '.join(refused)}")


_LISTENING = {
    "--port": "--port: set comfyui.port instead",
    "--listen": (
        "--listen: ComfyUI has no authentication, so the desk has it listen on this machine alone"
    ),
}
"""The desk says these itself, and main.py believes the last one who does."""


def _queue(settings: Settings) -> Iterator[Problem]:
    try:
        QuietHours.parse(settings.queue.quiet_hours)
    except ValueError as wrong:
        yield Problem("queue.quiet_hours", f"{wrong}: pause the queue instead")


def _missing_secret(settings: Settings, key: str, because: str) -> Problem:
    place = where_to_put(fields()[key], settings.paths.secrets_dir)
    return Problem(key, f"is needed with {because}: {place}")
