"""An engine that hangs: its process lives, its port is open, and nothing answers any more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.fakes.comfyui_folder import starts_of
from tests.fakes.families import eventually
from tests.harness.browser import BLUR, refine
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.desk.conftest import Desk
from tests.integration.engine.test_managed import (
    STALLS,
    attempts,
    control,
    engine_check,
    managed,
    running_node,
)

FILES = {"photo.png": photo()}


def freeze(desk: Desk) -> int:
    """Stop the engine's process as it is; returns its pid."""
    supervisor = desk.core.engine.supervisor
    assert supervisor is not None
    assert supervisor.state.pid is not None
    os.kill(supervisor.state.pid, signal.SIGSTOP)
    return supervisor.state.pid


async def test_one_that_freezes_in_mid_job_is_restarted_and_costs_an_attempt(
    tmp_path: Path,
) -> None:
    async with managed(tmp_path, ("--step-seconds", "0.5"), **STALLS) as (desk, folder):
        job_id = await desk.browser.submit(refine(40), FILES)
        await running_node(desk, job_id)()
        freeze(desk)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        assert await attempts(desk, job_id) == [1, 2]
        assert len(starts_of(folder)) == 2


async def test_one_that_freezes_while_idle_is_restarted_and_says_so_before(tmp_path: Path) -> None:
    stalls = {"JIGDESK_COMFYUI__STALL_TIMEOUT_S": "12"}
    async with managed(tmp_path, **stalls) as (desk, folder):
        await desk.core.engine.ready()
        supervisor = desk.core.engine.supervisor
        assert supervisor is not None
        pid = freeze(desk)
        await eventually(lambda: supervisor.state.reason)
        check = await engine_check(desk)
        assert check.level == "warning"
        assert "ComfyUI has answered nothing for" in check.message
        assert "though its process runs: after 12 s it is restarted" in check.message
        _, shown = await control(desk, "GET", "/comfyui")
        assert (shown["status"], shown["pid"]) == ("ready", pid)
        assert "after 12 s it is restarted" in shown["reason"]
        await eventually(lambda: supervisor.state.restarts == 1)
        await supervisor.wait_ready(PATIENCE_S)
        job_id = await desk.browser.submit(BLUR, FILES)
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        assert len(starts_of(folder)) == 2
        _, shown = await control(desk, "GET", "/comfyui")
        assert "It hung: its process ran and answered nothing for 12 s" in shown["last_exit"]
