"""`jigdesk demo`: what it promises whoever has just installed the program."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from PIL import Image

from tests.harness.serving import JIGDESK, ROOT, Serving
from tests.harness.shapes import JOB_ID
from tests.harness.waiting import PATIENCE_S

STATES = ("accepted", "preparing", "queued", "running", "uploading", "confirming", "completed")


def demo(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it with no display, no home and no account, in a temporary folder of its own."""
    scratch = folder / "scratch"
    scratch.mkdir()
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JIGDESK_", "AWS_", "DISPLAY", "WAYLAND"))
    }
    return subprocess.run(
        [*JIGDESK, "demo", *args],
        env={**clean, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), **env},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )


def test_every_step_is_printed_and_the_files_are_there(tmp_path: Path) -> None:
    out = tmp_path / "not" / "yet" / "there"
    done = demo(tmp_path, "--headless", "--out", str(out))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    places = [said.index(state) for state in STATES]
    assert places == sorted(places)
    assert any(JOB_ID.search(word) for word in said.split())
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert str(path) in said
        with Image.open(path) as picture:
            picture.load()
    assert said.splitlines()[-1].startswith("completed")
    assert list((tmp_path / "scratch").iterdir()) == [], "its home was a throwaway one"


def test_it_minds_no_settings_and_no_desk_that_runs(desk: Serving, tmp_path: Path) -> None:
    """Free ports and a home of its own: a bad environment and a desk on this home do not matter."""
    before = {path for path in desk.home.rglob("*") if path.is_file()}
    env = {
        "JIGDESK_HOME": str(desk.home),
        "JIGDESK_STORE__KIND": "s3",
        "JIGDESK_PUBLISHER__KIND": "pusher",
        "JIGDESK_TUNNEL__KIND": "ngrok",
        "JIGDESK_SERVER__LOCAL_PORT": desk.local_url.rpartition(":")[2],
    }
    done = demo(tmp_path, "--out", str(tmp_path / "out"), **env)
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    after = {path for path in desk.home.rglob("*") if path.is_file()}
    new = {path.name for path in after - before}
    assert not [name for name in new if name.endswith((".png", ".webp"))]
    assert desk.run("jobs", "list", "--json").returncode == 0


def test_an_out_that_is_a_file_fails_it(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    done = demo(tmp_path, "--headless", "--out", str(taken))
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert re.search(r"\S", done.stderr)
    assert taken.read_text() == "mine"
