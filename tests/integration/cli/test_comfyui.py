"""`jigdesk comfyui` against a desk that runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.harness.process import desk_process


async def _jigdesk(home: Path, *args: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jigdesk", *args),
        env={**os.environ, "JIGDESK_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_the_engine_is_shown_and_moved(tmp_path: Path) -> None:
    async with desk_process(tmp_path / "home") as (desk, _):
        code, out = await _jigdesk(desk.home, "comfyui", "status", "--json")
        state = json.loads(out)
        assert (code, state["kind"]) == (0, "demo")
        assert await _jigdesk(desk.home, "comfyui", "stop") == (0, "stopped\n")
        code, out = await _jigdesk(desk.home, "comfyui", "free")
        assert code == 1
        assert await _jigdesk(desk.home, "comfyui", "start") == (0, "starting\n")
        code, out = await _jigdesk(desk.home, "comfyui", "status")
        assert code == 0
        assert "demo" in out
