"""Following a job to its end, and what is printed of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from jigdesk.commands.client import DeskClient, DeskEvent
from jigdesk.commands.output import clean, out, percent, say
from jigdesk.domain import events as names
from jigdesk.domain.job import FINAL, JobStatus

_POLL_S = 1.0
_CLIENT = "client:"


async def follow(client: DeskClient, job_id: str) -> AsyncGenerator[DeskEvent, None]:
    """Every event of a job that this desk knows, from the first on, until it is final.

    A browser's job is followed over its event stream; one that belongs to a signed-in user or
    to the host alone has no stream for us, so its record is read once a second.
    """
    job = await client.control("GET", f"/jobs/{job_id}")
    owner = str(job.get("owner_id") or "")
    if owner.startswith(_CLIENT):
        async with contextlib.aclosing(
            client.events(job_id, owner.removeprefix(_CLIENT))
        ) as stream:
            async for event in stream:
                yield event
        return
    last_seq = 0
    while True:
        for entry in job["events"]:
            if entry["seq"] > last_seq:
                last_seq = entry["seq"]
                yield DeskEvent(entry["event"], last_seq, entry["data"])
        if job["status"] in FINAL:
            return
        await asyncio.sleep(_POLL_S)
        job = await client.control("GET", f"/jobs/{job_id}")


async def last_of(events: AsyncGenerator[DeskEvent, None]) -> DeskEvent | None:
    """The last event of a job, once it is final; None when there was none. Prints nothing."""
    last = None
    async with contextlib.aclosing(events):
        async for event in events:
            last = event
    return last


class Narrator:
    """Prints a job's events: a bar on a terminal, a line a step in a pipe, JSON lines on request.

    Use as a context manager; `tell` takes the events in order.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        console = out()
        self._json = as_json
        self._last_line = ""
        self._bar: Progress | None = None
        if console.is_terminal and not as_json:
            columns = (
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.description}"),
            )
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> Narrator:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, event: DeskEvent) -> None:
        """Print one event; repeated progress of the same step is left out in a pipe."""
        if self._json:
            line = {"event": event.name, "seq": event.seq, "data": dict(event.data)}
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            return
        line_text = describe(event)
        if event.name == names.PROGRESS and self._bar is not None:
            progress = event.data.get("progress")
            done = float(progress) if isinstance(progress, int | float) else None
            text = step(event.data).replace("[", r"\[")
            self._bar.update(self._task, completed=done, description=text)
            return
        if not line_text or line_text == self._last_line:
            return
        self._last_line = line_text
        if self._bar is not None:
            self._bar.console.print(line_text, markup=False)
        else:
            say(line_text)


def describe(event: DeskEvent) -> str:
    """One line about an event; empty for the short names, which repeat what was said."""
    data = event.data
    match event.name:
        case names.ACCEPTED:
            position = data.get("position")
            return "accepted" + (f", number {position} in the queue" if position else "")
        case names.PROGRESS:
            return f"{percent(data.get('progress')):>4} {step(data)}"
        case names.NEW_FILES:
            files = [clean(item.get("key")) for item in data.get("new_files", ())]
            return "\n".join(f"     new {key}" for key in files)
        case names.COMPLETED:
            return "completed"
        case names.FAILED:
            return clean(f"failed: {data.get('message')} ({data.get('code')})")
    return ""


def step(data: Mapping[str, Any]) -> str:
    """Where a job is: its status, stage and node."""
    parts = [data.get("status"), data.get("stage"), data.get("node_title") or data.get("node")]
    return " · ".join(clean(part) for part in parts if part)


def succeeded(last: DeskEvent | None) -> bool:
    """Whether the event that ended a job says that it is completed."""
    if last is None:
        return False
    if last.name in (names.COMPLETED, names.DONE_SHORT):
        return True
    return last.data.get("status") == JobStatus.COMPLETED
