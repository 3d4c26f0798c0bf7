"""A disk that fills up: webhooks are refused before it is full, and taken when there is room."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from jigdesk.adapters.process.child import ChildProcess
from jigdesk.domain.engine import EngineFile
from jigdesk.domain.errors import DiskFull
from jigdesk.ports import FileDigest
from tests.fakes.families import eventually, script
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


async def test_a_job_whose_result_has_no_room_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_desk(tmp_path / "home") as desk:
        client, no_room = desk.core.engine.client, [DiskFull("jobs"), DiskFull("jobs")]
        fetch = client.download

        async def download(file: EngineFile, path: Path, max_bytes: int) -> FileDigest:
            if no_room:
                raise no_room.pop()
            return await fetch(file, path, max_bytes)

        monkeypatch.setattr(client, "download", download)
        job_id = await desk.browser.submit(BLUR, {"photo.png": photo()})
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        job = await desk.core.journal.job(job_id)
        assert job is not None
        assert (job.attempt, no_room) == (1, [])


async def test_the_engines_folders_of_a_managed_one_are_known(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(BLUR, {"photo.png": photo()})
        await desk.browser.watch(job_id)
        engine = tmp_path / "home" / "state" / "engine"
        # what housekeeping cleans is where the engine really put the job's files
        assert any(path.is_file() for path in (engine / "input" / "jigdesk").rglob("*"))
        assert (engine / "output" / "jigdesk" / job_id).is_dir()


async def test_the_engines_log_goes_on_when_there_is_room_again(small_disk: Path) -> None:
    fill, log = small_disk / "movie.bin", small_disk / "engine.log"
    with fill.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(65536)):
            pass
    numbers = "import time\nfor n in range(10**6): print(n, flush=True); time.sleep(0.01)"
    child = await ChildProcess.start(script(numbers), log_path=log)
    try:
        await eventually(lambda: "No space left" in (child.log_error or ""))
        fill.unlink()
        await eventually(lambda: child.log_error is None)
    finally:
        await child.stop()
    assert child.log_error is None
    lines = [line.split(" ", 1)[1] for line in log.read_text().splitlines()]
    assert lines[-1] == child.last_lines()[-1]
    (note,) = (line for line in lines if not line.isdigit())
    assert "lines were dropped here: [Errno 28] No space left on device" in note


async def test_a_log_that_cannot_be_written_is_a_warning_until_it_can(tmp_path: Path) -> None:
    in_the_way = tmp_path / "home" / "logs" / "engine.log"
    in_the_way.mkdir(parents=True)
    async with running_desk(tmp_path / "home") as desk:
        await desk.core.engine.ready()
        supervisor = desk.core.engine.supervisor
        assert supervisor is not None
        await eventually(lambda: supervisor.log_error)
        await eventually(lambda: desk.core.engine.client.connected)
        check = next(one for one in await desk.core.control.health() if one.name == "engine")
        assert check.level == "warning"
        assert "its log cannot be written: [Errno 21] Is a directory" in check.message
        in_the_way.rmdir()
        # nothing more is printed, and it is tried again all the same
        await eventually(lambda: supervisor.log_error is None)
        check = next(one for one in await desk.core.control.health() if one.name == "engine")
        assert check.level == "ok"
    assert "dropped here: [Errno 21] Is a directory" in in_the_way.read_text()
