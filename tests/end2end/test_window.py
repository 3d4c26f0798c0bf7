"""The real program on a real X server, with a mouse and a keyboard: a day in the window.

What is clicked is found by its colour, what came of it is asked of the control API and the store,
and a picture of the screen is kept where a test fails.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.harness.pictures import photo
from tests.harness.ports import free_port
from tests.harness.screen import SIZE, Box, Screen, may_skip, missing_programs, screen
from tests.harness.serving import BUCKET, JIGDESK, command, environment
from tests.harness.waiting import PATIENCE_S

pytestmark = [
    pytest.mark.skipif(
        may_skip(), reason=f"not installed: {', '.join(missing_programs())}; see .ci/setup.sh"
    ),
    pytest.mark.timeout(600),
]

COLOURS = json.loads((Path(__file__).parents[2] / "assets" / "theme.json").read_text())["dark"]
LIST = (90, 160, 210, 860)
"""Where the signs of the jobs' states are: left in the list, below its titles."""
SIGN_PX = range(3, 21)
MIDDLE = (200, 200, 1480, 860)
INSPECTOR_PX = 430
QUICK, SLOW, STEADY = "0.05", "2", "0.5"
"""Seconds a step: done at once; longer than anything here takes; and something to wait for."""


class Owner:
    """Who sits before the screen: starts the program, looks, clicks, and asks what came of it."""

    def __init__(self, screen: Screen, home: Path, ports: tuple[int, int, int]) -> None:
        self.screen = screen
        self.home = home
        self.ports = ports
        self.log = home.parent / "stderr.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._family: list[psutil.Process] = []

    # --- the program -------------------------------------------------------------------------

    def start(self, step_s: str) -> None:
        """Open the program and wait until its window stands and its core answers."""
        public, local, engine = self.ports
        env = environment(
            self.home,
            {
                "JIGDESK_SERVER__PUBLIC_PORT": str(public),
                "JIGDESK_SERVER__LOCAL_PORT": str(local),
                "JIGDESK_COMFYUI__PORT": str(engine),
                "JIGDESK_DEMO_STEP_S": step_s,
                "DISPLAY": self.screen.display,
                "QT_QPA_PLATFORM": "xcb",
            },
        )
        env.pop("WAYLAND_DISPLAY", None)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                JIGDESK, env=env, cwd=self.home, stdin=subprocess.DEVNULL, stderr=log
            )
        self.screen.until(self._is_up, "the window")

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        button = self.screen.boxes(COLOURS["accent"], (90, 50, 300, 110))  # New job
        return bool(button) and all(_is_open(port) for port in self.ports)

    def note_family(self) -> None:
        """Remember every process that belongs to it now."""
        assert self._process is not None
        self._family = psutil.Process(self._process.pid).children(recursive=True)
        assert self._family, "the engine has a process of its own"

    def has_quit(self) -> int | None:
        """The exit code once it ended; None before."""
        assert self._process is not None
        code = self._process.poll()
        return None if code is None else int(code)

    def wait_until_gone(self) -> None:
        """It ended well, and nothing of it is left: no process, no open port, no complaint."""
        assert self._process is not None
        assert self._process.wait(PATIENCE_S) == 0, self.log.read_text()[-2000:]
        _, alive = psutil.wait_procs(self._family, timeout=0)
        assert not alive
        assert not _of_home(self.home)
        assert not [port for port in self.ports if _is_open(port)]
        assert "Traceback" not in self.log.read_text()

    def clean_up(self) -> None:
        """End what a failed test left."""
        for process in [*_of_home(self.home), *self._family]:
            if process.is_running():
                process.send_signal(signal.SIGKILL)
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    # --- what it looks at --------------------------------------------------------------------

    def button(self, area: tuple[int, int, int, int] = MIDDLE) -> Box:
        """The one filled button there."""

        def look() -> list[Box]:
            found = self.screen.boxes(COLOURS["accent"], area)
            return [box for box in found if box.width > 90 and box.height > 20]

        return self.screen.until(look, "a filled button")[0]

    def sign(self, colour: str) -> Box:
        """The topmost sign of a state, or letter of its word, with this colour in the list."""

        def look() -> list[Box]:
            found = self.screen.boxes(COLOURS[colour], LIST)
            return [box for box in found if box.height in SIGN_PX and box.width in SIGN_PX]

        return self.screen.until(look, f"a sign in the colour {colour}")[0]

    def colours_at_the_right(self) -> int:
        """How many colours the inspector's place has: a picture has very many."""
        place = (SIZE[0] - 20 - INSPECTOR_PX, 60, SIZE[0] - 20, 860)
        piece: Image.Image = self.screen.picture().crop(place)
        return len(piece.getcolors(piece.width * piece.height) or [])

    def asked(self) -> None:
        """Wait for a dialog: a second window."""
        self.screen.until(lambda: len(self.screen.windows()) == 2, "a dialog")

    def asked_no_more(self) -> None:
        """Wait until only the main window is left."""
        self.screen.until(lambda: len(self.screen.windows()) == 1, "no dialog")

    # --- what came of it ---------------------------------------------------------------------

    def jobs(self) -> list[dict[str, Any]]:
        """Every job, the newest first, by the control API."""
        token = next(self.home.rglob("control.token")).read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[1]}/control/jobs",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return list(json.load(answer)["items"])

    def until_job(self, is_so: Callable[[dict[str, Any]], bool], number: int = 0) -> dict[str, Any]:
        """The job at a place of the list once it is so."""

        def look() -> dict[str, Any] | None:
            jobs = self.jobs()
            return jobs[number] if len(jobs) > number and is_so(jobs[number]) else None

        return self.screen.until(look, "a job's state")

    def send(self, steps: int) -> str:
        """Send a slow job as a script does, and return its id."""
        picture = self.home.parent / "photo.png"
        picture.write_bytes(photo(64, 64, seed=steps))
        done = command(
            self.home,
            *("submit", "refine", "--param", f"steps={steps}"),
            *("--input", f"image={picture}", "--json"),
        )
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["job_id"])

    def status_of(self, job_id: str) -> dict[str, Any]:
        """status.json in the store, which outlives the program."""
        path = self.home / "store" / BUCKET / "jobs" / job_id / "status.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture
def owner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Owner]:
    home = tmp_path / "home"
    home.mkdir()
    ports = (free_port(), free_port(), free_port())
    with screen(tmp_path) as shown:
        someone = Owner(shown, home, ports)
        failed_before = request.session.testsfailed
        try:
            yield someone
        finally:
            if request.session.testsfailed > failed_before or os.environ.get("KEEP_SCREENS"):
                kept = tmp_path / "screen.png"
                shown.save(kept)
                print(f"the screen at the end: {kept}")  # noqa: T201
            someone.clean_up()


def test_the_sample_runs_and_is_looked_at_and_tried_again(owner: Owner) -> None:
    owner.start(QUICK)
    owner.screen.click(*owner.button().centre)  # Run the sample job
    job = owner.until_job(lambda job: job["status"] == "completed")
    assert job["attempt"] == 1

    row = owner.sign("ok").centre
    assert owner.colours_at_the_right() < 1_000
    owner.screen.click(*row, times=2)
    owner.screen.until(lambda: owner.colours_at_the_right() > 3_000, "the result's picture")

    owner.screen.press("ctrl+r")
    owner.asked()  # its results would go
    owner.screen.press("Tab", "space")  # from Keep as is to Retry 1 job
    owner.asked_no_more()
    again = owner.until_job(lambda job: job["attempt"] == 2 and job["status"] == "completed")
    assert again["job_id"] == job["job_id"]

    owner.note_family()
    owner.screen.press("ctrl+q")  # nothing runs: nothing is asked
    owner.wait_until_gone()


def test_a_running_job_is_cancelled_by_keys_and_quitting_asks(owner: Owner) -> None:
    owner.start(SLOW)
    owner.send(100)
    owner.until_job(lambda job: job["status"] == "running")
    owner.screen.click(*owner.sign("accent").centre)
    owner.screen.press("Delete")
    owner.asked()
    owner.screen.press("Escape")  # keeps it
    owner.asked_no_more()
    assert owner.jobs()[0]["status"] == "running"
    owner.screen.press("Delete")
    owner.asked()
    owner.screen.press("Tab", "space")  # from Keep to Cancel 1 job
    owner.asked_no_more()
    owner.until_job(lambda job: job["status"] == "cancelled")

    kept = owner.send(30)
    owner.until_job(lambda job: job["job_id"] == kept and job["status"] == "running")
    owner.screen.press("ctrl+q")
    owner.asked()
    owner.screen.press("Escape")  # stays
    owner.asked_no_more()
    assert owner.has_quit() is None
    assert owner.jobs()[0]["status"] == "running"

    owner.note_family()
    owner.screen.press("ctrl+q")
    owner.asked()
    finish = owner.button((400, 300, 1100, 700))
    owner.screen.click(finish.left - 40, finish.centre[1])  # Stop now, left of the filled one
    owner.wait_until_gone()
    assert owner.status_of(kept)["status"] == "running"  # a checkpoint, no end

    owner.start(STEADY)
    last = owner.send(20)
    owner.until_job(lambda job: job["job_id"] == last)
    owner.note_family()
    owner.screen.press("ctrl+q")
    owner.asked()
    owner.screen.press("Return")  # Finish, then quit
    owner.wait_until_gone()
    for job_id in (kept, last):
        status = owner.status_of(job_id)
        assert (status["status"], status["attempt"]) == ("completed", 1)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _of_home(home: Path) -> list[psutil.Process]:
    """Every process of this machine that was started for this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("JIGDESK_HOME") == str(home):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return [p for p in found if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_the_search_for_what_is_left_can_find_something(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        env={"JIGDESK_HOME": str(tmp_path)},
    )
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while [p.pid for p in _of_home(tmp_path)] != [process.pid]:
            assert time.monotonic() < deadline_s
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert _is_open(port)
        assert not _is_open(port)
    finally:
        process.kill()
        process.communicate()
    assert not _of_home(tmp_path)
