"""The user unit that ships: it fits what the program does."""

from __future__ import annotations

import configparser
from pathlib import Path

from jigdesk import cli
from jigdesk.commands.stopping import GRACE_S
from jigdesk.resources import assets_dir
from jigdesk.settings.secrets import secret_fields

UNIT = assets_dir() / "systemd" / "jigdesk.service"


def _unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser


def test_it_runs_a_command_that_exists_and_waits_for_its_end() -> None:
    service = _unit()["Service"]
    program, command = service["ExecStart"].split()
    assert Path(program).name == "jigdesk"
    assert command in {one.callback.__name__ for one in cli.app.registered_commands if one.callback}
    assert float(service["TimeoutStopSec"]) > GRACE_S
    assert service["KillMode"] == "mixed"  # children are ended by the desk, then by systemd


def test_bad_settings_are_not_tried_again() -> None:
    assert int(_unit()["Service"]["RestartPreventExitStatus"]) == cli.BAD_USAGE


def test_the_desk_outlives_an_engine_that_the_kernel_ends_for_want_of_memory() -> None:
    assert _unit()["Service"]["OOMPolicy"] == "continue"


def test_its_example_of_a_credential_is_a_secret_of_ours() -> None:
    (line,) = [one for one in UNIT.read_text().splitlines() if "LoadCredential" in one]
    name = line.partition("=")[2].partition(":")[0]
    assert name in {entry.file_name for entry in secret_fields()}
