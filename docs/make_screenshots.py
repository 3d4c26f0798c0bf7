"""Writes the README's pictures: the real window, over a throwaway desk with finished jobs.

`python docs/make_screenshots.py [FOLDER]`; without one, into docs/images.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from jigdesk.app import Core, open_core
from jigdesk.domain.changes import JobQuery
from jigdesk.domain.job import FINAL
from jigdesk.settings import Settings, load_settings
from ui.queue.sample import send_sample
from ui.shot import take
from ui.theme.theme import ThemeChoice

JOBS = 6


def main() -> int:
    """Run the jobs, then draw both themes."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jigdesk-pictures-") as home:
        settings = load_settings(
            {"JIGDESK_HOME": home},
            {
                "server": {"public_port": 0, "local_port": 0},
                "comfyui": {"kind": "demo", "port": 0},
            },
        )
        newest = asyncio.run(_run_jobs(settings))
        for theme in (ThemeChoice.DARK, ThemeChoice.LIGHT):
            take(settings, folder / f"queue-{theme.value}.png", theme=theme, job_id=newest)
    return 0


async def _run_jobs(settings: Settings) -> str:
    async with open_core(settings) as core:
        for _ in range(JOBS):
            newest = await send_sample(core)
        ended = asyncio.Event()

        def look(_: object, jobs: object) -> None:
            ended.set()

        unsubscribe = core.journal.subscribe(look)
        while not await _all_ended(core):
            ended.clear()
            await ended.wait()
        unsubscribe()
    return newest


async def _all_ended(core: Core) -> bool:
    jobs = (await core.journal.page(JobQuery())).jobs
    return len(jobs) == JOBS and all(job.status in FINAL for job in jobs)


if __name__ == "__main__":
    sys.exit(main())
