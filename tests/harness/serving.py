"""A desk as a service manager sees it: `jigdesk serve`, its words, its files and its addresses.

Unlike `process.py` this one belongs to no event loop, so that a module of tests can share it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
JIGDESK = (sys.executable, "-m", "jigdesk")
BUCKET = "jig-react"
SLOW_STEPS = {"JIGDESK_DEMO_STEP_S": "1"}
"""For a job that is to be met while it runs, however long that takes."""
STOPS_WITHIN_S = 15.0
"""The contract's, on a machine with breath to spare: see `Serving.stops_within_s`."""


def environment(home: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's own without any setting, and a home and free ports."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JIGDESK_")}
    return {
        **clean,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "JIGDESK_HOME": str(home),
        "JIGDESK_SERVER__PUBLIC_PORT": "0",
        "JIGDESK_SERVER__LOCAL_PORT": "0",
        "JIGDESK_COMFYUI__PORT": "0",
        **(env or {}),
    }


class Serving:
    """One home; `start`, `kill` and `terminate` as often as a test likes."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.env = environment(home, env)
        self.said: list[str] = []
        self.public_url = ""
        self.local_url = ""
        self.started_in_s = 0.0
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def secret(self) -> str:
        """The webhook secret that the desk drew for itself."""
        return self._in_state("webhook.secret").read_text().strip()

    @property
    def token(self) -> str:
        """The bearer token of the control API."""
        return self._in_state("control.token").read_text().strip()

    @property
    def bucket(self) -> Path:
        """The local store's objects as files."""
        return self.home / "store" / BUCKET

    @property
    def stops_within_s(self) -> float:
        """How long a stop may take here: longer where the start, two seconds' work, took longer."""
        return STOPS_WITHIN_S + self.started_in_s

    def document(self, key: str) -> dict[str, Any]:
        """A JSON object of the store, which must be UTF-8."""
        return dict(json.loads((self.bucket / key).read_bytes().decode("utf-8")))

    def start(self, timeout_s: float = PATIENCE_S) -> None:
        """Start and wait for the word `ready`."""
        began = time.monotonic()
        log = (self.home / "stderr.txt").open("a")
        with log:
            self._process = subprocess.Popen(
                [*JIGDESK, "serve"],
                env=self.env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip())
            name, _, url = line.strip().rpartition(" ")
            if name.startswith("webhooks"):
                self.public_url = url
            elif name.startswith("jobs"):
                self.local_url = url
            elif line == "ready\n":
                self.started_in_s = time.monotonic() - began
                return
            assert time.monotonic() - began < timeout_s
        raise AssertionError(f"ended with {self._process.wait()}: {self.errors()[-2000:]}")

    def errors(self) -> str:
        """What it wrote to stderr."""
        return (self.home / "stderr.txt").read_text()

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL, PATIENCE_S)

    def terminate(
        self, number: signal.Signals = signal.SIGTERM, timeout_s: float = PATIENCE_S
    ) -> tuple[int, float]:
        """SIGTERM, or another signal; returns the exit status and the seconds it took."""
        began = time.monotonic()
        status = self._end(number, timeout_s)
        return status, time.monotonic() - began

    def run(self, *args: str, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """`jigdesk …` on this home."""
        return command(self.home, *args, env=self.env, timeout_s=timeout_s)

    def _end(self, number: signal.Signals, timeout_s: float) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        self.said += said.splitlines()
        return process.returncode

    def _in_state(self, name: str) -> Path:
        (found,) = self.home.rglob(name)
        return found


def command(
    home: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout_s: float = PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """Run `jigdesk …` to its end, with no terminal."""
    return subprocess.run(
        [*JIGDESK, *args],
        env=dict(env) if env is not None else environment(home),
        cwd=home,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def serving(home: Path, env: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """A started desk; whatever is left of it is killed at the end."""
    home.mkdir(parents=True, exist_ok=True)
    desk = Serving(home, env)
    try:
        desk.start()
        yield desk
    finally:
        desk.kill()
