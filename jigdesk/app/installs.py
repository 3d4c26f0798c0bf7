"""Finds the ComfyUI installations of this machine: where people, and installers, put them."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from jigdesk.app.engine import find_python
from jigdesk.domain.errors import SetupError

MAX_FILE_BYTES = 256 * 1024
_VERSION = re.compile(r"""__version__\s*=\s*["']([^"'\s]{1,40})["']""")
_NAMES = ("ComfyUI", "comfyui", "ComfyUI_windows_portable/ComfyUI", "comfy/ComfyUI")
_PLACES = ("", "git", "src", "code", "dev", "projects", "Projects", "Documents", "apps", "ai", "AI")


class Kind(StrEnum):
    """Who installed it."""

    DESKTOP = "desktop app"
    PORTABLE = "portable"
    COMFY_CLI = "comfy-cli"
    CLONE = "git clone"
    FOLDER = "folder"  # an unpacked archive, or no telling


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look: the user's home, the environment, `sys.platform`, and folders beside these."""

    home: Path
    env: Mapping[str, str]
    platform: str
    extra: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Install:
    """One installation. `python` and `version` are None where they were not found.

    `base` is the folder with its models and outputs when that is not `path`.
    """

    kind: Kind
    path: Path
    python: Path | None
    version: str | None
    base: Path | None = None


def find_installs(machine: Machine) -> tuple[Install, ...]:
    """Every installation once, the surest first. Blocks on files; starts nothing."""
    found: dict[Path, Install] = {}
    for install in (*_desktop(machine), *_comfy_cli(machine), *_folders(machine)):
        found.setdefault(install.path.resolve(), install)
    return tuple(found.values())


def is_comfyui(folder: Path) -> bool:
    """Whether the folder holds ComfyUI's program, as far as it may be looked into."""
    try:
        return all((folder / name).exists() for name in ("main.py", "nodes.py", "comfy"))
    except OSError:  # another user's, or a name that no file can have
        return False


def _install(kind: Kind, folder: Path, python: Path | None, base: Path | None = None) -> Install:
    if python is None:
        try:
            python = find_python(folder)
        except SetupError:
            python = None
    text = _read(folder / "comfyui_version.py") or ""
    version = _VERSION.search(text)
    return Install(kind, folder, python, version.group(1) if version else None, base)


# --- the desktop app: its program in the app, its Python and models where the user said ----------


def _desktop(machine: Machine) -> Iterator[Install]:
    base = _desktop_base(machine)
    if base is None:
        return
    python = next(
        (
            path
            for path in (
                base / ".venv" / "bin" / "python",
                base / ".venv" / "Scripts" / "python.exe",
            )
            if path.is_file()
        ),
        None,
    )
    for folder in (base, *_desktop_programs(machine)):
        if is_comfyui(folder):
            yield _install(Kind.DESKTOP, folder, python, base if folder != base else None)
            return


def _desktop_base(machine: Machine) -> Path | None:
    """What the app's config.json calls `basePath`."""
    for folder in _config_folders(machine, "ComfyUI"):
        try:
            document: Any = json.loads(_read(folder / "config.json") or "")
        except ValueError:
            continue
        base = document.get("basePath") if isinstance(document, dict) else None
        if isinstance(base, str) and base and Path(base).is_dir():
            return Path(base)
    return None


def _desktop_programs(machine: Machine) -> Iterator[Path]:
    if machine.platform == "win32":
        local = machine.env.get("LOCALAPPDATA")
        if local:
            programs = Path(local) / "Programs"
            yield programs / "@comfyorgcomfyui-electron" / "resources" / "ComfyUI"
            yield programs / "ComfyUI" / "resources" / "ComfyUI"
    elif machine.platform == "darwin":
        for applications in (Path("/Applications"), machine.home / "Applications"):
            yield applications / "ComfyUI.app" / "Contents" / "Resources" / "ComfyUI"


# --- comfy-cli: its config names the workspaces --------------------------------------------------


def _comfy_cli(machine: Machine) -> Iterator[Install]:
    for folder in _config_folders(machine, "comfy-cli"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(_read(folder / "config.ini") or "")
        except configparser.Error:
            continue
        for key in ("default_workspace", "recent_workspace"):
            text = parser.defaults().get(key, "").strip()
            if not text:
                continue
            workspace = Path(text)
            for candidate in (workspace, workspace / "ComfyUI"):
                if is_comfyui(candidate):
                    yield _install(Kind.COMFY_CLI, candidate, None)


# --- folders -------------------------------------------------------------------------------------


def _folders(machine: Machine) -> Iterator[Install]:
    for folder in _candidates(machine):
        if is_comfyui(folder):
            yield _install(_kind_of(folder), folder, None)


def _candidates(machine: Machine) -> Iterator[Path]:
    for extra in machine.extra:
        yield extra
        yield from _named(extra)
    for place in _PLACES:
        yield from _named(machine.home / place)
    if machine.platform == "win32":
        drives = {machine.home.drive, machine.env.get("SYSTEMDRIVE", "C:"), "D:"}
        for drive in sorted(drive for drive in drives if drive):
            yield from _named(Path(f"{drive}\\"))
    else:
        for place in ("/opt", "/srv", "/workspace"):
            yield from _named(Path(place))


def _named(place: Path) -> Iterable[Path]:
    return (place / name for name in _NAMES)


def _kind_of(folder: Path) -> Kind:
    if (folder.parent / "python_embeded").is_dir():
        return Kind.PORTABLE
    return Kind.CLONE if (folder / ".git").exists() else Kind.FOLDER


def _config_folders(machine: Machine, name: str) -> Iterator[Path]:
    """Where programs of that name keep their configuration on this platform."""
    home = machine.home
    if machine.platform == "win32":
        for variable in ("APPDATA", "LOCALAPPDATA"):
            if folder := machine.env.get(variable):
                yield Path(folder) / name
    elif machine.platform == "darwin":
        yield home / "Library" / "Application Support" / name
    else:
        yield Path(machine.env.get("XDG_CONFIG_HOME") or home / ".config") / name


def _read(path: Path) -> str | None:
    """A small text file; None where there is none that can be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError:
        return None
