"""`jigdesk demo`: one job, end to end, on embedded parts in a throwaway home."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jigdesk.adapters.process.environment import for_children
from jigdesk.app.own_jobs import own_client_id
from jigdesk.commands.client import DeskClient, DeskEvent, open_client
from jigdesk.commands.follow import Narrator, succeeded
from jigdesk.commands.output import complain, say, size
from jigdesk.commands.request import Submission
from jigdesk.commands.stopping import stop_on_signals
from jigdesk.commands.submit import send
from jigdesk.demo.sample import SIZE, sample_png
from jigdesk.domain import events as names
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.keys import outputs_prefix
from jigdesk.logs import logging_to
from jigdesk.settings import Settings, load_settings

TIME_LIMIT_S = 180.0
EMBEDDED: Mapping[str, Mapping[str, Any]] = {
    "server": {"public_port": 0, "local_port": 0},
    "comfyui": {"kind": "demo", "port": 0},
}
"""Over the defaults: ports that nobody else has, so that a desk may be running beside it."""

REQUEST: Mapping[str, Any] = {
    "stages": [
        {
            "name": "refine",
            "workflow": "refine",
            "params": {"steps": 12},
            "inputs": {"image": {"file": "sample.png"}},
        },
        {
            "name": "enlarge",
            "workflow": "upscale",
            "params": {"scale": 2.0},
            "inputs": {"image": {"stage": "refine"}},
        },
    ]
}


def demo(
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Say that no window is wanted; this demo opens none."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Copy the results there."),
    ] = None,
    screenshot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Draw the window with the finished job: a PNG."
        ),
    ] = None,
) -> None:
    """Run a sample job from upload to result, with no account; exit 1 unless it completed."""
    with tempfile.TemporaryDirectory(prefix="jigdesk-demo-", ignore_cleanup_errors=True) as home:
        settings = load_settings({"JIGDESK_HOME": home}, EMBEDDED)
        with logging_to(settings, screen=False):
            job_id = asyncio.run(_demo(settings, out))
        done = job_id is not None
        if job_id is None:
            _show_log(settings)
        elif screenshot is not None:
            done = _draw(screenshot.absolute(), job_id, home)
    raise typer.Exit(0 if done else 1)


def _draw(path: Path, job_id: str, home: str) -> bool:
    """Draw the window in a process of its own: Qt wants the main thread to itself."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        complain(f"{path} cannot be written: {error.strerror}.")
        return False
    over = {
        f"JIGDESK_{section}__{key}".upper(): str(value)
        for section, values in EMBEDDED.items()
        for key, value in values.items()
    }
    run = subprocess.run(
        (sys.executable, "-m", "ui.shot", str(path), "--job", job_id),
        # without the owner's settings: they would open a desk on their store, tunnel and engine
        env={
            "QT_QPA_PLATFORM": "offscreen",
            **for_children(os.environ),
            "JIGDESK_HOME": home,
            **over,
        },
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        complain(f"The window could not be drawn: {reason}")
        return False
    say(f"drew the window into {path}")
    return True


async def _demo(settings: Settings, out: Path | None) -> str | None:
    """Returns the job's id when it completed."""
    from jigdesk.app import open_core  # noqa: PLC0415 - a second's worth of libraries

    completed: str | None = None
    with stop_on_signals() as stop:
        say(f"starting a desk in {settings.paths.state_dir.parent}")
        try:
            async with open_core(settings) as core, asyncio.TaskGroup() as group:
                desk = group.create_task(core.run_until(stop))
                stopped = group.create_task(stop.wait())
                job = group.create_task(
                    _within_limit(core.local_url, core.control_token, settings, out)
                )
                await asyncio.wait({job, stopped, desk}, return_when=asyncio.FIRST_COMPLETED)
                completed = job.result() if job.done() and not job.cancelled() else None
                job.cancel()
                stop.set()
        except* JigDeskError as failures:
            for failure in failures.exceptions:
                complain(str(failure))
    return completed


async def _within_limit(url: str, token: str, settings: Settings, out: Path | None) -> str | None:
    try:
        async with asyncio.timeout(TIME_LIMIT_S), open_client(url, token) as client:
            return await _run_job(client, settings, out)
    except TimeoutError:
        complain(f"The job did not end within {TIME_LIMIT_S:g} s.")
        return None


async def _run_job(client: DeskClient, settings: Settings, out: Path | None) -> str | None:
    sample = settings.paths.jobs_dir.parent / "sample.png"
    size_bytes = await asyncio.to_thread(lambda: sample.write_bytes(sample_png()))
    say(f"drew a sample picture of {SIZE[0]} by {SIZE[1]} pixels, {size(size_bytes)}")
    client_id = await asyncio.to_thread(own_client_id, settings.paths)
    sent = await send(client, Submission(REQUEST, {"sample.png": sample}), client_id)
    say(f"sent job {sent.job_id}: refine, then enlarge")
    last: DeskEvent | None = None
    with Narrator() as narrator:
        async with contextlib.aclosing(client.events(sent.job_id, client_id)) as events:
            async for event in events:
                if event.name != names.COMPLETED:  # said below, once the files are there
                    narrator.tell(event)
                last = event
    if not succeeded(last):
        return None
    job = await client.api("GET", f"/jobs/{sent.job_id}", query={"client_id": client_id})
    await _take_results(client, sent.job_id, job["files"], out)
    say("completed")
    return sent.job_id


async def _take_results(
    client: DeskClient, job_id: str, files: list[Mapping[str, Any]], out: Path | None
) -> None:
    for file in files:
        name = str(file["key"]).removeprefix(outputs_prefix(job_id))
        if out is None:
            say(f"result {name}")
            continue
        path = out / name
        say(f"result {path}, {size(await client.download(file['url'], path))}")
    if out is None:
        say("(--out DIR keeps the results)")


def _show_log(settings: Settings) -> None:
    with contextlib.suppress(OSError):
        lines = settings.paths.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        complain("The end of the desk's log:\n" + "\n".join(lines[-40:]))
