"""`jigdesk workflows`: the templates as the desk offers them, checked and imported."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from jigdesk.adapters.comfyui.http import ComfyHttp
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.adapters.workflows.catalogue import Catalogue, load_catalogue
from jigdesk.adapters.workflows.embedded import read_graph_file
from jigdesk.app.templates import LiveTemplates
from jigdesk.commands.client import DeskNotRunning, LocalFileError
from jigdesk.commands.jobs import AsJson, with_desk
from jigdesk.commands.output import complain, print_fields, print_json, print_rows, say
from jigdesk.domain.api_graph import GRAPH, Report, read_graph
from jigdesk.domain.errors import EngineUnavailable, RequestError
from jigdesk.domain.ids import is_stage_name
from jigdesk.domain.live_check import LiveVerdict, check_live
from jigdesk.domain.proposal import propose
from jigdesk.domain.template import MAX_GRAPH_BYTES, TemplateError, parse_template
from jigdesk.domain.template_check import TOML
from jigdesk.domain.wording import nearest
from jigdesk.resources import workflows_dir
from jigdesk.settings import load_settings

app = typer.Typer(help="List, show, check and import workflow templates.", no_args_is_help=True)


def _workflows() -> dict[str, Any]:
    """What the running desk offers; where none runs, what one would before it asks an engine."""
    try:
        answer: dict[str, Any] = with_desk(lambda client: client.api("GET", "/workflows"))
    except DeskNotRunning:
        templates = LiveTemplates(load_settings().workflows.dirs)
        asyncio.run(templates.load())
        return {"items": list(templates.described()), "next_cursor": None}
    return answer


@app.command("list")
def list_workflows(as_json: AsJson = False) -> None:
    """List the workflows that can be asked for."""
    answer = _workflows()
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
    found = {item["name"]: item for item in _workflows()["items"]}
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


EngineUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="The engine to ask; else that of the running desk, where one runs."
    ),
]


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
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """Check templates, and with an engine at hand whether it can run them.

    Exit 1 when one is broken, or when the engine cannot run one that does not ship with
    JigDesk; each finding names file and field.
    """
    own = dirs or list(load_settings().workflows.dirs)
    catalogue = load_catalogue(own if dirs else [workflows_dir(), *own])
    object_info = asyncio.run(ask_engine(engine))
    verdicts = {}
    if object_info is not None:
        verdicts = {n: check_live(t, object_info) for n, t in catalogue.templates.items()}
    unavailable = {name: verdict for name, verdict in verdicts.items() if verdict.problems}
    ours = set(load_catalogue(own).templates)
    findings = list(_findings(catalogue, verdicts))
    if as_json:
        print_json(
            {
                "sound": sorted(catalogue.templates),
                "available": None if object_info is None else sorted(verdicts.keys() - unavailable),
                "findings": findings,
            }
        )
    else:
        for name in sorted(unavailable.keys() - ours):  # one line: nobody is to mend these
            complain(f"unavailable: {name}: {unavailable[name].reason}")
        for finding in findings:
            if finding["level"] == "unavailable" and finding["workflow"] not in ours:
                continue
            parts = (finding["workflow"], finding["file"], finding["field"], finding["message"])
            complain(f"{finding['level']}: {': '.join(part for part in parts if part)}")
        summary = f"{len(catalogue.templates)} sound, {len(catalogue.broken)} broken"
        if object_info is None:
            say(f"{summary}; no engine was asked")
        else:
            say(f"{summary}; the engine can run {len(verdicts) - len(unavailable)}")
    is_bad = catalogue.broken or catalogue.problems or unavailable.keys() & ours
    raise typer.Exit(1 if is_bad else 0)


@app.command("import")
def import_workflow(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            help="A graph in API format (JSON), or a PNG or WEBP that ComfyUI saved.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Its name; else the file's.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", file_okay=False, help="Where; else the first of workflows.dirs."),
    ] = None,
    engine: EngineUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a template of a graph, with proposed inputs, parameters and outputs to be edited."""
    root = folder or next(iter(load_settings().workflows.dirs), None)
    if root is None:
        raise typer.BadParameter(
            "say where templates are kept: give --dir, or set workflows.dirs", param_hint="--dir"
        )
    chosen = name or re.sub(r"[^a-z0-9_-]+", "-", file.stem.lower()).strip("-_")
    if not is_stage_name(chosen):
        raise typer.BadParameter("a name is of a-z, 0-9, - and _", param_hint="--name")
    target = root / chosen
    if target.exists():
        raise typer.BadParameter(f"{target} is there already", param_hint="--name")
    body = read_graph_file(file)
    report = Report()
    graph = read_graph(body, MAX_GRAPH_BYTES, report)
    if graph is None:
        raise TemplateError(chosen, report.problems)
    object_info = asyncio.run(ask_engine(engine))
    proposal = propose(chosen, graph, object_info)
    graph_bytes = (json.dumps(graph, indent=2, ensure_ascii=False) + "\n").encode()
    template = parse_template(chosen, proposal.toml.encode(), graph_bytes)
    _write(target, {GRAPH: graph_bytes, TOML: proposal.toml.encode()})
    problems = () if object_info is None else check_live(template, object_info).problems
    declared = {
        "inputs": list(template.inputs),
        "params": list(template.params),
        "outputs": list(template.outputs),
    }
    if as_json:
        said = {"notes": list(proposal.notes), "unavailable": [str(one) for one in problems]}
        print_json({"name": chosen, "folder": str(target), **declared, **said})
        return
    say(f"{target}")
    for kind, names in declared.items():
        say(f"{kind}: {', '.join(names) or 'none'}")
    for note in proposal.notes:
        complain(f"note: {note}")
    for problem in problems:
        complain(f"unavailable: {problem}")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder with these files, or leave none; raises LocalFileError."""
    try:
        folder.mkdir(parents=True)
        try:
            for name, body in files.items():
                (folder / name).write_bytes(body)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)  # half a template is a broken one
            raise
    except OSError as error:
        raise LocalFileError(folder, f"cannot be written: {error.strerror}") from error


async def ask_engine(url: str | None) -> Mapping[str, Any] | None:
    """What the engine has: that at `url`, else the running desk's; None where none is known.

    Raises EngineUnavailable when one was named and does not answer.
    """
    known = url or await asyncio.to_thread(_desks_engine)
    if known is None:
        return None
    async with aiohttp.ClientSession(trust_env=False) as session:
        try:
            return await ComfyHttp(session, known, Timing()).object_info()
        except EngineUnavailable:
            if url is not None:
                raise
            return None


def _desks_engine() -> str | None:
    settings = load_settings()
    if settings.comfyui.kind == "remote":
        return settings.comfyui.url
    try:
        found = json.loads(settings.paths.listeners.read_bytes()).get("engine_url")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _findings(
    catalogue: Catalogue, verdicts: Mapping[str, LiveVerdict]
) -> Iterator[dict[str, str]]:
    by_workflow = [
        *(("error", "", problem) for problem in catalogue.problems),
        *(("error", name, p) for name, error in catalogue.broken.items() for p in error.problems),
        *(("unavailable", name, p) for name, v in verdicts.items() for p in v.problems),
        *(("warning", name, w) for name, t in catalogue.templates.items() for w in t.warnings),
        *(("warning", name, w) for name, v in verdicts.items() for w in v.warnings),
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
