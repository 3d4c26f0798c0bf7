"""The steps of an installation: comfy-cli in an environment of its own, ComfyUI, and a trial."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from jigdesk.adapters.process.lines import Line
from jigdesk.adapters.resources.gpu import NvidiaGpus
from jigdesk.app.engine import find_python
from jigdesk.app.install.plan import COMFY_CLI, GIB, LATEST, Seen, Wanted, environment, explain
from jigdesk.app.install.record import Begin, Unfinished, clear, look_at
from jigdesk.app.install.running import ProgramFailed, run_to_end
from jigdesk.app.installs import is_comfyui
from jigdesk.domain.errors import SetupError
from jigdesk.settings.paths import Paths

TOOL_FOLDER = "comfy-cli"
UNFINISHED_FILE = "comfyui-installs.json"
LOG_FILE = "comfyui-install.log"
QUIET_S = 30 * 60.0
"""pip says nothing while it fetches a package of gigabytes."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears how it goes on: `step` each step's begin in words, `line` each line."""

    step: Callable[[str], None]
    line: Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class Installed:
    """A ComfyUI that starts."""

    path: Path
    python: Path
    args: tuple[str, ...]


def log_path_of(paths: Paths) -> Path:
    """Where the whole output of installations is kept."""
    return paths.log_dir / LOG_FILE


def look_at_machine() -> Seen:
    """What PyTorch could be installed for. Blocking."""
    nvidia = NvidiaGpus()
    try:
        has_nvidia = nvidia.open() or shutil.which("nvidia-smi") is not None
    finally:
        nvidia.close()
    has_amd = sys.platform == "linux" and Path("/dev/kfd").exists()
    return Seen(sys.platform, platform.machine(), has_nvidia, has_amd)


async def install(
    wanted: Wanted,
    paths: Paths,
    env: Mapping[str, str],
    told: Told,
    *,
    try_it: bool = True,
    quiet_s: float = QUIET_S,
) -> Installed:
    """Install ComfyUI and start it once for a trial.

    Raises SetupError with what to do. Ended in the middle, in whatever way, the same call goes
    on: with the packages when the program was there, else from the beginning.
    """
    await asyncio.to_thread(paths.state_dir.mkdir, parents=True, exist_ok=True)
    lock = FileLock(paths.state_dir / f"{UNFINISHED_FILE}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise SetupError("Another installation runs. Wait for its end, or end it.") from None
    try:
        return await _Installation(wanted, paths, environment(env), told, quiet_s).run(try_it)
    finally:
        lock.release()


class _Installation:
    def __init__(
        self, wanted: Wanted, paths: Paths, env: dict[str, str], told: Told, quiet_s: float
    ) -> None:
        self._wanted = wanted
        self._tool = paths.state_dir / TOOL_FOLDER
        self._unfinished = Unfinished(paths.state_dir / UNFINISHED_FILE)
        self._log_path = log_path_of(paths)
        self._env = env
        self._told = told
        self._quiet_s = quiet_s

    async def run(self, try_it: bool) -> Installed:
        begin = await asyncio.to_thread(self._look)
        await asyncio.to_thread(self._log_path.parent.mkdir, parents=True, exist_ok=True)
        await self._make_tool()
        await self._install(begin)
        installed = await asyncio.to_thread(self._found)
        if try_it:
            await self._try(installed)
        await asyncio.to_thread(self._unfinished.forget, self._wanted.path)
        return installed

    def _look(self) -> Begin:
        """Everything that can be known beforehand, before anything is fetched or written."""
        path = self._wanted.path
        begin = look_at(path, self._unfinished)
        if begin is Begin.THERE and not self._wanted.restore:
            raise SetupError(
                f"There is a ComfyUI in {path} already: `jigdesk comfyui detect {path}` shows it. "
                "--restore installs its packages; else say another --path."
            )
        if begin is not Begin.THERE and self._wanted.restore:
            raise SetupError(f"There is no ComfyUI in {path} that could be restored.")
        if shutil.which("git", path=self._env.get("PATH")) is None:
            raise SetupError("ComfyUI is fetched with git, which was not found. Install git.")
        existing = next(one for one in (path, *path.parents) if one.exists())
        free = shutil.disk_usage(existing).free
        if begin is Begin.FRESH and free < self._wanted.room_bytes:
            raise SetupError(
                f"{path} has {free / GIB:.1f} GiB of room, and this takes up to "
                f"{self._wanted.room_bytes / GIB:.0f} GiB. Make room, or say another --path."
            )
        return begin

    async def _make_tool(self) -> None:
        """comfy-cli in an environment of its own; one that was broken off is made anew."""
        ready = self._tool / "ready"
        if await asyncio.to_thread(_text, ready) == COMFY_CLI and _program(self._tool).is_file():
            return
        self._told.step(f"Installing {COMFY_CLI}, which installs ComfyUI")
        await asyncio.to_thread(shutil.rmtree, self._tool, ignore_errors=True)
        await self._run("An environment", sys.executable, "-m", "venv", str(self._tool))
        python = str(_program(self._tool, "python"))
        await self._run("comfy-cli", python, "-m", "pip", "install", COMFY_CLI)
        await asyncio.to_thread(ready.write_text, COMFY_CLI)

    async def _install(self, begin: Begin) -> None:
        wanted = self._wanted
        if begin is Begin.GO_ON:
            self._told.step(f"Going on with the installation in {wanted.path}")
            wanted = replace(wanted, restore=True)
        elif begin is Begin.THERE:
            # what is checked out there is the owner's choice
            wanted = replace(wanted, version=None if wanted.version == LATEST else wanted.version)
            self._told.step(f"Restoring the packages of {wanted.path}")
        else:
            again = ", from the beginning" if begin is Begin.HALF else ""
            self._told.step(f"Installing ComfyUI for {wanted.gpu} into {wanted.path}{again}")
            await asyncio.to_thread(self._unfinished.note, wanted.path)
            moved = await asyncio.to_thread(clear, wanted.path, begin)
            if moved is not None:
                self._told.step(f"What an earlier try left is in {moved} now")
        await self._run("ComfyUI", str(_program(self._tool)), *wanted.arguments())

    def _found(self) -> Installed:
        path = self._wanted.path
        if not is_comfyui(path):
            raise SetupError(f"comfy-cli ended well, but there is no ComfyUI in {path}.")
        return Installed(path, find_python(path), self._wanted.engine_args)

    async def _try(self, installed: Installed) -> None:
        """Start it, let it load its nodes, and end: what is missing shows here, and not later."""
        self._told.step("Starting it once, for a trial")
        main = str(installed.path / "main.py")
        words = (str(installed.python), main, "--quick-test-for-ci", *installed.args)
        await self._run("The new ComfyUI", *words, cwd=installed.path)

    async def _run(self, what: str, *argv: str, cwd: Path | None = None) -> None:
        try:
            await run_to_end(
                argv,
                env=self._env,
                cwd=cwd or self._log_path.parent,
                log_path=self._log_path,
                tell=self._told.line,
                quiet_s=self._quiet_s,
            )
        except ProgramFailed as failed:
            tail = f"Its last line: {failed.lines[-1].strip()}" if failed.lines else ""
            why = explain(failed.lines) or tail
            raise SetupError(
                f"{what} could not be installed or started. {failed.message} {why} All of its "
                f"output is in {self._log_path}; the same command goes on from here."
            ) from None


def _program(tool: Path, name: str = "comfy") -> Path:
    if sys.platform == "win32":
        return tool / "Scripts" / f"{name}.exe"
    return tool / "bin" / name


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
