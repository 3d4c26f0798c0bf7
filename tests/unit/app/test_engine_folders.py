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


def test_each_way_in_which_main_py_reads_an_argument_is_followed() -> None:
    args = ("--base-directory=/old", "--output-d", "out", "--base=/data")
    chosen = ComfyUISettings(kind="managed", path=COMFY, args=args)
    assert engine_folders(chosen, STATE) == (
        Path("/data/input/jigdesk"),
        COMFY / "out" / "jigdesk",  # it counts from the folder in which the engine is started
    )


def test_arguments_for_a_managed_one_say_nothing_of_the_demo_engine() -> None:
    chosen = ComfyUISettings(args=("--base-directory", "/data"))
    assert engine_folders(chosen, STATE)[0] == STATE / "input" / "jigdesk"


def test_a_remote_engines_are_not_ours() -> None:
    assert engine_folders(ComfyUISettings(kind="remote", url="http://h:1"), STATE) == ()
