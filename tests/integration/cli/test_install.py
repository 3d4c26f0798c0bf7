"""`jigdesk comfyui install` as a process of its own, with a stand-in for comfy-cli."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes.comfy_cli import FakeComfyCli
from tests.fakes.families import ROOT
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.ports import free_port
from tests.harness.process import desk_process, gone
from tests.harness.waiting import PATIENCE_S


class Install:
    """One run of the command."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home = home
        self._env = {**os.environ, "JIGDESK_HOME": str(home), "HOME": str(home), **env}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *args: str) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jigdesk", "comfyui", "install", *args),
            env=self._env,
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return self._process

    async def run(self, *args: str) -> tuple[int, str, str]:
        """Run to the end; returns exit status, output and errors."""
        process = await self.start(*args)
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def until(self, word: str) -> list[psutil.Process]:
        """Read on until a line has `word`; returns all that runs then."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while word not in (line := (await process.stdout.readline()).decode()):
                assert line, "it ended"
        own = psutil.Process(process.pid)
        return [own, *own.children(recursive=True)]


def install(home: Path, **env: str) -> Install:
    return Install(home, env)


def words_of(call: dict[str, Any]) -> str:
    return " ".join(call["argv"])


async def test_it_is_installed_tried_found_and_run(home: Path) -> None:
    comfy_cli = FakeComfyCli(home)
    secret = {"JIGDESK_TUNNEL__AUTHTOKEN": "2abcDEFghi", "VIRTUAL_ENV": "/somewhere"}
    code, out, err = await install(home, **secret).run("--cpu", "--configure", "--", "--fast-deps")
    assert (code, err) == (0, "")
    folder = home / "ComfyUI"
    assert f"ComfyUI is installed at: {folder}" in out
    assert "Total VRAM 0 MB" in out  # it was started once
    (call,) = comfy_cli.calls
    assert words_of(call) == (
        f"--no-json --skip-prompt --workspace {folder} install --cpu --version latest "
        "--skip-manager --fast-deps"
    )
    assert call["env"]["DO_NOT_TRACK"] == "1"
    assert not {"VIRTUAL_ENV", *secret} & call["env"].keys()
    # what it set is what `serve` runs
    log = (home / "logs" / "comfyui-install.log").read_text()
    assert "Collecting torch" in log
    port = str(free_port())
    async with desk_process(home, {"JIGDESK_COMFYUI__PORT": port}) as (_, browser):
        job_id = await browser.submit(BLUR, {"photo.png": photo()})
        assert (await browser.watch(job_id))[-1].name == "job_done"
    engine_log = (home / "logs" / "engine.log").read_text()
    assert f":{port}" in engine_log


async def test_it_prints_what_to_set_and_sets_nothing_by_itself(home: Path) -> None:
    FakeComfyCli(home)
    folder = home / "my ComfyUI"
    code, out, _ = await install(home).run("--cpu", "--path", str(folder))
    assert code == 0
    assert f"jigdesk config set comfyui.path '{folder}'" in out
    assert "jigdesk config set comfyui.args '[\"--cpu\"]'" in out
    assert "jigdesk config set comfyui.kind managed" in out
    assert not (home / "config.toml").exists()


async def test_with_json_the_lines_are_on_standard_error(home: Path) -> None:
    FakeComfyCli(home)
    code, out, err = await install(home).run("--cpu", "--json", "--no-configure")
    assert code == 0
    said = json.loads(out)
    assert said["path"] == str(home / "ComfyUI")
    assert said["python"] == str(home / "ComfyUI" / ".venv" / "bin" / "python")
    assert (said["args"], said["gpu"], said["configured"]) == (["--cpu"], "cpu", False)
    assert "Collecting torch" in err


async def test_packages_that_failed_are_gone_on_with(home: Path) -> None:
    failed = {
        "at": "packages",
        "do": "exit",
        "lines": [
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
            "device",
            "Failed to install ComfyUI dependencies. Please check your environment (`comfy env`) "
            "and try again.",
        ],
    }
    comfy_cli = FakeComfyCli(home, failed)
    code, _, err = await install(home).run("--cpu")
    assert code == 1
    assert "The disk is full" in err
    assert "exit status 1" in err
    assert str(home / "logs" / "comfyui-install.log") in err.replace("\n", "")
    code, _, err = await install(home).run("--cpu")
    assert (code, err) == (0, "")
    assert "--restore" not in words_of(comfy_cli.calls[0])
    assert "--restore" in words_of(comfy_cli.calls[1])
    # now it is a ComfyUI like any other, and nothing is done to it unasked
    code, _, err = await install(home).run("--cpu")
    assert code == 1
    assert "already" in err
    assert len(comfy_cli.calls) == 2


async def test_without_a_network_it_says_so(home: Path) -> None:
    lines = [
        "fatal: unable to access 'https://github.com/comfyanonymous/ComfyUI/': Could not resolve "
        "host: github.com",
        "CalledProcessError: Command '['/usr/bin/git', 'clone', '--', 'https://github.com/…'",
    ]
    FakeComfyCli(home, {"at": "clone", "do": "exit", "lines": lines, "code": 1})
    code, _, err = await install(home).run("--cpu")
    assert code == 1
    assert "The network cannot be reached" in err


async def test_without_a_network_the_real_pip_says_so_too(home: Path) -> None:
    nowhere = {
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "1",
        "PIP_NO_CACHE_DIR": "1",
    }
    code, _, err = await install(home, **nowhere).run("--cpu")
    assert code == 1
    assert "comfy-cli could not be installed" in err
    assert "The network cannot be reached" in err
    assert not (home / "state" / "comfy-cli" / "ready").exists()
    assert not (home / "ComfyUI").exists()


async def test_killed_in_the_clone_it_begins_again_and_deletes_nothing(home: Path) -> None:
    FakeComfyCli(home, {"at": "clone", "do": "hang"})
    first = install(home)
    process = await first.start("--cpu")
    running = await first.until("hangs")
    assert len(running) >= 4  # the command, the launcher, comfy-cli and what it started
    process.kill()
    await process.communicate()
    assert await gone(running)
    code, out, err = await install(home).run("--cpu")
    assert (code, err) == (0, "")
    moved = home / "ComfyUI.unfinished-1"
    assert (moved / "main.py").is_file()
    assert str(moved) in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ended_by_a_signal_nothing_runs_on(home: Path, number: signal.Signals) -> None:
    comfy_cli = FakeComfyCli(home, {"at": "packages", "do": "hang"})
    first = install(home)
    process = await first.start("--cpu")
    running = await first.until("hangs")
    process.send_signal(number)
    async with asyncio.timeout(PATIENCE_S):
        _, err = await process.communicate()
    assert process.returncode != 0
    if number is signal.SIGINT:
        assert "The same command goes on from here" in err.decode()
    assert await gone(running)
    code, _, err_text = await install(home).run("--cpu")
    assert (code, err_text) == (0, "")
    assert "--restore" in words_of(comfy_cli.calls[1])


async def test_what_says_nothing_for_too_long_is_ended(home: Path) -> None:
    FakeComfyCli(home, {"at": "packages", "do": "hang"})
    code, _, err = await install(home).run("--cpu", "--quiet-minutes", "0.05")
    assert code == 1
    assert "said nothing for 0.05 minutes" in err


async def test_two_at_once_are_one_too_many(home: Path) -> None:
    FakeComfyCli(home, {"at": "packages", "do": "hang"})
    first = install(home)
    process = await first.start("--cpu")
    running = await first.until("hangs")
    code, _, err = await install(home).run("--cpu")
    assert code == 1
    assert "Another installation runs" in err
    process.kill()
    await process.communicate()
    assert await gone(running)


async def test_what_does_not_start_is_told(home: Path) -> None:
    FakeComfyCli(home)
    folder = home / "ComfyUI"
    code, _, _ = await install(home).run("--cpu")
    assert code == 0
    (folder / ".venv" / "torch").unlink()
    (folder / "main.py").write_text("import torch_is_missing_here")
    code, _, err = await install(home).run("--cpu", "--restore")
    assert code == 1
    assert "The new ComfyUI could not be" in err
    assert "torch_is_missing_here" in err
    code, _, err = await install(home).run("--cpu", "--restore", "--no-try")
    assert (code, err) == (0, "")


async def test_an_empty_folder_is_as_good_as_none(home: Path) -> None:
    comfy_cli = FakeComfyCli(home)
    (home / "ComfyUI").mkdir()
    code, _, err = await install(home).run("--cpu")
    assert (code, err) == (0, "")
    assert len(comfy_cli.calls) == 1
