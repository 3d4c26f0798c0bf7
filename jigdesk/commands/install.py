"""`jigdesk comfyui install`: a ComfyUI for the owner who has none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from jigdesk.commands.jobs import AsJson
from jigdesk.commands.output import clean, complain, err, out, print_json, say
from jigdesk.settings import Settings, load_settings
from jigdesk.settings.edit import set_value
from jigdesk.settings.paths import expanded

if TYPE_CHECKING:
    from jigdesk.adapters.process.lines import Line
    from jigdesk.app.install.plan import Gpu
    from jigdesk.app.install.steps import Installed

_LAST_CHARS = 60
_SETTINGS = ("comfyui.kind", "comfyui.path", "comfyui.python", "comfyui.args")


def install(
    context: typer.Context,
    *,
    path: Annotated[
        Path | None,
        typer.Option(
            help="The folder to install into; else where comfy-cli puts it.", metavar="DIR"
        ),
    ] = None,
    nvidia: Annotated[bool, typer.Option("--nvidia", help="For an NVIDIA GPU.")] = False,
    amd: Annotated[bool, typer.Option("--amd", help="For an AMD GPU.")] = False,
    mac: Annotated[bool, typer.Option("--mac", help="For a Mac with its own GPU.")] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="For the processor alone, slow.")] = False,
    version: Annotated[
        str, typer.Option(help="latest (the newest release), nightly, or a number.")
    ] = "latest",
    url: Annotated[
        str | None, typer.Option(help="Another git repository of ComfyUI, or a folder with one.")
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Install the packages of a ComfyUI that is there.")
    ] = False,
    try_it: Annotated[
        bool, typer.Option("--try/--no-try", help="Start it once at the end, for a trial.")
    ] = True,
    quiet_minutes: Annotated[
        float,
        typer.Option(min=0.01, help="Give up when nothing was printed for so long."),
    ] = 30.0,
    configure: Annotated[
        bool | None,
        typer.Option(
            "--configure/--no-configure",
            help="Whether the desk is to run it from now on; else it is asked on a terminal.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Install ComfyUI by means of comfy-cli, and try it.

    comfy-cli gets an environment of its own in the state folder, and ComfyUI one beside its
    main.py. Ended in the middle, the same command goes on. What follows `--` are further options
    of `comfy install`.
    """
    from jigdesk.app.install.plan import Gpu, Wanted, choose_gpu  # noqa: PLC0415
    from jigdesk.app.install.steps import (  # noqa: PLC0415 - much is behind it
        Told,
        install,
        log_path_of,
        look_at_machine,
    )

    asked = _asked({Gpu.NVIDIA: nvidia, Gpu.AMD: amd, Gpu.MAC: mac, Gpu.CPU: cpu})
    settings = load_settings()
    folder = expanded(path or _usual_folder(os.environ, Path.home(), sys.platform)).absolute()
    wanted = Wanted(
        path=folder,
        gpu=choose_gpu(look_at_machine(), asked),
        version=version,
        url=_from_here(url),
        restore=restore,
        more=tuple(context.args),
    )
    with _showing(err() if as_json else out()) as shown:
        try:
            installed = asyncio.run(
                install(
                    wanted,
                    settings.paths,
                    os.environ,
                    Told(shown.step, shown.line),
                    try_it=try_it,
                    quiet_s=quiet_minutes * 60,
                )
            )
        except KeyboardInterrupt:
            complain("Ended. The same command goes on from here.")
            raise
    is_set = _configure(installed, settings, configure, asks=not as_json)
    if as_json:
        print_json(
            {
                "path": str(installed.path),
                "python": str(installed.python),
                "args": list(installed.args),
                "gpu": wanted.gpu.value,
                "configured": is_set,
                "log": str(log_path_of(settings.paths)),
            }
        )


def _asked(flags: Mapping[Gpu, bool]) -> Gpu | None:
    found = [gpu for gpu, is_asked in flags.items() if is_asked]
    if len(found) > 1:
        raise typer.BadParameter("say one of --nvidia, --amd, --mac and --cpu")
    return found[0] if found else None


def _from_here(url: str | None) -> str | None:
    """A relative folder counts from where the command was given."""
    return str(Path(url).absolute()) if url is not None and Path(url).is_dir() else url


def _usual_folder(env: Mapping[str, str], home: Path, platform: str) -> Path:
    """Where comfy-cli would put it, unless there is a home that holds everything."""
    own = env.get("JIGDESK_HOME", "").strip()
    if own:
        return Path(own) / "ComfyUI"
    base = home / "Documents" if platform in ("win32", "darwin") else home
    return base / "comfy" / "ComfyUI"


# --- what it runs from now on ---------------------------------------------------------------------


def _configure(
    installed: Installed, settings: Settings, configure: bool | None, *, asks: bool
) -> bool:
    """Set the desk to run it, when that is wanted; else print the commands that would."""
    if configure is None and asks and sys.stdin.isatty() and sys.stdout.isatty():
        configure = typer.confirm("Is the desk to run it from now on?", default=True)
    values = _values(installed, settings)
    if configure:
        for key, value in values.items():
            set_value(key, value, os.environ)
        if asks:
            say("The desk runs it from its next start on.")
            held = [f"JIGDESK_{key.upper().replace('.', '__')}" for key in _SETTINGS]
            for name in held:
                if name in os.environ:
                    say(f"But {name} is set in the environment, and wins.")
    elif asks:
        say("To let the desk run it:")
        for key, value in values.items():
            say(f"  jigdesk config set {key} {shlex.quote(value)}")
    return bool(configure)


def _values(installed: Installed, settings: Settings) -> dict[str, str]:
    """The settings, in an order in which each is allowed."""
    args = list(settings.comfyui.args)
    args += [word for word in installed.args if word not in args]
    values = {"comfyui.path": str(installed.path), "comfyui.python": str(installed.python)}
    if args != list(settings.comfyui.args):
        values["comfyui.args"] = json.dumps(args)
    return {**values, "comfyui.kind": "managed"}


# --- how it goes on -------------------------------------------------------------------------------


class _Shown:
    """Prints steps and lines; on a terminal with a clock and the line that moves below them."""

    def __init__(self, console: Console, progress: Progress | None, task: TaskID | None) -> None:
        self._console = console
        self._progress = progress
        self._task = task

    def step(self, text: str) -> None:
        self._console.print(clean(text), style="bold", markup=False)
        self._now(text)

    def line(self, line: Line) -> None:
        text = clean(line.text).rstrip()
        if line.transient:
            self._now(text.strip())
        elif text:
            self._console.print(f"  {text}", style="dim", markup=False)

    def _now(self, text: str) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=text[:_LAST_CHARS])


@contextlib.contextmanager
def _showing(console: Console) -> Iterator[_Shown]:
    if not console.is_terminal:
        yield _Shown(console, None, None)
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Shown(progress.console, progress, progress.add_task("", total=None))
