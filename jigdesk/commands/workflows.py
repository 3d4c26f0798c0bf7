"""`jigdesk workflows`: the templates, as the running desk offers them, and checking them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from jigdesk.commands.client import DeskClient
from jigdesk.commands.jobs import AsJson, with_desk
from jigdesk.commands.output import print_fields, print_json, print_rows
from jigdesk.domain.errors import RequestError
from jigdesk.domain.wording import nearest

app = typer.Typer(help="List, show and check workflow templates.", no_args_is_help=True)


async def _workflows(client: DeskClient) -> dict[str, Any]:
    answer: dict[str, Any] = await client.api("GET", "/workflows")
    return answer


@app.command("list")
def list_workflows(as_json: AsJson = False) -> None:
    """List the workflows of the running desk."""
    answer = with_desk(_workflows)
    if as_json:
        print_json(answer)
        return
    rows = [(item["name"], item["title"], item["description"]) for item in answer["items"]]
    print_rows(("Name", "Title", "Description"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A workflow's name.")], as_json: AsJson = False
) -> None:
    """Show what a workflow takes and gives."""
    found = {item["name"]: item for item in with_desk(_workflows)["items"]}
    if name not in found:
        raise RequestError(
            404, "unknown_workflow", f"This desk has no workflow {name!r}.{nearest(name, found)}"
        )
    workflow = found[name]
    if as_json:
        print_json(workflow)
        return
    print_fields({key: workflow[key] for key in ("name", "title", "description")})
    for kind in ("inputs", "outputs"):
        rows = [(kind[:-1], item["name"], item["kind"]) for item in workflow[kind]]
        print_rows(("", "Name", "Kind"), rows)
    params = [
        ("param", param, spec.get("type", ""), spec.get("default", ""), _bounds(spec))
        for param, spec in workflow["params"].get("properties", {}).items()
    ]
    print_rows(("", "Name", "Type", "Default", "Allowed"), params)


def _bounds(spec: dict[str, Any]) -> str:
    if "enum" in spec:
        return ", ".join(str(choice) for choice in spec["enum"])
    low, high = spec.get("minimum"), spec.get("maximum")
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low}…{'' if high is None else high}"
