"""`jigdesk doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from jigdesk.commands.bundle import write_bundle
from jigdesk.commands.client import DeskLost, DeskNotRunning, connect
from jigdesk.commands.jobs import AsJson
from jigdesk.commands.output import clean, out, print_json, say
from jigdesk.domain.check import Check
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import RequestError
from jigdesk.settings import Settings, load_settings

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}
_WORST_FIRST = ("error", "warning", "ok")


def doctor(
    as_json: AsJson = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.zip",
            dir_okay=False,
            help="Also write settings, health, logs and versions there, without any secret.",
        ),
    ] = None,
) -> None:
    """Check the store, the publisher, the engine, the clock, the disk and the workflows.

    Asks the running desk; opens the parts by itself when none runs. Exit 1 when any check is
    an error.
    """
    settings = load_settings()
    checks = asyncio.run(_look(settings))
    level = next(word for word in _WORST_FIRST if any(one["level"] == word for one in checks))
    if as_json:
        print_json({"level": level, "checks": checks})
    else:
        for one in checks:
            _print(one)
    if bundle is not None:
        count = write_bundle(bundle, settings, checks)
        if not as_json:
            say(f"wrote {count} files into {bundle}; look at them before you send it to anybody")
    if level == "error":
        sys.exit(1)


async def _look(settings: Settings) -> Sequence[Mapping[str, Any]]:
    try:
        async with connect(settings) as client:
            return [_running(), *(await client.control("GET", "/health"))["checks"]]
    except DeskNotRunning:
        from jigdesk.app.doctor import examine  # noqa: PLC0415 - a second's worth of libraries

        return [check.to_dict() for check in await examine(settings)]
    except (DeskLost, RequestError) as failure:
        remedy = "Look at its log (`jigdesk config path` says where the home is), or start it anew."
        return [_check("desk", "error", failure.message, remedy)]


def _running() -> dict[str, Any]:
    return _check("desk", "ok", "The desk runs; these are its own answers.")


def _check(name: str, level: str, message: str, remedy: str = "") -> dict[str, Any]:
    return Check(name, level, message, remedy, utc_now()).to_dict()


def _print(check: Mapping[str, Any]) -> None:
    """One check a line, its remedy below it; the same words in a pipe."""
    level, name = str(check["level"]), str(check["name"])
    console = out()
    console.print(f"{level:<8}", style=_STYLES.get(level), end="", markup=False)
    console.print(clean(f"{name:<10} {check['message']}"), markup=False)
    if check.get("remedy"):
        console.print(clean(f"{'':<19}{check['remedy']}"), markup=False)
