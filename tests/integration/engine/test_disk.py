"""A disk that fills up: webhooks are refused before it is full, and taken when there is room."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.families import eventually
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.webhooks import created, send
from tests.integration.desk.conftest import Desk, running_desk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    yield folder
    umount = ["umount", "--lazy", str(folder)]
    subprocess.run(umount, check=True)


async def webhook(desk: Desk) -> int:
    secret = (desk.home / "state" / "webhook.secret").read_text().strip()
    body = created(str(uuid.uuid4()))
    url = desk.core.public_url_local
    status, _ = await send(desk.browser.http, url, secret, "job-created", body)
    return status


async def test_intake_stops_before_the_disk_is_full_and_goes_on(small_disk: Path) -> None:
    async with running_desk(small_disk / "home") as desk:
        assert await webhook(desk) == 202
        fill = small_disk / "movie.bin"
        left = shutil.disk_usage(small_disk).free - 2 * 1024**2
        await asyncio.to_thread(fill.write_bytes, bytes(left))
        await eventually(desk.core.work.intake.refusals)
        assert await webhook(desk) == 503
        async with desk.browser.http.get(f"{desk.core.public_url_local}/readyz") as answer:
            assert answer.status == 503
            assert "disk is nearly full" in (await answer.json())["reasons"][0]
        host = f"hosts/{desk.core.host_id}.json"
        await eventually(lambda: desk.document(host)["accepting"] is False)
        check = next(one for one in await desk.core.control.health() if one.name == "disk")
        assert check.level == "error"
        fill.unlink()
        await eventually(lambda: not desk.core.work.intake.refusals())
        assert await webhook(desk) == 202
        job_id = await desk.browser.submit(BLUR, {"photo.png": photo()})
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"


async def test_the_engines_folders_of_a_managed_one_are_known(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(BLUR, {"photo.png": photo()})
        await desk.browser.watch(job_id)
        engine = tmp_path / "home" / "state" / "engine"
        # what housekeeping cleans is where the engine really put the job's files
        assert any(path.is_file() for path in (engine / "input" / "jigdesk").rglob("*"))
        assert (engine / "output" / "jigdesk" / job_id).is_dir()
