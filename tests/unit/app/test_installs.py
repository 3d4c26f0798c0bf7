"""Finding ComfyUI: each kind of installation in a home of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jigdesk.app.installs import Install, Kind, Machine, find_installs
from tests.unit.cli.test_cli import run


def comfyui(folder: Path, version: str | None = "0.3.64") -> Path:
    (folder / "comfy").mkdir(parents=True)
    for name in ("main.py", "nodes.py"):
        (folder / name).write_text("")
    if version is not None:
        (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    return folder


def python(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def found(home: Path, platform: str = "linux", **env: str) -> tuple[Install, ...]:
    return tuple(
        one for one in find_installs(Machine(home, env, platform)) if home in one.path.parents
    )


def test_a_clone_with_its_environment(tmp_path: Path) -> None:
    folder = comfyui(tmp_path / "git" / "ComfyUI")
    (folder / ".git").mkdir()
    own = python(folder / ".venv" / "bin" / "python")
    assert found(tmp_path) == (Install(Kind.CLONE, folder, own, "0.3.64"),)


def test_a_portable_one_has_its_python_beside_it(tmp_path: Path) -> None:
    base = tmp_path / "ComfyUI_windows_portable"
    folder = comfyui(base / "ComfyUI", None)
    embedded = python(base / "python_embeded" / "python.exe")
    assert found(tmp_path, "win32") == (Install(Kind.PORTABLE, folder, embedded, None),)


def test_the_desktop_apps_program_and_base_folder_are_apart(tmp_path: Path) -> None:
    base = tmp_path / "My ComfyUI"
    own = python(base / ".venv" / "Scripts" / "python.exe")
    config = tmp_path / "Roaming" / "ComfyUI" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"basePath": str(base), "installState": "installed"}))
    programs = tmp_path / "Local" / "Programs" / "@comfyorgcomfyui-electron"
    folder = comfyui(programs / "resources" / "ComfyUI")
    env = {"APPDATA": str(tmp_path / "Roaming"), "LOCALAPPDATA": str(tmp_path / "Local")}
    assert found(tmp_path, "win32", **env) == (Install(Kind.DESKTOP, folder, own, "0.3.64", base),)


def test_comfy_clis_workspaces(tmp_path: Path) -> None:
    folder = comfyui(tmp_path / "somewhere" / "odd")
    config = tmp_path / "xdg" / "comfy-cli" / "config.ini"
    config.parent.mkdir(parents=True)
    config.write_text(f"[DEFAULT]\nrecent_workspace = {folder}\ndefault_workspace = /gone\n")
    (kind,) = {one.kind for one in found(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "xdg"))}
    assert kind is Kind.COMFY_CLI


def test_a_folder_that_cannot_be_looked_into_hides_no_other(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "comfy-cli" / "config.ini"
    config.parent.mkdir(parents=True)
    config.write_text(f"[DEFAULT]\ndefault_workspace = /{'x' * 5000}\n")
    folder = comfyui(tmp_path / "ComfyUI")
    assert [install.path for install in found(tmp_path)] == [folder]


def test_each_is_told_once_and_what_is_no_comfyui_not_at_all(tmp_path: Path) -> None:
    folder = comfyui(tmp_path / "ComfyUI")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "ComfyUI").symlink_to(folder)
    (tmp_path / "comfyui").mkdir(exist_ok=True)
    (tmp_path / "comfyui" / "main.py").write_text("")
    config = tmp_path / ".config" / "ComfyUI"
    config.mkdir(parents=True)
    (config / "config.json").write_text("[1, 2")
    assert found(tmp_path) == (Install(Kind.FOLDER, folder, None, "0.3.64"),)


def test_the_command_prints_what_it_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = comfyui(tmp_path / "there" / "ComfyUI")
    code, out, _ = run(monkeypatch, capsys, "comfyui", "detect", str(folder.parent), "--json")
    assert code == 0
    paths = [item["path"] for item in json.loads(out)["items"]]
    assert str(folder) in paths
    odd = run(monkeypatch, capsys, "comfyui", "detect", "~no-such-user", str(folder), "--json")
    assert [item["path"] for item in json.loads(odd[1])["items"]] == paths
    if not [path for path in paths if path != str(folder)]:  # this machine has none of its own
        code, out, _ = run(monkeypatch, capsys, "comfyui", "detect")
        assert code == 1
        assert "No ComfyUI was found" in out


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths are written for POSIX")
