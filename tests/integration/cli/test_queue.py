"""`jigdesk queue` against a desk that runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.process import desk_process

DRAINING = "draining: The owner lets the queue run empty.\n"


async def _jigdesk(home: Path, *args: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jigdesk", *args),
        env={**os.environ, "JIGDESK_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_queue_is_held_shown_and_released(tmp_path: Path) -> None:
    async with desk_process(tmp_path / "home") as (desk, browser):
        home = desk.home
        paused = await _jigdesk(home, "queue", "pause", "--reason", "A film.")
        assert paused == (0, "paused: A film.\n", "")
        job_id = await browser.submit(BLUR, {"photo.png": photo()})
        code, out, _ = await _jigdesk(home, "queue", "status", "--json")
        queue = json.loads(out)
        assert (code, queue["paused"], queue["accepting"]) == (0, "A film.", True)
        assert queue["holds"] == [
            {"by": "pause", "reason": "A film.", "until": None, "lifted": False}
        ]
        code, out, err = await _jigdesk(home, "queue", "status")
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == "state\tpaused: A film."
        assert "  pause holds: A film." in out.splitlines()
        # a list of jobs says why they wait, and in a pipe has jobs alone
        code, out, err = await _jigdesk(home, "jobs", "list")
        assert (code, err) == (0, "The queue is paused: A film.\n")
        assert out.startswith(job_id)
        assert len(out.splitlines()) == 1
        assert await _jigdesk(home, "queue", "resume") == (0, "running\n", "")
        assert (await browser.watch(job_id, 300))[-1].name == "job_done"
        assert await _jigdesk(home, "queue", "drain") == (0, DRAINING, "")
        code, out, _ = await _jigdesk(home, "queue", "status")
        assert "accepting\tFalse" in out.splitlines()
        assert await _jigdesk(home, "queue", "resume") == (0, "running\n", "")


async def test_the_end_of_a_hold_is_shown(tmp_path: Path) -> None:
    # all the week but an hour in the middle of Tuesday and one of Friday: one of them is far
    hours = ["mon,wed,thu,sat,sun 00:00-24:00", "tue,fri 00:00-11:00", "tue,fri 12:00-24:00"]
    env = {"JIGDESK_QUEUE__QUIET_HOURS": json.dumps(hours)}
    async with desk_process(tmp_path / "home", env) as (desk, _):
        code, out, _ = await _jigdesk(desk.home, "queue", "status", "--json")
        assert code == 0
        if not json.loads(out)["holds"]:
            return  # it is that hour
        code, out, _ = await _jigdesk(desk.home, "queue", "status")
        first = out.splitlines()[0]
        assert first.startswith("state\tpaused: Quiet hours until ")
        assert first.endswith(" 11:00)")
        code, out, _ = await _jigdesk(desk.home, "queue", "resume", "--json")
        queue = json.loads(out)
        assert (code, queue["paused"]) == (0, None)
        code, out, _ = await _jigdesk(desk.home, "queue", "status")
        assert out.startswith("state\trunning\n")
        assert "quiet_hours lifted" in out


async def test_without_a_desk_it_says_so(tmp_path: Path) -> None:
    code, out, err = await _jigdesk(tmp_path / "home", "queue", "status")
    assert (code, out) == (1, "")
    assert "No desk is running" in err
