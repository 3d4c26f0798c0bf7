"""Writes the README's pictures: the real window, over a throwaway desk with finished jobs.

`python docs/make_screenshots.py [FOLDER] [--theme dark|light]`; by default both, into docs/images.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from jigdesk.app import Core, open_core
from jigdesk.app.own_jobs import OwnJob, own_client_id, send_own_job
from jigdesk.domain.changes import JobQuery
from jigdesk.domain.job import FINAL
from jigdesk.settings import Settings, load_settings
from jigdesk.settings.draft import Origin
from ui.queue.sample import send_sample
from ui.shot import take
from ui.theme.theme import ThemeChoice

JOBS = 6
THEMES = (ThemeChoice.DARK.value, ThemeChoice.LIGHT.value)
OVER = {
    "server": {"public_port": 0, "local_port": 0},
    "comfyui": {"kind": "demo", "port": 0},
}
BRANCH = {
    "stages": [
        {"name": "invert", "workflow": "invert", "inputs": {"image": {"stage": "refine"}}},
    ]
}
"""Of the newest job, so that its family is in the picture."""


def main() -> int:
    """Run the jobs, then draw the themes."""
    parser = argparse.ArgumentParser(description="Write the README's pictures.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent / "images")
    parser.add_argument("--theme", choices=THEMES, help="draw this one alone")
    chosen = parser.parse_args()
    folder: Path = chosen.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jigdesk-pictures-") as home:
        settings = load_settings(
            {"JIGDESK_HOME": home},
            OVER,
        )
        origin = Origin({"JIGDESK_HOME": home}, OVER)
        newest = asyncio.run(_run_jobs(settings))
        for theme in map(ThemeChoice, [chosen.theme] if chosen.theme else THEMES):
            take(settings, folder / f"queue-{theme.value}.png", theme=theme, job_id=newest)
            picture = folder / f"settings-{theme.value}.png"
            take(settings, picture, theme=theme, section="store", origin=origin)
    return 0


async def _run_jobs(settings: Settings) -> str:
    async with open_core(settings) as core:
        for _ in range(JOBS):
            newest = await send_sample(core)
        await _ended(core, JOBS)
        branch = {**BRANCH, "branch_of": {"job_id": newest, "stage": "refine"}}
        client_id = await asyncio.to_thread(own_client_id, settings.paths)
        await send_own_job(core.local_url, client_id, OwnJob(branch))
        await _ended(core, JOBS + 1)
    return newest


async def _ended(core: Core, number: int) -> None:
    """Wait until so many jobs have come and ended."""
    changed = asyncio.Event()
    unsubscribe = core.journal.subscribe(lambda *_: changed.set())
    while not await _all_ended(core, number):
        await changed.wait()
        changed.clear()
    unsubscribe()


async def _all_ended(core: Core, number: int) -> bool:
    jobs = (await core.journal.page(JobQuery())).jobs
    return len(jobs) == number and all(job.status in FINAL for job in jobs)


if __name__ == "__main__":
    sys.exit(main())
