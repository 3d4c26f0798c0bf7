"""A stand-in for comfy-cli 1.23.0: its options, its folders and its words, and no network.

Recorded from `comfy --no-json --skip-prompt --workspace W install --url U --version latest --cpu
--skip-manager` with a local repository. Only what it installs is different: a main.py that is the
demo engine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jigdesk.app.install.plan import COMFY_CLI
from tests.fakes.families import ROOT

MAIN = """
import pathlib, runpy, sys
folder = pathlib.Path(__file__).parent
if "--quick-test-for-ci" in sys.argv:
    if not (folder / ".venv" / "torch").exists():
        sys.exit("ModuleNotFoundError: No module named 'torch'")
    print("Total VRAM 0 MB, total RAM 24050 MB")
    sys.exit(0)
ours = ("--disable-auto-launch", "--cpu")
own = [word for word in sys.argv[1:] if word not in ours]
sys.path.insert(0, {root!r})
sys.argv = ["jigdesk.demo", *own, "--base-directory", str(folder)]
runpy.run_module("jigdesk.demo", run_name="__main__", alter_sys=True)
"""

PROGRAM = """#!{python}
import json, os, pathlib, subprocess, sys, time
told = pathlib.Path({told!r})
plan = json.loads(told.read_text())
fault = plan["faults"].pop(0) if plan["faults"] else {{}}
plan["calls"].append({{"argv": sys.argv[1:], "env": dict(os.environ)}})
told.write_text(json.dumps(plan))
words = sys.argv[1:]
workspace = pathlib.Path(words[words.index("--workspace") + 1])

def say(text):
    print(text, flush=True)

def at(place):
    if fault.get("at") != place:
        return
    for line in fault.get("lines", ()):
        say(line)
    if fault["do"] == "hang":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        say("hangs")
        time.sleep(600)
    sys.exit(fault.get("code", 1))

say("Installing for CPU")
there = (workspace / "main.py").exists()
if there and "--restore" not in words:
    say(f"ComfyUI is already installed at the specified path: {{workspace}}")
    say("If you want to restore dependencies, add the '--restore' option.")
    sys.exit(1)
say(f"Installing from repository 'https://github.com/comfyanonymous/ComfyUI' to '{{workspace}}'")
if not workspace.exists():
    say(f"Cloning into '{{workspace}}'...")
    (workspace / ".git").mkdir(parents=True)
    (workspace / "main.py").write_text({main!r})
    at("clone")
    (workspace / "comfy").mkdir()
    (workspace / "nodes.py").write_text("")
    (workspace / "comfyui_version.py").write_text('__version__ = "0.3.64"\\n')
if not (workspace / "nodes.py").exists():
    sys.exit(f"'{{workspace}}' exists but is not a valid git repository.")
say("Looking for ComfyUI version 'latest'...")
say("Successfully checked out tag: v0.3.64")
venv = workspace / ".venv"
if not venv.is_dir():
    say(f"Creating workspace virtual environment at {{venv}}")
    (venv / "bin").mkdir(parents=True)
    python = venv / "bin" / "python"  # a link would not find this environment's packages
    python.write_text('#!/bin/sh\\nexec {python} "$@"\\n')
    python.chmod(0o755)
say(f"Using Python: {{venv}}/bin/python")
say("Collecting torch")
at("packages")
(venv / "torch").write_text("")
say("Successfully installed torch-2.15.0")
say("Skipping installation of ComfyUI-Manager. (by --skip-manager)")
say(f"ComfyUI is installed at: {{workspace}}")
"""


class FakeComfyCli:
    """comfy-cli's environment in the state folder of a home, with the program replaced.

    Each fault is for one call: `at` clone or packages, `do` hang or exit, `lines` said before.
    """

    def __init__(self, home: Path, *faults: Mapping[str, Any]) -> None:
        self._told = home / "comfy-cli.json"
        tool = home / "state" / "comfy-cli"
        (tool / "bin").mkdir(parents=True)
        (tool / "ready").write_text(COMFY_CLI)
        self._told.write_text(json.dumps({"faults": faults, "calls": []}))
        program = tool / "bin" / "comfy"
        main = MAIN.format(root=str(ROOT))
        program.write_text(
            PROGRAM.format(python=sys.executable, told=str(self._told), main=main), encoding="utf-8"
        )
        program.chmod(0o755)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """`argv` and `env` of every call so far."""
        return list(json.loads(self._told.read_text())["calls"])
