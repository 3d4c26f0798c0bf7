"""The ngrok tunnel with the fake agent: a real process that relays on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web

from jigdesk.adapters.process.orphans import ChildRecord, write_record
from jigdesk.adapters.tunnel.ngrok import NgrokTimes, NgrokTunnel
from jigdesk.adapters.tunnel.ngrok_agent import AgentSettings
from jigdesk.adapters.tunnel.state import TunnelState, TunnelStatus
from tests.fakes.families import ROOT, eventually, living
from tests.fakes.ngrok_program import fake_ngrok, tell
from tests.harness.waiting import PATIENCE_S
from tests.realparts.ngrok_agent import ngrok_without_network

TOKEN = "2abcDEFghiJKLmnoPQRstu_3vwxYZ"
QUICK = NgrokTimes(
    connect_s=PATIENCE_S,
    lost_s=PATIENCE_S,
    look_s=0.2,
    retry_s=0.1,
    first_backoff_s=0.05,
    max_backoff_s=0.1,
)


@asynccontextmanager
async def listener() -> AsyncIterator[int]:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(
    settings: AgentSettings, times: NgrokTimes = QUICK
) -> AsyncIterator[tuple[NgrokTunnel, list[TunnelState]]]:
    tunnel = NgrokTunnel(settings, times)
    states: list[TunnelState] = []
    tunnel.subscribe(states.append)
    task = asyncio.create_task(tunnel.run())
    try:
        yield tunnel, states
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


@asynccontextmanager
async def tunnelled(
    tmp_path: Path, told: dict[str, Any] | None = None, times: NgrokTimes = QUICK, **more: Any
) -> AsyncIterator[tuple[NgrokTunnel, list[TunnelState], AgentSettings]]:
    program = fake_ngrok(tmp_path / "bin", **(told or {}))
    async with listener() as port:
        settings = AgentSettings(port, tmp_path / "ngrok.yml", TOKEN, program=program, **more)
        async with running(settings, times) as (tunnel, states):
            yield tunnel, states, settings


async def up(tunnel: NgrokTunnel) -> str:
    await eventually(lambda: tunnel.public_url)
    assert tunnel.public_url is not None
    return tunnel.public_url


async def fetched(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return await answer.text()


@pytest.mark.parametrize("version", [2, 3])
async def test_it_connects_relays_and_ends_with_its_owner(tmp_path: Path, version: int) -> None:
    more = {"domain": "desk.example.com", "region": "eu"}
    async with tunnelled(tmp_path, {"version": version}, **more) as (tunnel, _, settings):
        url = await up(tunnel)
        assert await fetched(url) == "hello"
        said = await asyncio.to_thread(tell, settings.config_file, "state")
        asked, config = said["tunnel"]["asked"], said["config"]
        assert config["authtoken"] == TOKEN
        assert config["region"] == "eu"
        name = "hostname" if version == 2 else "domain"
        assert asked[name] == "desk.example.com"
        assert asked["bind_tls"] if version == 2 else asked["schemes"] == ["https"]
        assert asked["inspect"] is False
        pid = tunnel.state.pid
        assert pid is not None
        assert living([pid]) == [pid]
    assert living([pid]) == []
    assert tunnel.public_url is None


async def test_the_token_is_in_a_private_file_and_on_no_command_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with tunnelled(tmp_path) as (tunnel, _, settings):
        await up(tunnel)
        assert stat.S_IMODE(settings.config_file.stat().st_mode) == 0o600
        mine = psutil.Process().children(recursive=True)
        assert mine
        assert not any(TOKEN in " ".join(process.cmdline()) for process in mine)
    assert TOKEN not in caplog.text


async def test_a_changed_url_is_known_at_once(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as (tunnel, _, settings):
        first = await up(tunnel)
        await asyncio.to_thread(tell, settings.config_file, "url")
        await eventually(lambda: tunnel.public_url not in (None, first))
        assert await fetched(await up(tunnel)) == "hello"


async def test_a_lost_session_that_comes_back(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as (tunnel, states, settings):
        url = await up(tunnel)
        pid = tunnel.state.pid
        await asyncio.to_thread(tell, settings.config_file, "drop")
        await eventually(lambda: tunnel.public_url is None)
        assert states[-1].status is TunnelStatus.CONNECTING
        await asyncio.to_thread(tell, settings.config_file, "back")
        assert await up(tunnel) == url
        assert tunnel.state.pid == pid


async def test_a_session_that_stays_lost_is_begun_anew(tmp_path: Path) -> None:
    async with tunnelled(tmp_path, times=replace(QUICK, lost_s=1)) as (tunnel, _, settings):
        first = await up(tunnel)
        pid = tunnel.state.pid
        await asyncio.to_thread(tell, settings.config_file, "drop")
        await eventually(lambda: tunnel.public_url not in (None, first))
        assert tunnel.state.pid != pid


async def test_a_killed_agent_is_started_again(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as (tunnel, states, _):
        first = await up(tunnel)
        assert tunnel.state.pid is not None
        os.kill(tunnel.state.pid, signal.SIGKILL)
        await eventually(lambda: tunnel.public_url not in (None, first))
        assert any("SIGKILL" in (state.reason or "") for state in states)


async def test_it_is_begun_anew_when_its_url_leads_nowhere(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as (tunnel, states, _):
        first = await up(tunnel)
        tunnel.renew("It did not answer.")
        await eventually(lambda: tunnel.public_url not in (None, first))
        assert any(state.reason == "It did not answer." for state in states)


REFUSALS = {
    "ERR_NGROK_105": (
        "The authtoken you specified does not look like a proper ngrok tunnel authtoken."
        f"\nYour authtoken: {TOKEN}\n\nERR_NGROK_105\n"
    ),
    "ERR_NGROK_108": (
        "Your account is limited to 1 simultaneous ngrok agent sessions.\n\nERR_NGROK_108\n"
    ),
    "ERR_NGROK_9999": f"A new reason, with {TOKEN} in it. ERR_NGROK_9999",
}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("code", list(REFUSALS))
async def test_a_refusal_is_a_sentence_with_a_remedy(
    tmp_path: Path, code: str, version: int
) -> None:
    told = {"version": version, "refusal": REFUSALS[code]}
    async with tunnelled(tmp_path, told) as (tunnel, states, _):
        await eventually(lambda: tunnel.state.status is TunnelStatus.DOWN)
        state = tunnel.state
        assert code in (state.reason or "")
        assert state.remedy
        assert TOKEN not in f"{states}"
        # it is not tried over and over, but a change of the network is worth another try
        fake_ngrok(tmp_path / "bin", version=version)
        tunnel.look_again()
        await up(tunnel)


TAKEN = {
    "ERR_NGROK_108": {"refusal": REFUSALS["ERR_NGROK_108"]},
    "ERR_NGROK_334": {
        "api_refusal": "The endpoint https://desk.example.com is already online. ERR_NGROK_334"
    },
}
"""What ngrok says while it still counts a session that broke off."""


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("code", list(TAKEN))
async def test_a_place_that_a_lost_session_of_our_own_takes_is_tried_again_soon(
    tmp_path: Path, code: str, version: int
) -> None:
    times = replace(QUICK, lasting_s=10 * PATIENCE_S)
    async with tunnelled(tmp_path, {"version": version}, times) as (tunnel, _, _settings):
        await up(tunnel)
        fake_ngrok(tmp_path / "bin", version=version, **TAKEN[code])
        tunnel.renew("It did not answer.")
        await eventually(lambda: code in (tunnel.state.reason or ""))
        await eventually(lambda: "still count" in (tunnel.state.remedy or ""))
        fake_ngrok(tmp_path / "bin", version=version)
        await up(tunnel)  # by itself, long before a failure that lasts is tried again


async def test_a_desk_that_was_killed_finds_its_own_session_counted(tmp_path: Path) -> None:
    gone = ChildRecord(2**22 + 1, 1.0, 1, ("ngrok",), "no such cookie")
    write_record(tmp_path / "ngrok.agent.json", gone)
    times = replace(QUICK, lasting_s=10 * PATIENCE_S)
    async with tunnelled(tmp_path, TAKEN["ERR_NGROK_108"], times) as (tunnel, _, _settings):
        await eventually(lambda: "still count" in (tunnel.state.remedy or ""))
        fake_ngrok(tmp_path / "bin")
        await up(tunnel)


async def test_a_place_that_stays_taken_is_somebody_elses(tmp_path: Path) -> None:
    times = replace(QUICK, ghost_s=0.5, lasting_s=2.0)
    async with tunnelled(tmp_path, None, times) as (tunnel, states, _settings):
        await up(tunnel)
        fake_ngrok(tmp_path / "bin", **TAKEN["ERR_NGROK_108"])
        tunnel.renew("It did not answer.")
        tried_s: list[tuple[float, TunnelState]] = []
        tunnel.subscribe(lambda state: tried_s.append((time.monotonic(), state)))

        def given_up() -> list[float]:
            """When it was said that another agent has the place, and when it tried after that."""
            for number, (_, state) in enumerate(tried_s):
                if (state.remedy or "").startswith("End the other agent"):
                    return [at_s for at_s, _ in tried_s[number : number + 2]]
            return []

        await eventually(lambda: len(given_up()) == 2)
        said_s, next_s = given_up()
        assert next_s - said_s > 0.9 * times.lasting_s
        assert any("ERR_NGROK_108" in (state.reason or "") for state in states)


async def test_a_domain_of_somebody_else_is_said(tmp_path: Path) -> None:
    refusal = "failed to start tunnel: The domain is reserved for another account.\n\nERR_NGROK_320"
    async with tunnelled(tmp_path, {"api_refusal": refusal}) as (tunnel, _, _settings):
        await eventually(lambda: tunnel.state.status is TunnelStatus.DOWN)
        assert "ERR_NGROK_320" in (tunnel.state.reason or "")
        assert "tunnel.domain" in (tunnel.state.remedy or "")


async def two_that_cannot_connect(
    folder: Path, program: Path, connect_s: float
) -> tuple[float, TunnelState, list[TunnelState]]:
    """Run two agents, of which one may take for ever and the other, begun later, `connect_s`.

    Returns after how many seconds the second was given up, what it said, and what the first has
    said by then: where a deadline is not what was asked for it was given up before, or neither is.
    """
    one, other = (
        AgentSettings(1, folder / name / "ngrok.yml", TOKEN, program=program)
        for name in ("one", "other")
    )
    async with running(other, replace(QUICK, connect_s=10 * PATIENCE_S)) as (_, patient):
        await eventually(other.config_file.with_name("ngrok.agent.json").exists)  # it has begun
        begun_s = time.monotonic()
        async with running(one, replace(QUICK, connect_s=connect_s)) as (hasty, _states):
            await eventually(lambda: hasty.state.status is TunnelStatus.DOWN)
            return time.monotonic() - begun_s, hasty.state, list(patient)


GIVEN_UP_WITHIN_S = 60.0
"""A deadline of some seconds, and the start and the end of an agent on a slow machine."""


async def test_an_agent_that_never_connects_has_a_deadline(tmp_path: Path) -> None:
    program = fake_ngrok(tmp_path / "bin", silent=True)
    after_s, given_up, other = await two_that_cannot_connect(tmp_path, program, 3.0)
    assert given_up.reason == "ngrok did not connect within 3 s."
    assert TunnelStatus.DOWN not in [state.status for state in other]
    assert 3.0 <= after_s < GIVEN_UP_WITHIN_S


REAL = """
import asyncio, pathlib, sys
sys.path.insert(0, sys.argv[1])
from tests.integration.tunnel.test_ngrok import without_network
asyncio.run(without_network(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])))
"""


async def without_network(folder: Path, program: Path) -> None:
    """Run by the test below where there is no network but loopback."""
    after_s, given_up, other = await two_that_cannot_connect(folder, program, 5.0)
    found = {"after_s": after_s, "reason": given_up.reason, "other": [s.status for s in other]}
    sys.stdout.write(json.dumps(found) + "\n")


@pytest.mark.realparts
@pytest.mark.slow
async def test_the_real_agent_without_a_network_is_given_up_at_its_deadline(tmp_path: Path) -> None:
    assert NgrokTimes().connect_s == 20.0  # it would go on trying for ever
    program = ngrok_without_network()
    inside = f'ip link set lo up; exec "{sys.executable}" -c "$0" "$@"'
    run = await asyncio.create_subprocess_exec(
        *("unshare", "-n", "sh", "-c", inside, REAL, str(ROOT), str(tmp_path), str(program)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(2 * PATIENCE_S):
        out, err = await run.communicate()
    assert run.returncode == 0, err.decode()[-2000:]
    found = json.loads(out.splitlines()[-1])
    assert found["reason"] == "ngrok's servers cannot be reached from this machine."
    assert "down" not in found["other"]
    assert 5.0 <= found["after_s"] < GIVEN_UP_WITHIN_S


async def test_what_is_no_agent_is_refused_with_the_setting(tmp_path: Path) -> None:
    program = tmp_path / "ngrok"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    settings = AgentSettings(1, tmp_path / "ngrok.yml", program=program)
    async with running(settings) as (tunnel, _):
        await eventually(lambda: tunnel.state.status is TunnelStatus.DOWN)
        assert "is no ngrok agent" in (tunnel.state.reason or "")
        assert tunnel.state.remedy == "Change tunnel.ngrok_path."


@asynccontextmanager
async def somebodys_agent(tmp_path: Path, target_port: int) -> AsyncIterator[tuple[int, Path]]:
    """An agent that the owner started by hand, with a tunnel to `target_port`."""
    async with running(
        AgentSettings(
            target_port, tmp_path / "other" / "ngrok.yml", program=fake_ngrok(tmp_path / "other")
        )
    ) as (other, _):
        await up(other)
        assert other.state.pid is not None
        yield other.state.pid, tmp_path / "other" / "ngrok.yml"


async def test_an_agent_that_leads_here_already_is_adopted(tmp_path: Path) -> None:
    async with listener() as port, somebodys_agent(tmp_path, port) as (pid, theirs):
        settings = AgentSettings(port, tmp_path / "ngrok.yml", program=fake_ngrok(tmp_path / "bin"))
        async with running(settings) as (tunnel, _):
            url = await up(tunnel)
            assert (tunnel.state.adopted, tunnel.state.pid) == (True, pid)
            await asyncio.to_thread(tell, theirs, "url")
            await eventually(lambda: tunnel.public_url not in (None, url))
        assert living([pid]) == [pid]


async def test_an_adopted_agents_api_is_asked_more_often_than_our_own(tmp_path: Path) -> None:
    """Its log, which announces a change, is not ours to read: 2 seconds are promised."""
    assert NgrokTimes().adopted_s <= 1.0
    times = replace(QUICK, look_s=10 * PATIENCE_S, adopted_s=0.1)
    async with listener() as port, somebodys_agent(tmp_path, port) as (_, theirs):
        settings = AgentSettings(port, tmp_path / "ngrok.yml", program=fake_ngrok(tmp_path / "bin"))
        async with running(settings, times) as (tunnel, _states):
            url = await up(tunnel)
            await asyncio.to_thread(tell, theirs, "url")
            await eventually(lambda: tunnel.public_url not in (None, url))


async def test_an_agent_that_leads_elsewhere_is_named_when_the_account_allows_no_other(
    tmp_path: Path,
) -> None:
    async with listener() as port, somebodys_agent(tmp_path, 1) as (pid, _):
        program = fake_ngrok(tmp_path / "bin", refusal=REFUSALS["ERR_NGROK_108"])
        async with running(AgentSettings(port, tmp_path / "ngrok.yml", program=program)) as (
            tunnel,
            _,
        ):
            await eventually(lambda: tunnel.state.status is TunnelStatus.DOWN)
            assert f"process {pid}" in (tunnel.state.remedy or "")
            assert living([pid]) == [pid]


async def test_the_agent_dies_with_a_desk_that_is_killed(tmp_path: Path) -> None:
    program = fake_ngrok(tmp_path / "bin")
    code = (
        "import asyncio, os, pathlib, sys\n"
        "from jigdesk.adapters.tunnel.ngrok import NgrokTunnel\n"
        "from jigdesk.adapters.tunnel.ngrok_agent import AgentSettings\n"
        "async def main():\n"
        "    tunnel = NgrokTunnel(AgentSettings(1, pathlib.Path(sys.argv[1]),"
        " program=pathlib.Path(sys.argv[2])))\n"
        "    tunnel.subscribe(lambda s: s.public_url and print(s.pid, flush=True))\n"
        "    await tunnel.run()\n"
        "asyncio.run(main())\n"
    )
    desk = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(tmp_path / "ngrok.yml"),
        str(program),
        stdout=asyncio.subprocess.PIPE,
    )
    assert desk.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        pid = int(await desk.stdout.readline())
    desk.kill()
    await desk.communicate()
    await eventually(lambda: not living([pid]))  # the agent dies with the desk
