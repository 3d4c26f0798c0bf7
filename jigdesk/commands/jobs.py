"""`jigdesk jobs`: what the desk works on, and the owner's word on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from jigdesk.commands.client import DeskClient, DeskEvent, connect
from jigdesk.commands.follow import Narrator, follow, succeeded
from jigdesk.commands.output import complain, percent, print_fields, print_json, print_rows, say
from jigdesk.commands.queue_words import state_words
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.settings import load_settings

app = typer.Typer(help="List, show and move jobs of the running desk.", no_args_is_help=True)

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _check_job_id(text: str) -> str:
    if not is_job_id(text):
        raise typer.BadParameter("a job id is a lowercase UUID, as `jigdesk jobs list` shows it")
    return text


JobId = Annotated[str, typer.Argument(metavar="JOB", callback=_check_job_id, help="A job's id.")]


def with_desk(work: Callable[[DeskClient], Awaitable[T]]) -> T:
    """Run `work` with a client for this home's desk; raises what `work` and `connect` raise."""

    async def run() -> T:
        async with connect(load_settings()) as client:
            return await work(client)

    return asyncio.run(run())


@app.command("list")
def list_jobs(
    state: Annotated[
        list[JobStatus] | None, typer.Option(help="Only jobs in this state; may be repeated.")
    ] = None,
    q: Annotated[str, typer.Option(help="Only jobs with this text.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    cursor: Annotated[str, typer.Option(help="Go on where a list with --json ended.")] = "",
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    query: dict[str, str | int] = {"limit": limit}
    query |= {"state": ",".join(state)} if state else {}
    query |= {name: text for name, text in (("q", q), ("cursor", cursor)) if text}

    async def ask(client: DeskClient) -> tuple[dict[str, Any], dict[str, Any]]:
        page = await client.control("GET", "/jobs", query)
        return page, {} if as_json else await client.control("GET", "/queue")

    page, queue = with_desk(ask)
    if as_json:
        print_json(page)
        return
    if queue["paused"]:  # on standard error, so that a list in a pipe has jobs alone
        complain(f"The queue is {state_words(queue)}")
    columns = ("Job", "Status", "Progress", "Workflow", "Created", "Message")
    rows = [
        (
            job["job_id"],
            job["status"],
            percent(job["progress"]),
            job["workflow"],
            job["created_at"],
            job["message"],
        )
        for job in page["items"]
    ]
    print_rows(columns, rows)


@app.command()
def show(job: JobId, as_json: AsJson = False) -> None:
    """Show everything that the desk knows about a job."""
    found = with_desk(lambda client: client.control("GET", f"/jobs/{job}"))
    if as_json:
        print_json(found)
        return
    plain = {name: value for name, value in found.items() if not isinstance(value, list | dict)}
    print_fields({**plain, "progress": percent(found["progress"]) or None})
    failure = found.get("failure")
    if failure:
        print_fields({f"failure.{name}": value for name, value in failure.items()})
    rows = [(event["at"], event["seq"], event["event"]) for event in found["events"]]
    print_rows(("At", "Seq", "Event"), rows)


@app.command()
def retry(job: JobId, as_json: AsJson = False) -> None:
    """Run a finished job once more, as a new attempt."""
    _move(job, "retry", as_json=as_json)


@app.command()
def cancel(job: JobId, as_json: AsJson = False) -> None:
    """End a job."""
    _move(job, "cancel", as_json=as_json)


def _move(job_id: str, action: str, *, as_json: bool) -> None:
    job: dict[str, Any] = with_desk(
        lambda client: client.control("POST", f"/jobs/{job_id}/{action}")
    )
    if as_json:
        print_json(job)
    else:
        say(f"{job['job_id']} {job['status']}, attempt {job['attempt']}")


@app.command()
def watch(job: JobId, as_json: AsJson = False) -> None:
    """Follow a job to its end; exit 1 unless it completed."""
    last = with_desk(lambda client: narrate(follow(client, job), as_json=as_json))
    raise typer.Exit(0 if succeeded(last) else 1)


async def narrate(
    events: AsyncGenerator[DeskEvent, None], *, as_json: bool = False
) -> DeskEvent | None:
    """Print a job's events until it is final; returns the last, None when there was none."""
    last = None
    with Narrator(as_json=as_json) as narrator:
        async with contextlib.aclosing(events):
            async for event in events:
                narrator.tell(event)
                last = event
    return last
