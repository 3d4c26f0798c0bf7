"""The window, drawn without a screen: `jigdesk demo --screenshot`, and the README's pictures."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_the_demo_draws_the_window_with_its_finished_job(tmp_path: Path) -> None:
    picture = tmp_path / "shots" / "window.png"
    env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    env["JIGDESK_STORE__BUCKET"] = "?"  # what the owner has set is no business of the demo's
    run = subprocess.run(
        (sys.executable, "-m", "jigdesk", "demo", "--screenshot", str(picture)),
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "completed" in run.stdout
    with Image.open(picture) as image:
        assert image.width >= 1100
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 1_000  # the sample's picture is in it


def test_the_readme_s_pictures_can_be_drawn_anew(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "docs" / "make_screenshots.py"
    run = subprocess.run(
        (sys.executable, str(script), str(tmp_path), "--theme", "light"),
        env={**os.environ, "JIGDESK_DEMO_STEP_S": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["queue-light.png", "settings-light.png"]
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.size == (1480, 900)
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 100
