"""A folder that looks like an installed ComfyUI; its `main.py` becomes the demo engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

MAIN = """
import json, os, pathlib, runpy, sys
folder = pathlib.Path(__file__).parent
plan = folder / "starts.json"
starts = json.loads(plan.read_text())
extra = starts.pop(0) if starts else []
plan.write_text(json.dumps(starts))
with open(folder / "argv.jsonl", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if extra[:1] == ["crash"]:
    print(extra[1], flush=True)
    sys.exit(1)
own = [word for word in sys.argv[1:] if word != "--disable-auto-launch"]
sys.argv = ["jigdesk.demo", *own, "--base-directory", str(folder), *extra]
runpy.run_module("jigdesk.demo", run_name="__main__", alter_sys=True)
"""


def comfyui_folder(path: Path, *starts: Sequence[str]) -> Mapping[str, str]:
    """Make the folder; returns the environment of a desk that runs it as `managed`.

    `starts` has the arguments that the first, second, … start adds, so that a fault can be over
    after a restart; `("crash", text)` prints the text and ends at once.
    """
    path.mkdir(parents=True)
    (path / "main.py").write_text(MAIN)
    (path / "starts.json").write_text(json.dumps(starts))
    return {
        "JIGDESK_COMFYUI__KIND": "managed",
        "JIGDESK_COMFYUI__PATH": str(path),
        "JIGDESK_COMFYUI__PYTHON": sys.executable,
    }


def starts_of(path: Path) -> list[list[str]]:
    """The arguments of every start so far, as the desk gave them."""
    try:
        return [json.loads(line) for line in (path / "argv.jsonl").read_text().splitlines()]
    except FileNotFoundError:
        return []
