"""`jigdesk jobs branch`: a new job that starts from what another one has stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from jigdesk.app.own_jobs import own_client_id
from jigdesk.commands.client import DeskClient
from jigdesk.commands.jobs import AsJson, JobId, with_desk
from jigdesk.commands.request import Submission, from_options
from jigdesk.commands.submit import described_workflow, send, tell
from jigdesk.settings import load_settings


def branch(
    job: JobId,
    *,
    stage: Annotated[str, typer.Option(help="The stage of JOB whose results are taken.")],
    workflow: Annotated[str, typer.Option(help="The workflow to run on them.")],
    output: Annotated[
        str | None, typer.Option(help="Which output of the stage; else the first that fits.")
    ] = None,
    index: Annotated[int, typer.Option(min=0, help="Which file of the output.")] = 0,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=FILE",
            help="An input that takes a file instead of the stage's result; may be repeated.",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a new job from a stored stage of JOB, which this home sent; nothing runs twice.

    Another visitor's job is not found: only its owner may branch it.
    """

    async def work(client: DeskClient) -> bool:
        known = await described_workflow(client, workflow)
        wanted = from_options(workflow, param or [], input_ or [], known.get("params", {}))
        source: dict[str, Any] = {"stage": stage, "index": index}
        if output is not None:
            source["output"] = output
        request = branch_request(wanted, known, job, source)
        client_id = await asyncio.to_thread(own_client_id, load_settings().paths)
        sent = await send(client, Submission(request, wanted.files), client_id)
        return await tell(client, sent, wait=wait, as_json=as_json)

    raise typer.Exit(0 if with_desk(work) else 1)


def branch_request(
    wanted: Submission, workflow: Mapping[str, Any], parent: str, source: Mapping[str, Any]
) -> dict[str, Any]:
    """The request of a branch: every input that got no file takes `source`, the parent's result.

    The one stage is called like its workflow, or with `-2` after it where the parent's stage
    has that name.
    """
    name = str(wanted.request["task"])
    inputs: dict[str, Any] = {item["name"]: dict(source) for item in workflow["inputs"]}
    return {
        "stages": [
            {
                "name": f"{name}-2" if name == source["stage"] else name,
                "workflow": name,
                "params": wanted.request["params"],
                "inputs": {**inputs, **wanted.request["inputs"]},
            }
        ],
        "branch_of": {"job_id": parent, "stage": source["stage"]},
    }
