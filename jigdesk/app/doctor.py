"""Doctor: the checks that can be made of a home whose desk does not run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.journal.database import look_into
from jigdesk.adapters.journal.lock import HomeLock, HomeTaken
from jigdesk.adapters.process.ports import port_owner
from jigdesk.app.engine import engine_command
from jigdesk.app.folders import make_folders
from jigdesk.app.health import Health, memory_check
from jigdesk.app.host_id import host_id_of
from jigdesk.app.kept_check import CheckCall
from jigdesk.app.publishers import CREDENTIALS, open_publisher
from jigdesk.app.queue_controls import try_to_keep_awake
from jigdesk.app.store_checks import clock_check, cors_check, store_check, urls_check
from jigdesk.app.stores import open_store
from jigdesk.app.templates import LiveTemplates
from jigdesk.domain.check import Check
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import JigDeskError, PublishError, PublishForbidden, SetupError
from jigdesk.services.disk import fullest
from jigdesk.settings import Settings

if TYPE_CHECKING:
    from jigdesk.adapters.publisher.pusher_channels import PusherPublisher

STOPPED = Check("desk", "ok", "The desk does not run, so its parts were opened one by one.")


async def examine(settings: Settings) -> Sequence[Check]:
    """Look at everything that a start would need; what fails is an answer and raises nothing.

    Takes the home's lock for the while, so that no desk starts in the middle of it.
    """
    health = Health()
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(HomeLock(settings.paths.lock))
        except HomeTaken as taken:
            remedy = "End that process, then start the desk again."
            return (Check("desk", "error", f"{taken.message} It does not answer.", remedy),)
        except SetupError as failure:
            return (Check("desk", "error", failure.message, "See `jigdesk config path`."),)
        await add_store(health, settings, stack)
        await add_publisher(health, settings, stack)
        templates = LiveTemplates(settings.workflows.dirs)
        await templates.load()
        health.add("engine", lambda: startable_engine(settings))
        health.add("listeners", lambda: _listeners(settings))
        health.add("workflows", templates.health)
        health.add("journal", lambda: _journal(settings))
        health.add("disk", lambda: _disk(settings))
        health.add("memory", memory_check())
        health.add("sleep", lambda: try_to_keep_awake(settings.queue))
        return (STOPPED, *await health.look())


async def add_store(
    health: Health, settings: Settings, stack: AsyncExitStack, host_id: str | None = None
) -> None:
    """Open the store of these settings and add its checks; what cannot be opened is a check too.

    `host_id` names the objects that are written for it; None takes the desk's own.
    """
    try:
        own = await asyncio.to_thread(host_id_of, settings.paths.host_id)
        # nothing serves the local store's URLs now, so none is asked for
        store, local = await stack.enter_async_context(open_store(settings, lambda: ""))
    except JigDeskError as failure:
        health.add("store", _always(Check("store", "error", failure.message, _mend(failure))))
        return
    health.add("store", store_check(store, host_id or own))
    if local is None:
        health.add("urls", urls_check(store, host_id or own))
        health.add("cors", cors_check(store, host_id or own, settings.server.allowed_origins))
        health.add("clock", clock_check(store, host_id or own, utc_now))


async def add_publisher(health: Health, settings: Settings, stack: AsyncExitStack) -> None:
    """Open the publisher of these settings and add its check."""
    try:
        publisher = await stack.enter_async_context(open_publisher(settings.publisher))
    except JigDeskError as failure:
        wrong = Check("publisher", "error", failure.message, _mend(failure))
        health.add("publisher", _always(wrong))
        return
    if publisher is None:
        quiet = Check("publisher", "ok", "Browsers listen to the desk's own event stream.")
        health.add("publisher", _always(quiet))
    else:
        health.add("publisher", lambda: _publisher(publisher))


async def _publisher(publisher: PusherPublisher) -> Check:
    try:
        await publisher.probe()
    except PublishForbidden as failure:
        return Check("publisher", "error", failure.message, CREDENTIALS)
    except PublishError as failure:
        remedy = "Check publisher.cluster, or publisher.host and publisher.port."
        return Check("publisher", "error", failure.message, remedy)
    return Check("publisher", "ok", f"Pusher at {publisher.where} takes the credentials.")


async def startable_engine(settings: Settings, our_port: int | None = None) -> Check:
    """Whether the engine of these settings answers or can be started.

    Who holds `our_port` is not asked: it is the engine of this desk. Raises JigDeskError.
    """
    chosen = settings.comfyui
    if chosen.kind == "remote":
        async with ComfyEngine.open(chosen.url or "", "jigdesk-doctor") as client:
            await client.system_stats()
            return Check("engine", "ok", f"ComfyUI {client.version or ''} answers at {chosen.url}.")
    engine_command(chosen, chosen.port, settings.paths.state_dir / "engine")
    owner = None
    if chosen.port != our_port:
        owner = await asyncio.to_thread(_owner, chosen.port)
    if owner is not None:
        return Check(
            "engine",
            "warning",
            f"Port {chosen.port} is held by {owner}.",
            "If it is an engine that an earlier desk left behind, the start ends it; "
            "otherwise end it, or change comfyui.port.",
        )
    name = "The demo engine" if chosen.kind == "demo" else f"ComfyUI in {chosen.path}"
    return Check("engine", "ok", f"{name} can be started.")


async def _listeners(settings: Settings) -> Check:
    server = settings.server
    held = []
    for name, port in (("public", server.public_port), ("local", server.local_port)):
        if owner := await asyncio.to_thread(_owner, port):
            held.append(f"server.{name}_port {port} is held by {owner}.")
    if held:
        return Check("listeners", "error", " ".join(held), "End it, or change the port.")
    return Check("listeners", "ok", "The listeners' ports are free.")


async def _journal(settings: Settings) -> Check:
    path = settings.paths.journal
    if not await asyncio.to_thread(path.exists):
        return Check("journal", "ok", "There is no journal yet; the first start makes it.")
    unfinished = await asyncio.to_thread(look_into, path)
    return Check("journal", "ok", f"It opens; {unfinished} jobs go on at the next start.")


async def _disk(settings: Settings) -> Check:
    folders = (settings.paths.jobs_dir, settings.paths.state_dir)
    await make_folders(folders)
    use = await asyncio.to_thread(fullest, folders)
    if use.free_bytes < use.stop_below_bytes:
        remedy = "Free some space: until then no new job would be taken in."
        return Check("disk", "error", str(use), remedy)
    if use.is_low:
        return Check("disk", "warning", str(use), "Free some space.")
    return Check("disk", "ok", str(use))


def _owner(port: int) -> str | None:
    owner = port_owner(port) if port else None
    return None if owner is None else str(owner)


def _always(check: Check) -> CheckCall:
    async def answer() -> Check:
        return check

    return answer


def _mend(failure: JigDeskError) -> str:
    return f"Change {failure.field}." if failure.field else "See `jigdesk config show`."
