"""How far an installation came, and what is moved out of its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.app.install.record import Begin, Unfinished, clear, look_at


@pytest.fixture
def unfinished(tmp_path: Path) -> Unfinished:
    return Unfinished(tmp_path / "state" / "installs.json")


def comfyui(folder: Path) -> Path:
    (folder / "comfy").mkdir(parents=True)
    for name in ("main.py", "nodes.py"):
        (folder / name).write_text("")
    return folder


def test_only_what_was_begun_here_is_gone_on_with(tmp_path: Path, unfinished: Unfinished) -> None:
    folder = tmp_path / "ComfyUI"
    assert look_at(folder, unfinished) is Begin.FRESH
    comfyui(folder)
    assert look_at(folder, unfinished) is Begin.THERE
    unfinished.note(folder)
    unfinished.note(tmp_path / "other")
    assert look_at(folder, unfinished) is Begin.HALF
    (folder / ".venv").mkdir()
    assert look_at(folder, unfinished) is Begin.GO_ON
    unfinished.forget(folder)
    assert unfinished.folders() == (tmp_path / "other",)
    assert look_at(folder, unfinished) is Begin.THERE


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "folders": []}', '{"version": 1}'])
def test_a_file_that_is_not_ours_says_nothing(unfinished: Unfinished, text: str) -> None:
    unfinished.file.parent.mkdir()
    unfinished.file.write_text(text)
    assert unfinished.folders() == ()


def test_a_half_clone_is_moved_and_an_empty_folder_goes(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "ComfyUI"
    assert clear(folder, Begin.FRESH) is None
    assert folder.parent.is_dir()
    folder.mkdir()
    assert clear(folder, Begin.FRESH) is None
    assert not folder.exists()
    for number in (1, 2):
        comfyui(folder)
        moved = clear(folder, Begin.HALF)
        assert moved == folder.with_name(f"ComfyUI.unfinished-{number}")
        assert (moved / "main.py").exists()
        assert not folder.exists()
