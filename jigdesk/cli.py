"""`jigdesk`: the command line. Exit 0 is ok, 1 failed, 2 bad usage or settings."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jigdesk import __version__
from jigdesk.commands import comfyui, config, jobs, queue, workflows
from jigdesk.commands.branch import branch
from jigdesk.commands.demo import demo
from jigdesk.commands.display import has_display, trying_display
from jigdesk.commands.doctor import doctor
from jigdesk.commands.output import complain
from jigdesk.commands.serve import serve
from jigdesk.commands.submit import submit
from jigdesk.domain.errors import JigDeskError
from jigdesk.settings import SettingsError

FAILED = 1
BAD_USAGE = 2

app = typer.Typer(
    name="jigdesk",
    help="Runs a web site's generative-AI jobs on this machine's ComfyUI.",
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print local variables, secrets among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(demo)
app.command()(submit)
app.command()(doctor)
jobs.app.command()(branch)
app.add_typer(jobs.app, name="jobs")
app.add_typer(queue.app, name="queue")
app.add_typer(workflows.app, name="workflows")
app.add_typer(comfyui.app, name="comfyui")
app.add_typer(config.app, name="config")


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"jigdesk {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def desktop(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Open the desktop app when no command is given."""
    if context.invoked_subcommand is None:
        raise typer.Exit(open_window())


def open_window() -> int:
    """Open the window and return its exit code; 1, with what to do, where there is no Qt."""
    headless = "`jigdesk serve` runs the same desk without a window."
    if importlib.util.find_spec("ui") is None or importlib.util.find_spec("ui.main") is None:
        complain(f"This installation has no window. {headless}")
        return FAILED
    if not has_display(os.environ):
        complain(f"There is no display here (DISPLAY and WAYLAND_DISPLAY are unset). {headless}")
        return FAILED
    with trying_display() as why_not:  # while Qt is loaded here
        try:
            window = importlib.import_module("ui.main").main  # Qt is loaded for the window alone
        except ImportError as exc:
            complain(
                f"The window needs Qt, which cannot be loaded ({exc}). Install PySide6-Essentials, "
                f"and on Debian libegl1, libgl1, libxkbcommon0 and libdbus-1-3. {headless}"
            )
            return FAILED
        if reason := why_not():
            complain(f"The window cannot be opened. {reason} {headless}")
            return FAILED
    return int(window())


def main() -> None:
    """Run the command line and exit; an expected failure is one message and no traceback."""
    _open_streams()
    try:
        app()
    except SettingsError as exc:
        complain(exc.message)
        sys.exit(BAD_USAGE)
    except JigDeskError as exc:
        field = f" ({exc.field})" if exc.field else ""
        complain(f"{exc.message}{field}")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        complain("Interrupted.")
        sys.exit(FAILED)


def _open_streams() -> None:
    """Put nothing in the place of a standard stream that is closed, which Python has as None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for life
