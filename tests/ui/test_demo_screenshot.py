"""`jigdesk demo --screenshot`: the real window, drawn without a screen."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_the_demo_draws_the_window_with_its_finished_job(tmp_path: Path) -> None:
    picture = tmp_path / "shots" / "window.png"
    env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
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
