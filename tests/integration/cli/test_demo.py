"""`jigdesk demo` as a process, with no display."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from jigdesk.demo.sample import SIZE

ROOT = Path(__file__).parents[3]


def demo(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "JIGDESK_HOME")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    return subprocess.run(
        [sys.executable, "-m", "jigdesk", "demo", *args],
        env=env,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_it_completes_shows_each_step_and_leaves_nothing_but_the_results(tmp_path: Path) -> None:
    out = tmp_path / "results"
    done = demo(tmp_path, "--headless", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == "completed"
    for step in ("accepted", "running · refine", "running · enlarge", "uploading"):
        assert step in done.stdout
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {"refine/result.png", "enlarge/result.png"}
    with Image.open(out / "enlarge" / "result.png") as picture:
        assert picture.size == (2 * SIZE[0], 2 * SIZE[1])
    assert list((tmp_path / "scratch").iterdir()) == []


def test_results_that_cannot_be_kept_fail_it(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "refine").write_text("a file where the stage's folder should be")
    done = demo(tmp_path, "--out", str(taken))
    assert done.returncode == 1
    assert "completed" not in done.stdout.splitlines()
    assert "Traceback" not in done.stderr


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the picture's folder should be")
    done = demo(tmp_path, "--screenshot", str(tmp_path / "taken" / "window.png"))
    assert done.returncode == 1
    assert "window.png cannot be written: " in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
