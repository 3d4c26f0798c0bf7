"""The tunnel as the core holds it: opened from the settings, and watched from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from jigdesk.adapters.tunnel.fixed import FixedTunnel
from jigdesk.adapters.tunnel.ngrok import NgrokTunnel
from jigdesk.adapters.tunnel.ngrok_agent import AgentSettings
from jigdesk.adapters.tunnel.state import StateBoard, StateListener, TunnelState, TunnelStatus
from jigdesk.adapters.tunnel.wake import watch_wakes
from jigdesk.app.tunnel_pace import Pace, WatchTimes
from jigdesk.app.tunnel_proof import Finding, Verdict, judge, judging_session
from jigdesk.domain.check import Check
from jigdesk.settings import Settings, TunnelSettings

log = logging.getLogger(__name__)


class Way(Protocol):
    """What this module needs of a tunnel's adapter."""

    @property
    def state(self) -> TunnelState:
        """Where it stands."""

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """Call `listener` after each change."""

    def look_again(self) -> None:
        """Look now whether it is up, and do not wait for the next try."""

    def renew(self, reason: str) -> None:
        """Begin anew, although it seems to be up."""

    async def run(self) -> None:
        """Keep it up until cancelled."""


class DeskTunnel:
    """Implements `ports.Tunnel`: a way, and the watch that proves where it leads.

    `public_url` is what registers: None as well when the URL was seen to reach somebody else's
    desk. Lives on the core's loop.
    """

    def __init__(
        self, kind: str, way: Way, run_key: bytes, times: WatchTimes | None = None
    ) -> None:
        self.kind = kind
        self._way = way
        self._run_key = run_key
        self._times = times or WatchTimes()
        self._board = StateBoard(way.state)
        self._look = asyncio.Event()
        self._strange: str | None = None
        self._seen: Finding | None = None
        self._pace = Pace(self._times)

    @property
    def public_url(self) -> str | None:
        """See `ports.Tunnel`."""
        return self._board.state.public_url

    @property
    def state(self) -> TunnelState:
        """The way's state, as the watch corrects it."""
        return self._board.state

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """Call `listener` on the loop after each change; it must not block or raise."""
        return self._board.subscribe(listener)

    def woke(self, happened: str) -> None:
        """The machine slept or changed its network: look at everything again, now."""
        log.info("%s: the tunnel is looked at again", happened)
        self._pace.fresh()
        self._way.look_again()
        self._look.set()

    async def run(self) -> None:
        """Keep the way up and watch it until cancelled."""
        unsubscribe = self._way.subscribe(self._on_state)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._way.run(), name="tunnel way")
                if self.kind != "none":
                    group.create_task(watch_wakes(self.woke), name="tunnel wakes")
                    group.create_task(self._watch(), name="tunnel watch")
        finally:
            unsubscribe()

    async def check(self) -> Check:
        """One line of health."""
        state = self.state
        if state.status is TunnelStatus.OFF:
            return Check("tunnel", "ok", "No tunnel: webhooks come from this machine alone.")
        if state.status is not TunnelStatus.UP:
            level = "error" if state.status is TunnelStatus.DOWN else "warning"
            why = state.reason or "It connects."
            remedy = state.remedy or "It is tried again by itself; the sweep finds jobs meanwhile."
            return Check("tunnel", level, why, remedy)
        seen = self._seen
        if seen is not None and seen.verdict is Verdict.UNREACHABLE:
            level = "error" if seen.is_lasting else "warning"
            remedy = seen.remedy or "Check that it leads to the webhook listener."
            remedy = f"{remedy} It is looked at again."
            return Check("tunnel", level, f"{state.public_url} did not answer: {seen.why}", remedy)
        proof = "it was not looked at yet" if seen is None else seen.why
        return Check("tunnel", "ok", f"{state.public_url}: {proof}.")

    def view(self) -> dict[str, Any]:
        """What the owner sees of it."""
        state, seen = self.state, self._seen
        return {
            "kind": self.kind,
            "status": state.status.value,
            "public_url": state.public_url,
            "reason": state.reason,
            "remedy": state.remedy,
            "pid": state.pid,
            "adopted": state.adopted,
            "reaches": None if seen is None else seen.verdict.value,
        }

    def _on_state(self, state: TunnelState) -> None:
        if state.public_url != self._strange:
            self._strange = None  # another URL has to be judged anew
        self._seen = None
        self._show(state)
        self._look.set()

    def _show(self, state: TunnelState) -> None:
        if state.public_url is not None and state.public_url == self._strange:
            state = TunnelState(
                TunnelStatus.DOWN,
                reason=f"{state.public_url} reaches another desk or site, not this one.",
                remedy="End what else uses the address, or point it to this desk's listener.",
            )
        self._board.show(state)

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        async with judging_session(self._times.answer_s) as http:
            while True:
                self._look.clear()
                url = self._way.state.public_url
                if url is None:
                    await self._look.wait()
                    continue
                found = await judge(http, url, self._run_key)
                if url != self._way.state.public_url:
                    continue
                self._note(url, found)
                step = self._pace.after(found, clock())
                if step.renew:
                    self._way.renew(f"{url} did not answer: {found.why}")
                await self._wait(step.wait_s)

    def _note(self, url: str, found: Finding) -> None:
        if self._seen is None or self._seen.verdict is not found.verdict:
            level = logging.INFO if found.verdict is Verdict.OURS else logging.WARNING
            log.log(level, "%s: %s", url, found.why)
        self._seen = found
        self._strange = url if found.verdict is Verdict.STRANGER else None
        self._show(self._way.state)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._look.wait()
        except TimeoutError:
            return


def open_tunnel(settings: Settings, public_port: int, run_key: bytes) -> DeskTunnel:
    """The tunnel that the settings ask for; it begins with `run`."""
    chosen = settings.tunnel
    way: Way
    if chosen.kind == "ngrok":
        config_file = settings.paths.state_dir / "ngrok.yml"
        way = NgrokTunnel(agent_settings(chosen, public_port, config_file))
    else:
        way = FixedTunnel(chosen.public_url if chosen.kind == "static" else None)
    return DeskTunnel(chosen.kind, way, run_key)


def agent_settings(chosen: TunnelSettings, public_port: int, config_file: Path) -> AgentSettings:
    """How these settings start an agent of ngrok."""
    token = chosen.authtoken
    return AgentSettings(
        target_port=public_port,
        config_file=config_file,
        token=None if token is None else token.get_secret_value(),
        domain=chosen.domain,
        region=chosen.region,
        program=chosen.ngrok_path,
    )
