"""Seconds that are left: unknown at first, learned from runs, shown going down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness.browser import Heard, refine
from tests.harness.pictures import photo
from tests.integration.desk.conftest import Desk
from tests.integration.workflows.conftest import workflow_desk


def etas(heard: list[Heard]) -> list[float | None]:
    running = [one for one in heard if one.data.get("status") == "running"]
    return [one.data["eta_s"] for one in running]


async def queue(desk: Desk) -> dict[str, Any]:
    url = f"{desk.browser.local_url}/control/queue"
    headers = {"Authorization": f"Bearer {desk.core.control_token}"}
    async with desk.browser.http.get(url, headers=headers) as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def test_the_second_run_knows_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.2")
    async with workflow_desk(tmp_path / "home") as desk:
        first = await desk.browser.submit(refine(), {"photo.png": photo(seed=1)})
        # nothing is known of it, but that nothing is left once its last node has ended
        assert set(etas(await desk.browser.watch(first))) - {0.0} == {None}
        await desk.settled()
        took_s = desk.document(f"outputs/{first}/output.json")["timings"]["run_s"]
        assert took_s >= 2.4  # 12 steps of 0.2 s
        second = await desk.browser.submit(refine(), {"photo.png": photo(seed=2)})
        shown = [eta for eta in etas(await desk.browser.watch(second)) if eta is not None]
        assert len(shown) >= 3
        assert 2.4 <= shown[0] <= took_s + 0.1
        assert max(shown) == shown[0]
        assert shown[-1] < shown[0] / 2


async def test_the_queue_says_how_long_it_will_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.05")
    async with workflow_desk(tmp_path / "home") as desk:
        assert (await queue(desk))["wait_s"] == 0.0
        await desk.core.control.pause("so that jobs wait")
        job_id = await desk.browser.submit(refine(), {"photo.png": photo(seed=1)})
        await desk.browser.until(job_id, "queued")
        assert (await queue(desk))["wait_s"] is None  # it never ran before
        await desk.core.control.resume()
        await desk.browser.until(job_id, "completed")
        await desk.settled()
        took_s = desk.document(f"outputs/{job_id}/output.json")["timings"]["run_s"]
        await desk.core.control.pause("so that jobs wait")
        waits = []
        for seed in (2, 3):
            job_id = await desk.browser.submit(refine(), {"photo.png": photo(seed=seed)})
            await desk.browser.until(job_id, "queued")
            waits.append((await queue(desk))["wait_s"])
        assert 0.6 <= waits[0] <= took_s + 0.1  # 12 steps of 0.05 s
        assert waits[1] == pytest.approx(2 * waits[0], abs=0.11)
