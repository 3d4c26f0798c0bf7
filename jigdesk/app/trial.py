"""Trials: the checks of one part with settings that are not in force, beside a desk that runs."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import Any, TypeVar

from jigdesk.adapters.tunnel.ngrok import NgrokTunnel
from jigdesk.adapters.tunnel.state import TunnelState, TunnelStatus
from jigdesk.app.core import Core
from jigdesk.app.doctor import add_publisher, add_store, startable_engine
from jigdesk.app.health import Health
from jigdesk.app.tunnel_proof import Verdict, judge, judging_session
from jigdesk.app.tunnels import agent_settings
from jigdesk.domain.check import Check
from jigdesk.settings import Settings

T = TypeVar("T")

ANSWER_S = 8.0
NGROK_S = 30.0
"""How long a trial of ngrok may take: it starts an agent, and the agent connects."""
TRIAL_DIR = "trial"
MEND = "Change it, then try again."


class Part(StrEnum):
    """What can be tried; the names are those of the settings' sections."""

    STORE = "store"
    PUBLISHER = "publisher"
    TUNNEL = "tunnel"
    COMFYUI = "comfyui"


async def try_part(core: Core, part: Part, settings: Settings) -> Sequence[Check]:
    """Check one part as `settings` would have it; what fails is an answer and raises nothing.

    Runs on the core's loop, and changes nothing of the running desk. Every check has a deadline.
    """
    match part:
        case Part.STORE:
            # objects of its own: the running desk checks its store under its own name
            name = f"{core.host_id}-trial-{secrets.token_hex(4)}"
            return await _apart(lambda: _store(settings, name))
        case Part.PUBLISHER:
            return await _apart(lambda: _publisher(settings))
        case Part.TUNNEL:
            return (await _tunnel(core, settings),)
        case Part.COMFYUI:
            return await _engine(core, settings)


async def _apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """In a thread and a loop of its own: opening S3 and Pusher loads libraries, which blocks."""
    return await asyncio.to_thread(lambda: asyncio.run(work()))


async def _store(settings: Settings, name: str) -> Sequence[Check]:
    health = Health(MEND)
    async with AsyncExitStack() as stack:
        await add_store(health, settings, stack, name)
        return await health.look()


async def _publisher(settings: Settings) -> Sequence[Check]:
    health = Health(MEND)
    async with AsyncExitStack() as stack:
        await add_publisher(health, settings, stack)
        return await health.look()


async def _engine(core: Core, settings: Settings) -> Sequence[Check]:
    running = core.settings.comfyui
    our_port = None if running.kind == "remote" else running.port
    health = Health(MEND)
    health.add("engine", lambda: startable_engine(settings, our_port))
    return await health.look()


async def _tunnel(core: Core, settings: Settings) -> Check:
    chosen, running = settings.tunnel, core.settings.tunnel
    if chosen.kind == "none":
        return Check("tunnel", "ok", "No tunnel: webhooks come from this machine alone.")
    if chosen.kind == "static":
        return await _judged(core, chosen.public_url or "")
    if running.kind == "ngrok":
        if chosen != running:
            return Check(
                "tunnel",
                "warning",
                "ngrok runs with the settings of this start, and takes one agent an account.",
                "Save these and restart the core: the strip above says whether they work.",
            )
        url = core.tunnel.public_url
        return await core.tunnel.check() if url is None else await _judged(core, url)
    return await _try_ngrok(core, settings)


async def _try_ngrok(core: Core, settings: Settings) -> Check:
    """Open a tunnel for a moment, and look at this desk through it."""
    folder = core.settings.paths.state_dir / TRIAL_DIR
    port = core.listeners.public.port
    way = NgrokTunnel(agent_settings(settings.tunnel, port, folder / "ngrok.yml"))
    settled: asyncio.Future[TunnelState] = asyncio.get_running_loop().create_future()

    def look(state: TunnelState) -> None:
        if state.status in (TunnelStatus.UP, TunnelStatus.DOWN) and not settled.done():
            settled.set_result(state)

    unsubscribe = way.subscribe(look)
    running = asyncio.create_task(way.run(), name="tunnel trial")
    try:
        async with asyncio.timeout(NGROK_S):
            state = await settled
            if state.public_url is not None:
                return await _judged(core, state.public_url)
        why = state.reason or "ngrok opened no tunnel."
        return Check("tunnel", "error", why, state.remedy or "Check tunnel.authtoken.")
    except TimeoutError:
        return Check(
            "tunnel", "error", f"ngrok did not connect in {NGROK_S:g} s.", "Check the network."
        )
    finally:
        unsubscribe()
        running.cancel()
        await asyncio.wait([running])
        # the agent's configuration has the token
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _judged(core: Core, url: str) -> Check:
    async with judging_session(ANSWER_S) as http:
        found = await judge(http, url, core.listeners.run_key)
    match found.verdict:
        case Verdict.OURS:
            return Check("tunnel", "ok", f"{url}: {found.why}.")
        case Verdict.STRANGER:
            remedy = "Point it to this desk's webhook listener, or end what else uses the address."
            return Check("tunnel", "error", f"{url}: {found.why}.", remedy)
        case Verdict.UNREACHABLE:
            remedy = found.remedy or "Check that it leads to this desk's webhook listener."
            return Check("tunnel", "error", f"{url} did not answer: {found.why}", remedy)
