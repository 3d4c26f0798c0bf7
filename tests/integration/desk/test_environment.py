"""What the processes that a desk starts get to see of its environment: none of its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.fakes.comfyui_folder import comfyui_folder
from tests.fakes.families import eventually
from tests.fakes.ngrok_program import fake_ngrok
from tests.harness.process import DeskProcess, desk_process

SECRET = "very-secret"
COOKIE = "JIGDESK_CHILD"
DEMO = "JIGDESK_DEMO_STEP_S"


def named(desk: DeskProcess, word: str) -> Iterator[psutil.Process]:
    """The processes below the desk that have the word on their command line."""
    for process in desk.family():
        try:
            if word in " ".join(process.cmdline()):
                yield process
        except psutil.NoSuchProcess:
            continue


@pytest.mark.parametrize("kind", ["demo", "managed"])
async def test_neither_the_engine_nor_ngroks_agent_gets_them(tmp_path: Path, kind: str) -> None:
    env = {
        "JIGDESK_TUNNEL__KIND": "ngrok",
        "JIGDESK_TUNNEL__NGROK_PATH": str(fake_ngrok(tmp_path / "bin")),
        "JIGDESK_TUNNEL__AUTHTOKEN": SECRET,
        "JIGDESK_PUBLISHER__SECRET": SECRET,
        "JIGDESK_STORE__ACCESS_KEY_ID": "id",
        "JIGDESK_STORE__SECRET_ACCESS_KEY": SECRET,
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "HF_TOKEN": "the owner's own",
        DEMO: "0.01",
    }
    if kind == "managed":
        env |= comfyui_folder(tmp_path / "ComfyUI")
    engine = "jigdesk.demo" if kind == "demo" else "main.py"
    (tmp_path / "credentials").mkdir()
    async with desk_process(tmp_path / "home", env) as (desk, _):
        # each is there twice: itself, and the launcher that watches over it
        for word in (engine, str(tmp_path / "bin" / "ngrok")):
            await eventually(lambda word=word: len(list(named(desk, word))) >= 2)
            for process in named(desk, word):
                given = process.environ()
                assert given["HF_TOKEN"] == "the owner's own"
                assert SECRET not in given.values()
                allowed = {COOKIE, DEMO} if kind == "demo" else {COOKIE}
                assert {name for name in given if name.startswith("JIGDESK_")} <= allowed
                assert "CREDENTIALS_DIRECTORY" not in given
