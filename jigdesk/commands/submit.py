"""`jigdesk submit`: sends a job the way a browser does."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from jigdesk.app.own_jobs import own_client_id
from jigdesk.commands.client import DeskClient
from jigdesk.commands.follow import last_of, succeeded
from jigdesk.commands.jobs import AsJson, narrate, with_desk
from jigdesk.commands.output import print_json, say
from jigdesk.commands.request import Submission, from_instructions, from_options
from jigdesk.domain.clock import to_rfc3339, utc_now
from jigdesk.domain.described import read_described
from jigdesk.domain.errors import RequestError
from jigdesk.domain.wording import nearest
from jigdesk.settings import load_settings


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that was sent, and the client id that it belongs to."""

    job_id: str
    client_id: str


def submit(
    workflow: Annotated[
        str | None, typer.Argument(help="Name of a workflow; see `jigdesk workflows list`.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=FILE", help="An input file; may be repeated."),
    ] = None,
    instructions: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="Stages in command-line form, one a line, instead of WORKFLOW; "
            "files are found beside it.",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a job to the running desk; with --wait exit 1 unless it completed."""
    if (workflow is None) == (instructions is None):
        raise typer.BadParameter("give either WORKFLOW or --instructions FILE")
    if instructions is not None and (param or input_):
        raise typer.BadParameter("--param and --input go with WORKFLOW, not with --instructions")

    async def work(client: DeskClient) -> bool:
        if instructions is not None:
            items = (await client.api("GET", "/workflows"))["items"]
            known = {item["name"]: read_described(item) for item in items}
            catalogue = {name: item for name, item in known.items() if item is not None}
            wanted = from_instructions(instructions, catalogue)
        else:
            described = await described_workflow(client, str(workflow))
            wanted = from_options(
                str(workflow), param or [], input_ or [], described.get("params", {})
            )
        client_id = await asyncio.to_thread(own_client_id, load_settings().paths)
        sent = await send(client, wanted, client_id)
        return await tell(client, sent, wait=wait, as_json=as_json)

    raise typer.Exit(0 if with_desk(work) else 1)


async def tell(client: DeskClient, sent: Submitted, *, wait: bool, as_json: bool) -> bool:
    """Print a job that was just sent and, with `wait`, how it goes on.

    As JSON it is one document in one line: with `wait` the job as it ended, with its files.
    Returns False when it was waited for and did not complete.
    """
    ids = {"job_id": sent.job_id, "client_id": sent.client_id}
    if not wait:
        if as_json:
            print_json(ids)
        else:
            say(sent.job_id)
        return True
    # the desk itself may not know the job yet, but its stream is there from the 201 on
    events = client.events(sent.job_id, sent.client_id)
    if not as_json:
        say(sent.job_id)
        return succeeded(await narrate(events))
    last = await last_of(events)
    job = await client.api("GET", f"/jobs/{sent.job_id}", query={"client_id": sent.client_id})
    sys.stdout.write(json.dumps({**job, **ids}, ensure_ascii=False) + "\n")
    return succeeded(last)


async def described_workflow(client: DeskClient, name: str) -> Mapping[str, Any]:
    """One workflow as the desk offers it; raises RequestError(404) that names the nearest."""
    described = {item["name"]: item for item in (await client.api("GET", "/workflows"))["items"]}
    if name not in described:
        raise RequestError(
            404,
            "unknown_workflow",
            f"This desk has no workflow {name!r}.{nearest(name, described)}",
        )
    found: Mapping[str, Any] = described[name]
    return found


async def send(client: DeskClient, wanted: Submission, client_id: str) -> Submitted:
    """Create the job, upload its files and, last, its request.json.

    Cancelling leaves a job without a manifest, which the desk never runs.
    """
    files = [
        {
            "name": name,
            "size_bytes": (await asyncio.to_thread(path.stat)).st_size,
            "content_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
        }
        for name, path in wanted.files.items()
    ]
    body = {"client_id": client_id, "request": wanted.request, "files": files}
    created = await client.api("POST", "/jobs", body=body)
    for upload in created["uploads"]:
        await client.upload(upload, wanted.files[upload["name"]])
    job_id = str(created["job_id"])
    manifest = {
        "version": 1,
        "job_id": job_id,
        "client_id": client_id,
        "created_at": to_rfc3339(utc_now()),
        **wanted.request,
    }
    await client.upload(created["manifest_upload"], json.dumps(manifest).encode())
    return Submitted(job_id, client_id)
