"""`jigdesk config`: where settings stand, what they are, and changing them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from jigdesk.commands.jobs import AsJson
from jigdesk.commands.output import print_json, print_rows, say
from jigdesk.settings import Problem, Settings, SettingsError, load_settings
from jigdesk.settings.edit import find_field, set_secret, set_value, write_initial
from jigdesk.settings.fields import fields
from jigdesk.settings.paths import find_paths
from jigdesk.settings.secrets import NOT_UTF_8

app = typer.Typer(help="Show and change the settings.", no_args_is_help=True)

HIDDEN = "(set)"


@app.command()
def path(as_json: AsJson = False) -> None:
    """Print where config.toml is, whether it exists or not."""
    config_file = str(find_paths(os.environ).config_file)
    if as_json:
        print_json({"config_file": config_file})
    else:
        sys.stdout.write(f"{config_file}\n")


@app.command()
def show(
    key: Annotated[
        str | None, typer.Argument(help="One key, such as queue.max_depth, or one section.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the settings as they are in force; of a secret only whether it is set."""
    settings = load_settings()
    every = fields()
    section = [entry for entry in every.values() if key in (None, entry.section)]
    wanted = section or [find_field(str(key))]
    values = {entry.key: shown(settings, entry.key) for entry in wanted}
    if key in values:
        if as_json:
            print_json(values[key])
        else:
            print_rows(("",), [(_text(values[key]),)])
        return
    if as_json:
        print_json(values)
        return
    print_rows(("Setting", "Value"), [(name, _text(value)) for name, value in values.items()])


@app.command("set")
def set_(
    key: Annotated[str, typer.Argument(help="A key, such as store.bucket.")],
    value: Annotated[
        str | None,
        typer.Argument(help='Its value; lists as JSON; "" takes the key out. Not for secrets.'),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change one setting in config.toml; a secret is asked for and kept in a file of its own."""
    entry = find_field(key)
    if not entry.secret:
        if value is None:
            raise typer.BadParameter("a value is needed", param_hint="VALUE")
        _written(f"{key} is set in", key, set_value(key, value, os.environ), as_json=as_json)
        return
    if value is not None:
        raise typer.BadParameter(
            "a secret on the command line can be read by every user of this machine; leave it "
            "out and it is asked for, or read from standard input",
            param_hint="VALUE",
        )
    try:
        secret = typer.prompt(key, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    except UnicodeDecodeError:  # without its text, which a traceback would show
        raise SettingsError([Problem(key, NOT_UTF_8)]) from None
    _written(f"{key} is kept in", key, set_secret(key, secret, os.environ), as_json=as_json)


@app.command()
def init(as_json: AsJson = False) -> None:
    """Write a config.toml in which every setting stands as a comment."""
    written = write_initial(os.environ)
    if as_json:
        print_json({"config_file": str(written)})
    else:
        say(f"Written: {written}")


def _written(text: str, key: str, file: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"key": key, "file": str(file)})
    else:
        say(f"{text} {file}")


def shown(settings: Settings, key: str) -> Any:
    """One setting as JSON; `(set)` for a secret, None for what is not set."""
    section, _, name = key.rpartition(".")
    value = getattr(getattr(settings, section) if section else settings, name)
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)
