"""The engine as the core holds it: a client, and the process behind it where it is ours."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.http import UPLOAD_SUBFOLDER
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.adapters.process.environment import for_children
from jigdesk.adapters.process.orphans import end_process
from jigdesk.adapters.process.ports import PortOwner, free_port, port_owner
from jigdesk.adapters.process.supervisor import (
    EngineCommand,
    EngineStatus,
    EngineSupervisor,
    Patience,
)
from jigdesk.demo.options import VARIABLES as DEMO_VARIABLES
from jigdesk.domain.check import Check
from jigdesk.domain.clock import to_rfc3339
from jigdesk.domain.errors import EngineUnavailable, RequestError, SetupError
from jigdesk.domain.resources import MemoryUse
from jigdesk.ports import Engine
from jigdesk.settings import ComfyUISettings, Settings
from jigdesk.settings.engine_args import given

LOOK_AGAIN_S = 1.0
SHOWN_LINES = 50
ATTACH_S = 10.0
ENGINE_DIR = "engine"
OUTPUT_SUBFOLDER = "jigdesk"
"""What every `filename_prefix` begins with; see `services.stage`."""

_WAIT = "Wait, or restart it now: jigdesk comfyui restart. comfyui.stall_timeout_s sets the time."

_NAMES = {"demo": "The demo engine", "managed": "ComfyUI", "remote": "The remote ComfyUI"}


class EngineHost:
    """Implements `services.worker.EngineGate` and `services.control.EngineLevers`.

    `supervisor` is None for an engine that somebody else runs. `read_memory` is asked when the
    engine's process ends: the most memory that was used just before; `on_move` is called when
    it got another URL. Lives on the core's loop.
    """

    def __init__(self, kind: str, url: str, client: ComfyEngine) -> None:
        self.kind = kind
        self.url = url
        self.client = client
        self.supervisor: EngineSupervisor | None = None
        self.on_move: Callable[[], None] = lambda: None
        self.read_memory: Callable[[], MemoryUse | None] = lambda: None
        self._attached: PortOwner | None = None

    @property
    def engine(self) -> Engine:
        """The port that the services use."""
        return self.client

    def memory_before(self) -> MemoryUse | None:
        """The most memory that was used just before now; None when nobody samples it."""
        return self.read_memory()

    async def ready(self) -> None:
        """Return when the engine answers; waits for ever. Cancelling is safe."""
        while True:
            if self.supervisor is not None:
                await self._supervised(self.supervisor)  # returns at once when attached
            # the socket first: frames of a prompt that is posted before it is up are lost
            if await self.client.wait_connected(LOOK_AGAIN_S):
                return
            try:
                await self.client.system_stats()
            except EngineUnavailable:
                continue
            return

    def stalled(self, reason: str) -> None:
        """The engine answers but nothing moves: restart it, where that is ours to do."""
        if self.supervisor is not None:
            self.supervisor.kick(reason)

    async def act(self, action: str, number: int | None = None) -> Mapping[str, Any]:
        """`start`, `stop`, `restart` or `free`; returns the state.

        When somebody else holds the engine's port also `attach` (use that engine as it is),
        `end-owner` (end the process `number`, which holds it, and start) and `move` (start on
        the port `number`). RequestError 404 or 409, EngineUnavailable when it cannot be told to
        free its memory.
        """
        if action == "free":
            await self.client.free()
            return self.state()
        if self.supervisor is None:
            raise RequestError(
                409, "conflict", "This engine is run by somebody else (comfyui.kind = remote)."
            )
        match action:
            case "start":
                self._attached = None
                await self.supervisor.start()
            case "stop":
                self._attached = None
                await self.supervisor.stop()
            case "restart":
                self._attached = None
                await self.supervisor.restart()
            case "attach":
                await self._attach(self.supervisor)
            case "end-owner":
                await self._end_owner(self.supervisor, number)
            case "move":
                await self._move(self.supervisor, number)
            case _:
                raise RequestError(404, "not_found", f"There is no action {action!r:.40}.")
        return self.state()

    async def other_port(self) -> int:
        """A port that is free now, to be proposed for `move`."""
        return await asyncio.to_thread(free_port)

    def state(self) -> dict[str, Any]:
        """What the owner sees of the engine."""
        document: dict[str, Any] = {
            "kind": self.kind,
            "url": self.url,
            "version": self.client.version,
            "connected": self.client.connected,
        }
        if self._attached is not None:
            document |= {"attached_to": asdict(self._attached)}
        elif self.supervisor is not None:
            state = self.supervisor.state
            document |= {
                "status": state.status.value,
                "since": to_rfc3339(state.since),
                "pid": state.pid,
                "restarts": state.restarts,
                "reason": state.reason,
                "last_exit": None if state.last_exit is None else str(state.last_exit),
                "last_exit_memory": None
                if state.last_exit is None or state.last_exit.memory is None
                else asdict(state.last_exit.memory),
                "port_owner": None if state.port_owner is None else asdict(state.port_owner),
                "last_lines": list(self.supervisor.last_lines(SHOWN_LINES)),
            }
        return document

    async def check(self) -> Check:
        """One line of health."""
        name = _NAMES[self.kind]
        if self._attached is not None:
            if self.client.connected:
                message = f"{name} of {self._attached} is used as it is."
                return Check("engine", "ok", message)
            message = f"{name} of {self._attached} does not answer."
            return Check(
                "engine", "warning", message, "Start it, or the desk's own: jigdesk comfyui start."
            )
        if self.supervisor is not None and (wrong := self._process_check(self.supervisor, name)):
            return wrong
        if not self.client.connected:
            remedy = "Check comfyui.url." if self.supervisor is None else "Look at its log."
            return Check("engine", "warning", f"{name} does not answer.", remedy)
        return Check("engine", "ok", f"{name} {self.client.version or ''} runs.")

    def _process_check(self, supervisor: EngineSupervisor, name: str) -> Check | None:
        """What is wrong with the process that the desk started; None when nothing is."""
        state = supervisor.state
        if state.port_owner is not None:
            message = f"Port {state.port_owner.port} is held by {state.port_owner}."
            return Check("engine", "error", message, _offers(state.port_owner))
        if state.status is not EngineStatus.READY:
            level = "error" if state.status is EngineStatus.FAILED else "warning"
            why = f": {state.reason}" if state.reason else "."
            return Check("engine", level, f"{name} is {state.status}{why}", "Look at its log.")
        if state.reason is not None:
            message = (
                f"{name} has answered nothing for {supervisor.silent_s or 0:.0f} s, though its "
                f"process runs: after {supervisor.patience.stall_timeout_s:g} s it is restarted."
            )
            return Check("engine", "warning", message, _WAIT)
        if self.client.connected and supervisor.log_error is not None:
            message = f"{name} runs, but its log cannot be written: {supervisor.log_error}"
            return Check(
                "engine", "warning", message, "Make room and give access; it goes on then."
            )
        return None

    async def _attach(self, supervisor: EngineSupervisor) -> None:
        owner = _other_owner(supervisor)
        try:
            async with asyncio.timeout(ATTACH_S):
                await self.client.system_stats()
        except (EngineUnavailable, TimeoutError) as refused:
            why = str(refused) or "It does not answer as ComfyUI does."
            raise RequestError(409, "conflict", f"{owner} cannot be used: {why}") from refused
        self._attached = owner
        await supervisor.stop()  # tells whoever waits for the engine to look again

    async def _end_owner(self, supervisor: EngineSupervisor, pid: int | None) -> None:
        """End the process that was named, and no other that took its place meanwhile."""
        port = _other_owner(supervisor).port
        owner = await asyncio.to_thread(port_owner, port)
        if owner is not None:
            if owner.pid is None or owner.pid != pid or owner.pid == os.getpid():
                raise RequestError(
                    409, "conflict", f"Port {port} is held by {owner}, which is not ended."
                )
            await asyncio.to_thread(end_process, owner.pid)
            if await asyncio.to_thread(port_owner, port) is not None:
                raise RequestError(409, "conflict", f"{owner} could not be ended.")
        self._attached = None
        await supervisor.start()

    async def _move(self, supervisor: EngineSupervisor, port: int | None) -> None:
        owner = None if port is None else await asyncio.to_thread(port_owner, port)
        if port is None or owner is not None:
            raise RequestError(409, "conflict", f"Port {port} is held by {owner}.", field="port")
        await supervisor.stop()
        self._attached = None
        self.url = url_of(port)
        await self.client.move_to(self.url)
        self.on_move()
        await supervisor.start()

    async def _supervised(self, supervisor: EngineSupervisor) -> None:
        changed = asyncio.Event()
        unsubscribe = supervisor.subscribe(lambda _: changed.set())
        try:
            while supervisor.state.status is not EngineStatus.READY and self._attached is None:
                changed.clear()
                await changed.wait()
        finally:
            unsubscribe()


@asynccontextmanager
async def open_engine_host(settings: Settings, host_id: str) -> AsyncIterator[EngineHost]:
    """Start the engine that the settings ask for, and its client; stop both at the end.

    Returns before the engine is ready. Raises SetupError for settings that cannot work.
    """
    chosen = settings.comfyui
    timing = Timing(stall_timeout_s=chosen.stall_timeout_s)
    client_id = f"jigdesk-{host_id}"
    if chosen.kind == "remote":
        async with ComfyEngine.open(chosen.url or "", client_id, timing) as client:
            yield EngineHost("remote", chosen.url or "", client)
        return
    port = chosen.port or await asyncio.to_thread(free_port)
    url = url_of(port)
    async with ComfyEngine.open(url, client_id, timing) as client:
        host = EngineHost(chosen.kind, url, client)
        supervisor = EngineSupervisor(
            lambda: engine_command(
                chosen, port_of(host.url), settings.paths.state_dir / ENGINE_DIR
            ),
            _probe(client),
            record=settings.paths.state_dir / "engine.json",
            log_path=settings.paths.engine_log,
            alive=client.answers,
            patience=Patience(
                start_timeout_s=chosen.start_timeout_s, stall_timeout_s=chosen.stall_timeout_s
            ),
            memory=host.memory_before,
        )
        host.supervisor = supervisor
        await supervisor.start()
        try:
            yield host
        finally:
            await supervisor.stop()


def engine_command(chosen: ComfyUISettings, port: int, base_dir: Path) -> EngineCommand:
    """How to start the demo engine or the owner's ComfyUI; raises SetupError."""
    listen = ("--listen", "127.0.0.1", "--port", str(port))
    if chosen.kind == "demo":
        argv = (sys.executable, "-m", "jigdesk.demo", *listen, "--base-directory", str(base_dir))
        env = for_children(os.environ, keep=DEMO_VARIABLES)
        return EngineCommand((*argv, "--preview-method", "latent2rgb"), port, env=env)
    if chosen.path is None:
        raise SetupError("Say where ComfyUI is: set comfyui.path.", field="comfyui.path")
    main = chosen.path / "main.py"
    if not main.is_file():
        raise SetupError(
            f"There is no main.py in {chosen.path}: comfyui.path is the folder that holds it.",
            field="comfyui.path",
        )
    python = chosen.python or find_python(chosen.path)
    run: tuple[str, ...] = (str(python), str(main), *listen)
    if "--preview-method" not in chosen.args:
        run = (*run, "--preview-method", "auto")
    return EngineCommand((*run, "--disable-auto-launch", *chosen.args), port, cwd=chosen.path)


def engine_folders(chosen: ComfyUISettings, base_dir: Path) -> tuple[Path, ...]:
    """Where an engine that the desk starts keeps what only the desk gave it or asked it for."""
    if chosen.kind == "remote":
        return ()
    is_demo = chosen.kind == "demo"
    args = () if is_demo else chosen.args
    started_in = base_dir if is_demo else chosen.path or base_dir  # where relative ones count from
    base = started_in / (given("--base-directory", args) or "")
    input_dir = given("--input-directory", args) or base / "input"
    output_dir = given("--output-directory", args) or base / "output"
    return started_in / input_dir / UPLOAD_SUBFOLDER, started_in / output_dir / OUTPUT_SUBFOLDER


def find_python(folder: Path) -> Path:
    """The Python of an installation: its own environment, else the portable one beside it.

    Raises SetupError when there is none: the desk's own Python has no PyTorch.
    """
    for place in (
        folder / ".venv" / "bin" / "python",
        folder / "venv" / "bin" / "python",
        folder / ".venv" / "Scripts" / "python.exe",
        folder / "venv" / "Scripts" / "python.exe",
        folder.parent / "python_embeded" / "python.exe",
    ):
        if place.is_file():
            return place
    raise SetupError(
        f"No Python was found beside {folder}: set comfyui.python to the one ComfyUI runs with.",
        field="comfyui.python",
    )


def url_of(port: int) -> str:
    """Where an engine that the desk starts answers."""
    return f"http://127.0.0.1:{port}"


def port_of(url: str) -> int:
    """The port of `url_of`."""
    return int(url.rpartition(":")[2])


def _other_owner(supervisor: EngineSupervisor) -> PortOwner:
    owner = supervisor.state.port_owner
    if owner is None:
        raise RequestError(409, "conflict", "Nobody else was found on the engine's port.")
    return owner


def _offers(owner: PortOwner) -> str:
    end = "" if owner.pid is None else f"`jigdesk comfyui end-owner {owner.pid}` ends it, "
    return (
        f"{end}`jigdesk comfyui attach` uses it as it is, if it is a ComfyUI, and "
        "`jigdesk comfyui move PORT` starts the desk's engine on another port."
    )


def _probe(client: ComfyEngine) -> Any:
    async def answers() -> bool:
        await client.system_stats()
        return True

    return answers
