"""A real `systemd --user` with a home of its own, apart from whatever else runs here."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from tests.harness.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]
SYSTEMD = "/usr/lib/systemd/systemd"
_NEEDED = (SYSTEMD, "systemctl", "systemd-analyze", "unshare", "nsenter")
_UNITS = Path("/usr/lib/systemd/user")

# Namespaces of its own for mounts, processes and cgroups: whatever the manager starts ends with
# it. It is not the first process in there, for as such it would be the machine's manager. Mounts
# reach its services, as they do on a machine that booted: credentials are handed over in them.
_INSIDE = f"""
mount --make-rshared / || exit 3
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system || exit 3
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 3
{SYSTEMD} --user --log-target=console --log-level=info & wait $!
"""
_OUTSIDE = """
echo $$ > "$1/cgroup.procs" || exit 3
exec unshare --mount --pid --fork --kill-child --mount-proc --cgroup sh -c "$2"
"""


class NoManager(Exception):
    """No user manager can be started here; says why."""


class UserManager:
    """Talks to one that runs. `home` is its user's home."""

    def __init__(self, home: Path, runtime: Path) -> None:
        self.home = home
        self.pid: int | None = None
        """A process in its namespaces, out of which it takes no commands; None before it runs."""
        own = {name: text for name, text in os.environ.items() if not name.startswith("DBUS_")}
        self.env = {
            **own,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "SYSTEMD_UNIT_PATH": f"{home}/.config/systemd/user:{_UNITS}",
        }

    async def is_up(self) -> bool:
        """Whether it has started what it starts by itself."""
        _, said = await self._call("systemctl", "--user", "is-system-running")
        return said.strip() in ("running", "degraded")

    async def systemctl(self, *args: str) -> str:
        """Run it to its end; raises AssertionError with what it said when it fails."""
        return await self.run("systemctl", "--user", "--no-pager", *args)

    async def run(self, *command: str) -> str:
        """A command of this user; what it wrote. Raises AssertionError as `systemctl` does."""
        status, said = await self._call(*command)
        assert status == 0, said
        return said

    async def _call(self, *command: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(self.pid), "--mount", "--pid", "--cgroup"),
            *command,
            env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
        return process.returncode, said.decode(errors="replace")

    async def show(self, unit: str) -> dict[str, str]:
        """A unit's properties."""
        lines = (await self.systemctl("show", unit)).splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}


@asynccontextmanager
async def user_manager() -> AsyncIterator[UserManager]:
    """Start one; it and all that it started are gone at the end. Raises NoManager."""
    cgroup = _own_cgroup()
    if cgroup is None or any(shutil.which(program) is None for program in _NEEDED):
        raise NoManager("cgroup2, systemd and unshare (util-linux) are needed")
    folder = Path(tempfile.mkdtemp(prefix="jd"))  # short: the path of a socket lies in it
    own = cgroup / f"jigdesk-test-{folder.name}"
    try:
        try:
            own.mkdir()
        except OSError as error:
            raise NoManager(f"this user may make no cgroup: {error.strerror}") from error
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        home = folder / "home"
        (home / ".config" / "systemd" / "user").mkdir(parents=True)
        manager = UserManager(home, runtime)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *("sh", "-c", _OUTSIDE, "sh", str(own), _INSIDE),
                env=manager.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            async with asyncio.timeout(PATIENCE_S):
                while manager.pid is None or not await manager.is_up():
                    await asyncio.sleep(0.1)
                    manager.pid = _child_of(process.pid)
                    if process.returncode is not None:
                        raise NoManager((folder / "log").read_text(errors="replace")[-300:].strip())
            yield manager
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await eventually(lambda: _removed(own))
    finally:
        if own.exists():
            _removed(own)
        shutil.rmtree(folder, ignore_errors=True)


def _child_of(pid: int) -> int | None:
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return None
    return children[0].pid if children else None


def _own_cgroup() -> Path | None:
    """This process's folder in the second cgroup hierarchy; None without one."""
    if sys.platform != "linux":
        return None
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    points = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
    names = Path("/proc/self/cgroup").read_text().splitlines()
    paths = [name.removeprefix("0::/") for name in names if name.startswith("0::")]
    return Path(points[0]) / paths[0] if points and paths else None


def _removed(cgroup: Path) -> bool:
    """Whether it and all below it could be removed: nothing is left in them."""
    for folder, _, _ in os.walk(cgroup, topdown=False):
        Path(folder).rmdir()  # OSError while a process is left in it
    return not cgroup.exists()
