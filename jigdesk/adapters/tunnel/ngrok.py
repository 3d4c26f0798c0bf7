"""The ngrok tunnel: an agent that lives and dies with the desk, and comes back after a loss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jigdesk.adapters.process.child import ChildProcess
from jigdesk.adapters.process.lines import Line
from jigdesk.adapters.process.orphans import ChildRecord, end_orphan, forget_record, write_record
from jigdesk.adapters.process.ports import free_port
from jigdesk.adapters.tunnel import ngrok_agent
from jigdesk.adapters.tunnel.foreign import ForeignAgent, foreign_agents
from jigdesk.adapters.tunnel.ngrok_agent import AgentSettings, ApiFailure
from jigdesk.adapters.tunnel.ngrok_errors import NgrokFailure, error_code, translate
from jigdesk.adapters.tunnel.state import StateBoard, StateListener, TunnelState, TunnelStatus
from jigdesk.domain.errors import SetupError, TunnelUnavailable

log = logging.getLogger(__name__)

_ESTABLISHED = ("client session established", "tunnel session started")
_LOST = ("session closed", "failed to reconnect session", "heartbeat timeout")
_NOT_READY = (502, 503)
_TOO_MANY = "ERR_NGROK_108"
_TAKEN = (_TOO_MANY, "ERR_NGROK_334")
"""The account's or the domain's only place is taken: by somebody, or by what we just lost."""


@dataclass(frozen=True, slots=True)
class NgrokTimes:
    """Every wait in seconds.

    `connect_s` bounds a start up to the first session, `lost_s` how long the agent may try to
    reconnect before it is started anew, `look_s` is how often its local API is asked without a
    reason; that of an agent of somebody else, whose log we do not read, every `adopted_s`. After
    a failure that lasts (a wrong token), the next try comes after `lasting_s`. ngrok counts a
    session that broke off for some minutes more: so long (`ghost_s`) no other agent is blamed.
    """

    connect_s: float = 20.0
    lost_s: float = 60.0
    look_s: float = 5.0
    adopted_s: float = 1.0
    retry_s: float = 0.3
    first_backoff_s: float = 1.0
    max_backoff_s: float = 60.0
    lasting_s: float = 300.0
    ghost_s: float = 240.0
    stop_s: float = 2.0


class _Ended(Exception):
    """One run of the agent is over."""

    def __init__(self, failure: NgrokFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class NgrokTunnel:
    """Implements `ports.Tunnel`. Lives on the core's loop."""

    def __init__(self, settings: AgentSettings, times: NgrokTimes | None = None) -> None:
        self._settings = settings
        self._times = times or NgrokTimes()
        self._board = StateBoard(TunnelState(TunnelStatus.CONNECTING))
        self._record = settings.config_file.with_name("ngrok.agent.json")
        self._nudged = asyncio.Event()
        self._renew: str | None = None
        self._connected = False
        self._failure: NgrokFailure | None = None
        self._api_url = ""
        self._tries = 0
        self._session_s: float | None = None  # when a session of ours was last known to be there

    @property
    def public_url(self) -> str | None:
        """See `ports.Tunnel`."""
        return self._board.state.public_url

    @property
    def state(self) -> TunnelState:
        """Where it stands."""
        return self._board.state

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """See `StateBoard.subscribe`."""
        return self._board.subscribe(listener)

    def look_again(self) -> None:
        """Ask the agent now; when a retry is waited for, try now (after sleep, on a network)."""
        self._nudged.set()

    def renew(self, reason: str) -> None:
        """End the agent and start anew: it says that it is up, and the URL leads nowhere."""
        self._renew = reason
        self._nudged.set()

    async def run(self) -> None:
        """Keep the tunnel up until cancelled; then the agent is ended."""
        try:
            while True:
                try:
                    await self._adopt_or_start()
                except _Ended as ended:
                    failure = self._with_ghost(ended.failure)
                self._tries += 1
                log.warning("the tunnel is down: %s", failure.message)
                self._board.show(_state(failure))
                self._nudged.clear()
                await self._pause(self._wait_s(failure))
        finally:
            self._board.show(TunnelState(TunnelStatus.DOWN, reason="The desk stops."))

    def _with_ghost(self, failure: NgrokFailure) -> NgrokFailure:
        """After a session of our own a taken place is most likely still our own: it passes."""
        if failure.code not in _TAKEN or self._session_s is None:
            return failure
        if asyncio.get_running_loop().time() - self._session_s > self._times.ghost_s:
            return failure
        remedy = "ngrok may still count the session that this desk lost: it is tried again."
        return replace(failure, is_lasting=False, remedy=f"{remedy} {failure.remedy}")

    def _wait_s(self, failure: NgrokFailure) -> float:
        times = self._times
        if failure.is_lasting:
            return times.lasting_s
        ceiling_s = min(
            times.max_backoff_s, times.first_backoff_s * 2.0 ** min(self._tries - 1, 16)
        )
        return ceiling_s * (0.5 + random.random() / 2)  # noqa: S311 - jitter

    async def _adopt_or_start(self) -> None:
        try:
            if await asyncio.to_thread(self._record.exists):
                self._session_seen()  # of a desk that was killed
            await asyncio.to_thread(end_orphan, self._record)
            others = await asyncio.to_thread(foreign_agents)
            for agent in others:
                for port in agent.ports:
                    await self._adopt(agent, f"http://127.0.0.1:{port}")
            await self._own(others)
        except SetupError as wrong:
            remedy = f"Change {wrong.field}." if wrong.field else None
            raise _Ended(NgrokFailure(None, wrong.message, remedy, is_lasting=True)) from None
        except OSError as failed:  # no configuration can be written, no process made
            raise _Ended(translate(str(failed))) from failed

    # --- an agent that somebody else started -------------------------------------------------

    async def _adopt(self, agent: ForeignAgent, api_url: str) -> None:
        """Follow an agent whose tunnel leads here; return when it has none."""
        is_ours = ngrok_agent.leads_to(self._settings.target_port)
        adopted = False
        while True:
            try:
                url = await ngrok_agent.tunnel_url(api_url, is_ours)
            except ApiFailure:
                url = None
            if url is None:
                if adopted:
                    raise _Ended(NgrokFailure(None, f"The agent {agent} closed the tunnel.", None))
                return
            if not adopted:
                log.info("the tunnel of %s is used as it is", agent)
            adopted = True
            self._tries = 0
            self._board.show(TunnelState(TunnelStatus.UP, url, pid=agent.pid, adopted=True))
            self._renew = None  # it is not ours to end
            await self._pause(self._times.adopted_s)

    # --- an agent of our own -----------------------------------------------------------------

    async def _own(self, others: tuple[ForeignAgent, ...]) -> None:
        settings = self._settings
        program = await asyncio.to_thread(ngrok_agent.find_program, settings.program)
        major = await ngrok_agent.major_version(program)
        api_port = await asyncio.to_thread(free_port)
        self._api_url = f"http://127.0.0.1:{api_port}"
        await asyncio.to_thread(ngrok_agent.write_config, settings, major, api_port)
        self._connected, self._failure, self._renew = False, None, None
        self._board.show(TunnelState(TunnelStatus.CONNECTING, reason=self.state.reason))
        argv = ngrok_agent.command(program, settings.config_file)
        child = await ChildProcess.start(argv, grace_s=self._times.stop_s)
        try:
            record = ChildRecord(child.pid, child.created, api_port, argv, child.cookie)
            await asyncio.to_thread(write_record, self._record, record)
            child.subscribe(self._on_line)
            await self._follow(child, major)
        except _Ended as ended:
            raise _Ended(_blame(ended.failure, others)) from None
        finally:
            await child.stop()
            await asyncio.to_thread(forget_record, self._record)

    async def _follow(self, child: ChildProcess, major: int) -> None:
        exited = asyncio.create_task(child.wait())
        exited.add_done_callback(lambda _: self._nudged.set())
        try:
            url = await self._connect(exited, major)
            log.info("the tunnel is up: %s", url)
            await self._keep(exited, child.pid, url, major)
        finally:
            exited.cancel()
            await asyncio.wait([exited])

    async def _connect(self, exited: asyncio.Task[Any], major: int) -> str:
        """Wait for the first session, then open the tunnel; returns its URL."""
        try:
            async with asyncio.timeout(self._times.connect_s):
                while True:
                    self._check_alive(exited)
                    if self._failure is not None and self._failure.is_lasting:
                        raise _Ended(self._failure)
                    if self._connected:
                        url = await self._open(major)
                        if url is not None:
                            return url
                    await self._pause(self._times.retry_s)
        except TimeoutError:
            unanswered = NgrokFailure(
                None, f"ngrok did not connect within {self._times.connect_s:g} s.", None
            )
            raise _Ended(self._failure or unanswered) from None

    async def _open(self, major: int) -> str | None:
        """Open the tunnel; None while the agent is not ready for it."""
        try:
            return await ngrok_agent.open_tunnel(self._api_url, self._settings, major)
        except TunnelUnavailable as nonsense:
            raise _Ended(NgrokFailure(None, nonsense.message, None)) from None
        except ApiFailure as refused:
            failure = translate(refused.text, self._settings.token)
            if refused.status is None or (refused.status in _NOT_READY and failure.code is None):
                return None
            raise _Ended(failure) from None

    async def _keep(self, exited: asyncio.Task[Any], pid: int, url: str, major: int) -> None:
        """Follow the agent while it is up or reconnects; raises _Ended when it is neither."""
        loop = asyncio.get_running_loop()
        lost_at: float | None = None
        shown: str | None = url
        while True:
            self._check_alive(exited)
            if self._renew is not None:
                raise _Ended(NgrokFailure(None, self._renew, None))
            if self._failure is not None and self._failure.is_lasting:
                raise _Ended(self._failure)
            if shown is not None:
                lost_at = None
                self._tries = 0
                self._session_seen()
                self._board.show(TunnelState(TunnelStatus.UP, shown, pid=pid))
            else:
                lost_at = loop.time() if lost_at is None else lost_at
                failure = self._failure or NgrokFailure(None, "The ngrok session was lost.", None)
                if loop.time() - lost_at > self._times.lost_s:
                    raise _Ended(failure)
                self._board.show(replace(_state(failure), status=TunnelStatus.CONNECTING, pid=pid))
            await self._pause(self._times.look_s if shown else self._times.retry_s)
            shown = await self._present_url(major) if self._connected else None

    async def _present_url(self, major: int) -> str | None:
        """The tunnel's URL as the agent says it now; a tunnel that went is opened again."""
        try:
            found = await ngrok_agent.tunnel_url(self._api_url, ngrok_agent.is_named_ours)
        except ApiFailure:
            return None
        return found if found is not None else await self._open(major)

    def _check_alive(self, exited: asyncio.Task[Any]) -> None:
        if not exited.done():
            return
        reason = exited.result()
        said = "\n".join(reason.last_lines)
        if error_code(said) is None and self._failure is not None:
            raise _Ended(self._failure)
        if error_code(said) is None:
            said = f"the agent ended: {reason}"
        raise _Ended(translate(said, self._settings.token))

    def _on_line(self, line: Line) -> None:
        said = ngrok_agent.parse_line(line.text)
        msg, err = said.msg or "", said.err
        text = line.text.replace(self._settings.token or "\n", "[redacted]")
        log.debug("agent: %s", text)
        if any(word in msg for word in _ESTABLISHED):
            self._connected, self._failure = True, None
        elif any(word in msg for word in _LOST):
            self._connected = False
            if err and err != "nil":
                self._failure = translate(err, self._settings.token)
        elif error_code(line.text) is not None and not self._connected:
            self._failure = translate(err or line.text, self._settings.token)
        elif "started tunnel" not in msg:
            return
        self._nudged.set()

    def _session_seen(self) -> None:
        self._session_s = asyncio.get_running_loop().time()

    # --- both --------------------------------------------------------------------------------

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        self._nudged.clear()


def _state(failure: NgrokFailure) -> TunnelState:
    return TunnelState(TunnelStatus.DOWN, reason=failure.message, remedy=failure.remedy)


def _blame(failure: NgrokFailure, others: tuple[ForeignAgent, ...]) -> NgrokFailure:
    """Name the agent on this machine that takes the account's only place."""
    if failure.code != _TOO_MANY or not others:
        return failure
    names = " and ".join(str(agent) for agent in others)
    return replace(failure, remedy=f"On this machine {names} runs: end it, or raise the plan.")
