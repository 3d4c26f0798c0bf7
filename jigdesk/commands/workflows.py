"""`jigdesk workflows`: the templates, as the running desk offers them, and checking them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from jigdesk.adapters.workflows.catalogue import Catalogue, load_catalogue
from jigdesk.commands.client import DeskClient
from jigdesk.commands.jobs import AsJson, with_desk
from jigdesk.commands.output import complain, print_fields, print_json, print_rows, say
from jigdesk.domain.errors import RequestError
from jigdesk.domain.wording import nearest
from jigdesk.resources import workflows_dir
from jigdesk.settings import load_settings

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


@app.command()
def check(
    dirs: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folders with templates; else those that ship and those of the settings.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check templates, with no desk running; exit 1 when one is broken, naming file and field."""
    folders = dirs or [workflows_dir(), *load_settings().workflows.dirs]
    catalogue = load_catalogue(folders)
    findings = list(_findings(catalogue))
    if as_json:
        print_json({"sound": sorted(catalogue.templates), "findings": findings})
    else:
        for finding in findings:
            parts = (finding["workflow"], finding["file"], finding["field"], finding["message"])
            complain(f"{finding['level']}: {': '.join(part for part in parts if part)}")
        say(f"{len(catalogue.templates)} sound, {len(catalogue.broken)} broken")
    raise typer.Exit(1 if catalogue.broken or catalogue.problems else 0)


def _findings(catalogue: Catalogue) -> Iterator[dict[str, str]]:
    by_workflow = [
        *(("error", "", problem) for problem in catalogue.problems),
        *(("error", name, p) for name, error in catalogue.broken.items() for p in error.problems),
        *(("warning", name, w) for name, t in catalogue.templates.items() for w in t.warnings),
    ]
    for level, workflow, problem in by_workflow:
        yield {
            "level": level,
            "workflow": workflow,
            "file": problem.file,
            "field": problem.field,
            "message": problem.message,
        }


def _bounds(spec: dict[str, Any]) -> str:
    if "enum" in spec:
        return ", ".join(str(choice) for choice in spec["enum"])
    low, high = spec.get("minimum"), spec.get("maximum")
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low}…{'' if high is None else high}"
