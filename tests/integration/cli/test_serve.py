"""The installed commands as processes: a desk that serves, and the commands that talk to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jigdesk.demo.sample import sample_png
from tests.harness.serving import STOPS_WITHIN_S, command, environment
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

ROOT = Path(__file__).parents[3]
JIGDESK = [sys.executable, "-m", "jigdesk"]


@dataclass(frozen=True)
class Desk:
    home: Path
    env: dict[str, str]
    process: subprocess.Popen[str]
    started_in_s: float

    def run(self, *args: str, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*JIGDESK, *args],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def start(home: Path) -> Desk:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JIGDESK_HOME": str(home),
        "JIGDESK_SERVER__PUBLIC_PORT": "0",
        "JIGDESK_SERVER__LOCAL_PORT": "0",
        "JIGDESK_COMFYUI__PORT": "0",
    }
    began = time.monotonic()
    process = subprocess.Popen(
        [*JIGDESK, "serve"],
        env=env,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == "ready\n":
            return Desk(home, env, process, time.monotonic() - began)
    raise AssertionError(f"the desk ended with {process.wait()} before it was ready")


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    desk = start(home)
    try:
        yield desk
    finally:
        desk.process.kill()
        desk.process.communicate()


def test_a_job_from_the_command_line(desk: Desk) -> None:
    (desk.home / "photo.png").write_bytes(sample_png())
    sent = desk.run("submit", "blur", "--param", "radius=2", "--input", "image=photo.png", "--wait")
    assert sent.returncode == 0, sent.stderr
    lines = sent.stdout.splitlines()
    job_id = lines[0]
    assert re.fullmatch(r"[0-9a-f-]{36}", job_id)
    assert "accepted" in sent.stdout
    assert lines[-1] == "completed"

    listed = json.loads(desk.run("jobs", "list", "--json").stdout)
    assert [(job["job_id"], job["status"]) for job in listed["items"]] == [(job_id, "completed")]
    watched = desk.run("jobs", "watch", job_id, "--json")
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert watched.returncode == 0
    assert events[-1]["event"] == "job_done"
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})

    retried = desk.run("jobs", "retry", job_id, "--json")
    assert json.loads(retried.stdout)["attempt"] == 2


def test_instructions_of_two_stages(desk: Desk) -> None:
    (desk.home / "photo.png").write_bytes(sample_png())
    (desk.home / "steps.txt").write_text("soft: blur --image photo.png\nbig: upscale --scale 0.5\n")
    sent = desk.run("submit", "--instructions", "steps.txt", "--wait", "--json")
    assert sent.returncode == 0, sent.stderr
    done = json.loads(sent.stdout)
    assert [file["stage"] for file in done["files"]] == ["soft", "big"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("submit", "blurr"), "Did you mean 'blur'?"),
        (("submit", "blur", "--param", "radius=99", "--input", "image=photo.png"), "1 to 31"),
        (("jobs", "cancel", "00000000-0000-4000-8000-000000000000"), "There is no job"),
        (("workflows", "show", "blurr"), "Did you mean 'blur'?"),
        (("serve",), "already runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_failures_are_one_message_and_exit_1(desk: Desk, args: tuple[str, ...], said: str) -> None:
    (desk.home / "photo.png").write_bytes(sample_png())
    done = desk.run(*args)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_time_and_the_home_is_free_again(home: Path, number: int) -> None:
    for _ in range(2):
        desk = start(home)
        began = time.monotonic()
        desk.process.send_signal(number)
        output, _ = desk.process.communicate(timeout=PATIENCE_S)
        assert desk.process.returncode == 0
        # a machine on which the start, two seconds' work, takes longer may take as much longer
        assert time.monotonic() - began < STOPS_WITHIN_S + desk.started_in_s
        assert output == "stopping\n"
    assert desk.run("jobs", "list").returncode == 1


def test_the_log_has_no_token_and_no_signed_url(desk: Desk) -> None:
    (desk.home / "photo.png").write_bytes(sample_png())
    desk.run("submit", "invert", "--input", "image=photo.png", "--wait")
    token = (desk.home / "state" / "control.token").read_text().strip()
    written = (desk.home / "logs" / "jigdesk.log").read_text()
    assert token not in written
    assert re.search(r"[?&](?:token|sig|signature)=(?!\[redacted\])", written) is None


@pytest.mark.parametrize("name", ["state", "jobs", "state/listeners.json"])
def test_what_cannot_be_made_is_named(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    taken = home / name
    if name.endswith(".json"):
        taken.mkdir(parents=True)
    else:
        home.mkdir()
        taken.touch()
    ended = command(home, "serve", env=environment(home))
    assert ended.returncode == 1
    assert f"{taken} cannot be " in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
