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

ROOT = Path(__file__).parents[2]
JIGDESK = (sys.executable, "-m", "jigdesk")
BUCKET = "jig-react"


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

    def document(self, key: str) -> dict[str, Any]:
        """A JSON object of the store, which must be UTF-8."""
        return dict(json.loads((self.bucket / key).read_bytes().decode("utf-8")))

    def start(self, timeout_s: float = 30.0) -> None:
        """Start and wait for the word `ready`."""
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
        began = time.monotonic()
        for line in self._process.stdout:
            self.said.append(line.rstrip())
            name, _, url = line.strip().rpartition(" ")
            if name.startswith("webhooks"):
                self.public_url = url
            elif name.startswith("jobs"):
                self.local_url = url
            elif line == "ready\n":
                return
            assert time.monotonic() - began < timeout_s
        raise AssertionError(f"ended with {self._process.wait()}: {self.errors()[-2000:]}")

    def errors(self) -> str:
        """What it wrote to stderr."""
        return (self.home / "stderr.txt").read_text()

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL, 10)

    def terminate(
        self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 25.0
    ) -> tuple[int, float]:
        """SIGTERM, or another signal; returns the exit status and the seconds it took."""
        began = time.monotonic()
        status = self._end(number, timeout_s)
        return status, time.monotonic() - began

    def run(self, *args: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
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
    timeout_s: float = 60.0,
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
