"""`jigdesk queue`: how the running desk's queue stands, and the owner's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from jigdesk.commands.client import DeskClient
from jigdesk.commands.jobs import AsJson, with_desk
from jigdesk.commands.output import print_fields, print_json, say
from jigdesk.commands.queue_words import state_words, until_words

app = typer.Typer(help="See, hold and release the queue.", no_args_is_help=True)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether jobs are accepted and start, and what holds them if not."""
    queue = _ask("GET", "")
    if as_json:
        print_json(queue)
        return
    counts = {name: queue[name] for name in ("running", "waiting", "depth")}
    print_fields({"state": state_words(queue), "accepting": queue["accepting"], **counts})
    for refusal in queue["refusals"]:
        say(f"  {refusal}")
    for hold in queue["holds"]:
        word = "lifted" if hold["lifted"] else "holds"
        say(f"  {hold['by']} {word}: {hold['reason']}{until_words(hold['until'])}")


@app.command()
def pause(
    reason: Annotated[
        str, typer.Option(help="Why; shown wherever the pause is.")
    ] = "Paused by the owner.",
    as_json: AsJson = False,
) -> None:
    """Start no job any more; new ones are accepted and wait, and what runs goes on."""
    _move("pause", {"reason": reason}, as_json=as_json)


@app.command()
def resume(as_json: AsJson = False) -> None:
    """End a pause or a drain, and let jobs start in spite of quiet hours and programs."""
    _move("resume", None, as_json=as_json)


@app.command()
def drain(as_json: AsJson = False) -> None:
    """Accept nothing new and finish what is here."""
    _move("drain", None, as_json=as_json)


def _move(step: str, body: Mapping[str, str] | None, *, as_json: bool) -> None:
    queue = _ask("POST", f"/{step}", body)
    if as_json:
        print_json(queue)
    else:
        say(state_words(queue))


def _ask(method: str, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
    async def ask(client: DeskClient) -> dict[str, Any]:
        return dict(await client.control(method, f"/queue{path}", body=body))

    return with_desk(ask)
