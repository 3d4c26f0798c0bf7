"""`jigdesk comfyui`: the engine, and the installations that the desk could run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from jigdesk.commands.client import DeskClient
from jigdesk.commands.install import install
from jigdesk.commands.jobs import AsJson, with_desk
from jigdesk.commands.output import print_fields, print_json, print_rows, say
from jigdesk.settings.edit import set_value
from jigdesk.settings.paths import expanded

app = typer.Typer(help="Find installations, and see and move the engine.", no_args_is_help=True)

app.command(context_settings={"allow_extra_args": True})(install)

FAILED = 1


@app.command()
def detect(
    folder: Annotated[
        list[Path] | None, typer.Argument(help="Folders to look in, beside the usual ones.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the ComfyUI installations of this machine; fails when there is none."""
    from jigdesk.app.installs import Machine, find_installs  # noqa: PLC0415 - much is behind it

    extra = tuple(expanded(path) for path in folder or ())
    found = find_installs(Machine(Path.home(), os.environ, sys.platform, extra))
    if as_json:
        items = [
            {
                "kind": one.kind.value,
                "path": str(one.path),
                "python": None if one.python is None else str(one.python),
                "version": one.version,
                "base": None if one.base is None else str(one.base),
            }
            for one in found
        ]
        print_json({"items": items})
    elif found:
        rows = [(one.kind.value, one.version, one.path, one.python) for one in found]
        print_rows(("Kind", "Version", "Folder", "Python"), rows)
        if sys.stdout.isatty():
            _how(found[0].path, found[0].python, found[0].base)
    else:
        say("No ComfyUI was found. Name the folder that it lies in, or install one:")
        say("  jigdesk comfyui install")
    if not found:
        raise typer.Exit(FAILED)


def _how(path: Path, python: Path | None, base: Path | None) -> None:
    say("\nTo run the first of them:")
    say("  jigdesk config set comfyui.kind managed")
    say(f"  jigdesk config set comfyui.path '{path}'")
    if python is not None:
        say(f"  jigdesk config set comfyui.python '{python}'")
    if base is not None:
        say(f'  jigdesk config set comfyui.args \'["--base-directory", "{base}"]\'')


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the running desk's engine, with its last lines of output."""

    async def ask(client: DeskClient) -> dict[str, Any]:
        return dict(await client.control("GET", "/comfyui"))

    state = with_desk(ask)
    if as_json:
        print_json(state)
        return
    lines = state.pop("last_lines", [])
    print_fields({name: value for name, value in state.items() if not isinstance(value, dict)})
    if owner := state.get("port_owner"):
        say(f"\nThe port is held by process {owner['pid'] or 'unknown'}: {owner['command'] or '?'}")
        if owner["pid"]:
            say(f"  jigdesk comfyui end-owner {owner['pid']}   ends it and starts the engine")
        say("  jigdesk comfyui attach   uses it as it is, if it is a ComfyUI")
        say("  jigdesk comfyui move PORT   starts the engine on another port")
    for line in lines:
        say(f"  {line}")


def _move(action: str) -> None:
    async def ask(client: DeskClient) -> dict[str, Any]:
        return dict(await client.control("POST", f"/comfyui/{action}"))

    state = with_desk(ask)
    say(str(state.get("status") or "done"))


Keep = Annotated[bool, typer.Option("--keep", help="Write it into config.toml as well.")]


@app.command()
def attach(keep: Keep = False) -> None:
    """Use the ComfyUI that somebody else runs on the engine's port, as it is."""
    state = _settle("attach", {})
    say(f"attached to {state['url']}")
    _keep({"comfyui.url": str(state["url"]), "comfyui.kind": "remote"}, keep)


@app.command()
def end_owner(
    pid: Annotated[int, typer.Argument(min=1, help="The process, as `status` names it.")],
) -> None:
    """End the process that holds the engine's port, and start the engine there."""
    say(str(_settle("end-owner", {"pid": pid}).get("status")))


@app.command()
def move(
    port: Annotated[int, typer.Argument(min=1, max=65_535, help="A free port.")],
    keep: Keep = False,
) -> None:
    """Start the engine on another port."""
    say(f"{_settle('move', {'port': port}).get('status')} on port {port}")
    _keep({"comfyui.port": str(port)}, keep)


def _settle(action: str, query: dict[str, str | int]) -> dict[str, Any]:
    async def ask(client: DeskClient) -> dict[str, Any]:
        return dict(await client.control("POST", f"/comfyui/{action}", query))

    return with_desk(ask)


def _keep(values: dict[str, str], keep: bool) -> None:
    if not keep:
        say("Until the desk ends. To keep it, say --keep.")
        return
    for key, value in values.items():
        say(f"{key} is set in {set_value(key, value, os.environ)}")


@app.command()
def start() -> None:
    """Start the engine of the running desk."""
    _move("start")


@app.command()
def stop() -> None:
    """Stop the engine; jobs wait until it is started again."""
    _move("stop")


@app.command()
def restart() -> None:
    """Stop the engine and start it again."""
    _move("restart")


@app.command()
def free() -> None:
    """Unload models and free GPU memory before the next prompt."""
    _move("free")
