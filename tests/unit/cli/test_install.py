"""`jigdesk comfyui install`: what is told before anything is fetched or written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.comfy_cli import FakeComfyCli
from tests.unit.cli.test_cli import run

Refused = Callable[..., tuple[int, str]]


@pytest.fixture
def comfy_cli(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeComfyCli:
    monkeypatch.setenv("JIGDESK_HOME", str(home))
    return FakeComfyCli(home)


@pytest.fixture
def refused(
    comfy_cli: FakeComfyCli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    def ask(*args: str) -> tuple[int, str]:
        code, _, err = run(monkeypatch, capsys, "comfyui", "install", *args)
        assert comfy_cli.calls == []
        return code, " ".join(err.split())

    return ask


def test_a_folder_with_something_else_in_it(home: Path, refused: Refused) -> None:
    (home / "ComfyUI").mkdir()
    letter = home / "ComfyUI" / "letter.txt"
    letter.write_text("dear")
    code, said = refused("--cpu")
    assert (code, "is not empty, and no ComfyUI" in said) == (1, True)
    code, said = refused("--cpu", "--path", str(letter))
    assert (code, "is a file" in said) == (1, True)
    assert letter.read_text() == "dear"


def test_a_comfyui_that_is_there(home: Path, refused: Refused) -> None:
    code, said = refused("--cpu", "--restore")
    assert (code, "no ComfyUI in" in said) == (1, True)
    (home / "ComfyUI" / "comfy").mkdir(parents=True)
    for name in ("main.py", "nodes.py"):
        (home / "ComfyUI" / name).write_text("")
    code, said = refused("--cpu")
    assert (code, "already" in said, "--restore" in said) == (1, True, True)


def test_no_git(home: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    code, said = refused("--cpu")
    assert (code, "Install git" in said) == (1, True)


def test_no_room(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 3 * 1024**3})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    code, said = refused("--cpu")
    assert code == 1
    assert "has 3.0 GiB of room, and this takes up to 8 GiB" in said


def test_a_gpu_that_cannot_be(refused: Refused) -> None:
    code, said = refused("--cpu", "--nvidia")
    assert (code, "say one of" in said) == (2, True)
