"""Which of an engine's folders the desk may clean: those that only it fills."""

from __future__ import annotations

from pathlib import Path

from jigdesk.app.engine import engine_folders
from jigdesk.settings import ComfyUISettings

STATE = Path("/home/me/state/engine")
COMFY = Path("/opt/ComfyUI")


def test_the_demo_engines_lie_in_the_state_folder() -> None:
    assert engine_folders(ComfyUISettings(), STATE) == (
        STATE / "input" / "jigdesk",
        STATE / "output" / "jigdesk",
    )


def test_a_managed_ones_follow_its_arguments() -> None:
    plain = ComfyUISettings(kind="managed", path=COMFY)
    assert engine_folders(plain, STATE) == (
        COMFY / "input" / "jigdesk",
        COMFY / "output" / "jigdesk",
    )
    args = ("--base-directory", "/data", "--output-directory", "/big/out")
    moved = ComfyUISettings(kind="managed", path=COMFY, args=args)
    assert engine_folders(moved, STATE) == (
        Path("/data/input/jigdesk"),
        Path("/big/out/jigdesk"),
    )


def test_a_remote_engines_are_not_ours() -> None:
    assert engine_folders(ComfyUISettings(kind="remote", url="http://h:1"), STATE) == ()
