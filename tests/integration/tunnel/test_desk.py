"""A whole desk behind a tunnel: what registers, what the Lambdas find, what a stranger costs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner
from jigdesk.domain.check import Check
from lambdas.common.delivery import Desks
from lambdas.common.sender import HttpWebhookSender
from tests.fakes.families import ROOT, eventually
from tests.fakes.ngrok_program import fake_ngrok, tell
from tests.harness.ports import free_port
from tests.harness.process import desk_process
from tests.harness.waiting import PATIENCE_S
from tests.harness.webhooks import created, send
from tests.integration.desk.conftest import Desk, running_desk
from tests.integration.tunnel.test_ngrok import somebodys_agent
from tests.realparts.ngrok_agent import ngrok_without_network

WITHIN_S = 20.0
"""Two seconds on a machine that is awake; the next registration by itself would take 30.

It is no tighter because the two seconds are those of the fake agent and the disk too: what bounds
them in the desk is tested with its own waits in test_ngrok.py.
"""


@asynccontextmanager
async def behind_ngrok(tmp_path: Path, **env: str) -> AsyncIterator[tuple[Desk, Path]]:
    """A desk with the fake agent; yields it and the agent's configuration, and waits for a URL."""
    chosen = {
        "JIGDESK_TUNNEL__KIND": "ngrok",
        "JIGDESK_TUNNEL__AUTHTOKEN": "2abcDEFghiJKLmnoPQRstu",
        "JIGDESK_TUNNEL__NGROK_PATH": str(fake_ngrok(tmp_path / "bin")),
    }
    async with running_desk(tmp_path / "home", **chosen, **env) as desk:
        await eventually(lambda: desk.core.tunnel.public_url)
        yield desk, tmp_path / "home" / "state" / "ngrok.yml"


def registered(desk: Desk) -> str | None:
    """What the Lambdas read from the bucket."""
    try:
        host = desk.document(f"hosts/{desk.core.host_id}.json")
    except FileNotFoundError:
        return None
    return host["webhook_url"] and str(host["webhook_url"])


async def another_registered(desk: Desk, than: str | None) -> None:
    await eventually(lambda: registered(desk) not in (None, than), WITHIN_S)


async def tunnel_check(desk: Desk) -> Check:
    return next(check for check in await desk.core.control.health() if check.name == "tunnel")


async def reaches(desk: Desk, verdict: str) -> None:
    await eventually(lambda: desk.core.tunnel.view()["reaches"] == verdict)


async def test_the_lambdas_find_the_desk_through_its_registration(tmp_path: Path) -> None:
    async with behind_ngrok(tmp_path) as (desk, _):
        await eventually(lambda: registered(desk) == desk.core.tunnel.public_url, WITHIN_S)
        secret = (desk.home / "state" / "webhook.secret").read_text().strip()
        bucket = LocalStore(desk.home / "store", "jig-react", UrlSigner(b"k" * 32), lambda: "")
        lambdas = Desks(bucket, HttpWebhookSender(secret), fallback_url="http://127.0.0.1:9")
        urls = await asyncio.to_thread(lambdas.for_new_job)
        assert urls == (desk.core.tunnel.public_url,)
        job_id = str(uuid.uuid4())
        answer = await asyncio.to_thread(
            lambdas.deliver, urls, "job-created", f"msg_{job_id}", created(job_id)
        )
        assert answer.url == desk.core.tunnel.public_url
        assert answer.reply["job_id"] == job_id
        workflows = desk.document(f"hosts/{desk.core.host_id}/workflows.json")["workflows"]
        assert {"blur", "refine"} <= {one["name"] for one in workflows}
        host = desk.core.host_id
    assert not (desk.bucket / "hosts" / f"{host}.json").exists()  # a clean stop leaves
    assert (desk.bucket / "hosts" / host / "workflows.json").exists()  # what it offered stays
    assert await asyncio.to_thread(lambdas.for_new_job) == ("http://127.0.0.1:9",)


async def test_a_changed_url_is_registered_at_once(tmp_path: Path) -> None:
    async with behind_ngrok(tmp_path) as (desk, agent):
        first = desk.core.tunnel.public_url
        await eventually(lambda: registered(desk) == first, WITHIN_S)
        for _ in range(3):
            await asyncio.to_thread(tell, agent, "url")
            await another_registered(desk, first)
            assert registered(desk) == desk.core.tunnel.public_url
            first = registered(desk)


async def test_a_changed_url_of_an_adopted_agent_is_registered_at_once(tmp_path: Path) -> None:
    port = free_port()
    env = {
        "JIGDESK_TUNNEL__KIND": "ngrok",
        "JIGDESK_TUNNEL__NGROK_PATH": str(fake_ngrok(tmp_path / "bin", refusal="ERR_NGROK_108")),
        "JIGDESK_SERVER__PUBLIC_PORT": str(port),
    }
    async with (
        somebodys_agent(tmp_path, port) as (pid, theirs),
        running_desk(tmp_path / "home", **env) as desk,
    ):
        await eventually(lambda: registered(desk))
        assert (desk.core.tunnel.state.adopted, desk.core.tunnel.state.pid) == (True, pid)
        first = registered(desk)
        for _ in range(2):
            await asyncio.to_thread(tell, theirs, "url")
            await another_registered(desk, first)
            first = registered(desk)
            assert first == desk.core.tunnel.public_url


async def test_a_lost_session_takes_the_url_back_and_returns_it(tmp_path: Path) -> None:
    async with behind_ngrok(tmp_path) as (desk, agent):
        first = desk.core.tunnel.public_url
        await eventually(lambda: registered(desk) == first, WITHIN_S)
        await asyncio.to_thread(tell, agent, "drop")
        await eventually(lambda: registered(desk) is None, WITHIN_S)
        assert (await tunnel_check(desk)).level == "warning"
        await asyncio.to_thread(tell, agent, "back")
        await eventually(lambda: registered(desk) == first, WITHIN_S)


async def test_the_url_is_proved_and_few_requests_are_spent_on_it(tmp_path: Path) -> None:
    async with behind_ngrok(tmp_path) as (desk, agent):
        await reaches(desk, "ours")
        check = await tunnel_check(desk)
        assert check.level == "ok"
        assert "reaches this desk" in check.message
        spent = (await asyncio.to_thread(tell, agent, "state"))["requests"]
        assert spent == 1
        desk.core.tunnel.woke("a test")
        await eventually(lambda: tell(agent, "state")["requests"] == 2)
        await reaches(desk, "ours")


async def test_another_desks_answer_is_noticed(tmp_path: Path) -> None:
    async with (
        behind_ngrok(tmp_path) as (desk, agent),
        running_desk(tmp_path / "other") as other,
    ):
        await eventually(lambda: registered(desk), WITHIN_S)
        port = other.core.listeners.public.port
        await asyncio.to_thread(tell, agent, "target", port=port)
        await asyncio.to_thread(tell, agent, "url")
        await reaches(desk, "stranger")
        await eventually(lambda: registered(desk) is None, WITHIN_S)
        check = await tunnel_check(desk)
        assert check.level == "error"
        assert "reaches another desk" in check.message
        # the address is ours again: it is proved before it is told
        port = desk.core.listeners.public.port
        await asyncio.to_thread(tell, agent, "target", port=port)
        desk.core.tunnel.woke("a test")
        await reaches(desk, "ours")
        await eventually(lambda: registered(desk) == desk.core.tunnel.public_url, WITHIN_S)


@asynccontextmanager
async def site(status: int, text: str) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "verdict", "level"),
    [(200, "stranger", "error"), (404, "stranger", "error"), (502, "unreachable", "warning")],
)
async def test_a_static_address_is_proved_too(
    tmp_path: Path, status: int, verdict: str, level: str
) -> None:
    async with site(status, '{"status": "ok"}') as url:
        env = {"JIGDESK_TUNNEL__KIND": "static", "JIGDESK_TUNNEL__PUBLIC_URL": url}
        async with running_desk(tmp_path / "home", **env) as desk:
            await reaches(desk, verdict)
            assert (await tunnel_check(desk)).level == level
            # what does not answer now may do so for the Lambdas; a stranger gets nothing
            expected = url if verdict == "unreachable" else None
            assert desk.core.tunnel.public_url == expected


async def test_without_a_tunnel_nothing_is_wrong(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home") as desk:
        assert (await tunnel_check(desk)).level == "ok"
        await eventually((desk.bucket / f"hosts/{desk.core.host_id}.json").is_file)
        assert registered(desk) is None


REAL = """
import asyncio, json, os, pathlib, sys
import aiohttp
sys.path.insert(0, sys.argv[1])
from tests.integration.tunnel.test_desk import without_network
asyncio.run(without_network(pathlib.Path(sys.argv[2]), sys.argv[3]))
"""


async def without_network(home: Path, program: str) -> None:
    """Run by the test below where there is no network but loopback."""
    env = {
        "JIGDESK_TUNNEL__KIND": "ngrok",
        "JIGDESK_TUNNEL__AUTHTOKEN": "2abcDEFghiJKLmnoPQRstu",
        "JIGDESK_TUNNEL__NGROK_PATH": program,
    }
    async with desk_process(home, env) as (process, browser):
        token = (home / "state" / "control.token").read_text().strip()
        secret = (home / "state" / "webhook.secret").read_text().strip()
        public = json.loads((home / "state" / "listeners.json").read_text())["public_url"]
        found: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_S):
            while found.get("level") != "error":
                headers = {"Authorization": f"Bearer {token}"}
                url = f"{process.local_url}/control/health"
                async with browser.http.get(url, headers=headers) as answer:
                    checks = (await answer.json())["checks"]
                found = next(check for check in checks if check["name"] == "tunnel")
                # webhooks on loopback go on all the while
                status, _ = await send(
                    browser.http, public, secret, "job-created", created(str(uuid.uuid4()))
                )
                assert status == 202
                await asyncio.sleep(0.2)
        sys.stdout.write(json.dumps(found) + "\n")


@pytest.mark.realparts
@pytest.mark.slow
async def test_the_real_agent_without_a_network_says_so_and_webhooks_go_on(
    tmp_path: Path,
) -> None:
    program = ngrok_without_network()
    inside = f'ip link set lo up; exec "{sys.executable}" -c "$0" "$@"'
    run = await asyncio.create_subprocess_exec(
        *("unshare", "-n", "sh", "-c", inside, REAL, str(ROOT), str(tmp_path / "h"), str(program)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(2 * PATIENCE_S):
        out, err = await run.communicate()
    assert run.returncode == 0, err.decode()[-2000:]
    found = json.loads(out.splitlines()[-1])
    assert found["message"] == "ngrok's servers cannot be reached from this machine."
    assert "network" in found["remedy"]
