"""Puts the fake ngrok agent into a folder as a program called `ngrok`."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("ngrok_agent.py")


def fake_ngrok(folder: Path, **told: Any) -> Path:
    """Make the program (again); `told` is what `fake.json` says to its next start."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fake.json").write_text(json.dumps(told))
    program = folder / "ngrok"
    if not program.exists():
        program.write_text(f"#!{sys.executable}\n{SOURCE.read_text()}")
        program.chmod(0o755)
    return program


def tell(config_file: Path, verb: str, **body: Any) -> dict[str, Any]:
    """Ask the running fake for something; blocks."""
    api = json.loads(config_file.read_text())["web_addr"]
    request = urllib.request.Request(
        f"http://{api}/fake/{verb}", json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - loopback
        return dict(json.loads(answer.read()))
