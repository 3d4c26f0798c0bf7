"""The unit that ships, in a real user manager: start, stop, crash, bad settings, credentials."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from jigdesk.resources import assets_dir
from tests.harness.browser import Browser, refine
from tests.harness.pictures import photo
from tests.harness.serving import SLOW_STEPS
from tests.harness.user_manager import ROOT, NoManager, UserManager, user_manager
from tests.harness.waiting import eventually
from tests.harness.webhooks import created, send

pytestmark = [pytest.mark.slow]

SHIPPED = assets_dir() / "systemd" / "jigdesk.service"
UNIT = "jigdesk.service"


@dataclass
class Service:
    """The unit, installed as docs/host.md says, with a JIGDESK_HOME below the user's home."""

    manager: UserManager
    folder: Path
    http: aiohttp.ClientSession

    async def set(self, *lines: str) -> None:
        """A drop-in with these lines in [Service], as `systemctl edit` makes it."""
        known = {
            "JIGDESK_HOME": str(self.folder),
            "JIGDESK_COMFYUI__PORT": "0",
            "JIGDESK_SERVER__PUBLIC_PORT": "0",
            "JIGDESK_SERVER__LOCAL_PORT": "0",
            **SLOW_STEPS,
        }
        environment = [f"Environment={name}={text}" for name, text in known.items()]
        drop_in = self.manager.home / ".config/systemd/user" / f"{UNIT}.d" / "override.conf"
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text("\n".join(["[Service]", *environment, *lines, ""]))
        await self.manager.systemctl("daemon-reload")

    async def state(self) -> dict[str, str]:
        return await self.manager.show(UNIT)

    async def ready(self, not_pid: str = "0") -> dict[str, str]:
        """Wait until the desk of another main process than this one answers."""
        path = self.folder / "state" / "listeners.json"
        while (found := await self.state())["MainPID"] in ("0", not_pid):
            assert found["ActiveState"] != "failed", found
        await eventually(lambda: json.loads(path.read_text())["pid"] == int(found["MainPID"]))
        async with self.http.get(f"{self.url('public_url')}/readyz") as answer:
            assert answer.status == 200
        return await self.state()

    def url(self, name: str) -> str:
        document = json.loads((self.folder / "state" / "listeners.json").read_text())
        return str(document[name])


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    try:
        async with user_manager() as manager, aiohttp.ClientSession() as http:
            home = manager.home
            program = home / ".local" / "bin" / "jigdesk"
            program.parent.mkdir(parents=True)
            program.write_text(
                f'#!/bin/sh\nexec env PYTHONPATH="{ROOT}" "{sys.executable}" -m jigdesk "$@"\n'
            )
            program.chmod(0o755)
            shutil.copy(SHIPPED, home / ".config" / "systemd" / "user" / UNIT)
            found = Service(manager, home / "desk", http)
            await found.set()
            yield found
    except NoManager as why:
        pytest.skip(f"no user manager can be started here: {why}")


async def test_systemd_finds_nothing_wrong_with_it(service: Service) -> None:
    said = await service.manager.run("systemd-analyze", "verify", "--user", UNIT)
    assert said == ""


async def test_a_stop_checkpoints_the_running_job_and_the_next_start_goes_on_with_it(
    service: Service,
) -> None:
    await service.manager.systemctl("enable", "--now", UNIT)
    state = await service.ready()
    assert (state["UnitFileState"], state["OOMPolicy"]) == ("enabled", "continue")
    assert (service.folder / "state").stat().st_mode & 0o077 == 0
    browser = Browser(service.http, service.url("local_url"))
    job_id = await browser.submit(refine(100), {"photo.png": photo()})
    await browser.until(job_id, "running")
    await service.manager.systemctl("stop", UNIT)
    state = await service.state()
    # not "timeout": it ended by itself, and left nothing behind that had to be killed
    assert (state["ActiveState"], state["Result"], state["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
    await service.manager.systemctl("start", UNIT)
    await service.ready()
    browser = Browser(service.http, service.url("local_url"))
    job = await browser.until(job_id, "running")
    assert job["attempt"] == 1


async def test_a_crash_is_answered_by_a_restart(service: Service) -> None:
    await service.manager.systemctl("start", UNIT)
    first = await service.ready()
    assert first["NRestarts"] == "0"
    await service.manager.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", UNIT)
    second = await service.ready(not_pid=first["MainPID"])
    assert second["NRestarts"] == "1"
    waited_us = int(second["ExecMainStartTimestampMonotonic"]) - int(
        first["ActiveEnterTimestampMonotonic"]
    )
    assert waited_us >= 5_000_000


async def test_settings_that_cannot_work_are_not_tried_again(service: Service) -> None:
    await service.set("Environment=JIGDESK_QUEUE__CONCURRENCY=0")
    await service.manager.systemctl("start", "--no-block", UNIT)
    while (state := await service.state())["ActiveState"] != "failed":
        assert state["SubState"] != "auto-restart"
    assert (state["Result"], state["ExecMainStatus"], state["NRestarts"]) == ("exit-code", "2", "0")


async def test_a_credential_reaches_the_desk(service: Service) -> None:
    secret = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0" * 2
    source = service.manager.home / "webhook-secret"
    source.touch(mode=0o600)
    source.write_text(secret)
    await service.set(f"LoadCredential=server__webhook_secret:{source}")
    await service.manager.systemctl("start", UNIT)
    await service.ready()
    body = created(str(uuid.uuid4()))
    status, _ = await send(service.http, service.url("public_url"), secret, "job-created", body)
    assert status == 202
    drawn = sorted((service.folder / "state").glob("*.secret"))
    assert drawn == []  # none was drawn: it took the one that it was handed
