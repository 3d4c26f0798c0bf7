"""The command line in this process: usage, settings, exit codes."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jigdesk import cli
from jigdesk.commands.output import clean
from tests.harness.waiting import PATIENCE_S

ROOT = Path(__file__).parents[3]

SUBCOMMANDS = [
    [],
    ["serve"],
    ["demo"],
    ["submit"],
    ["jobs"],
    *(["jobs", name] for name in ("list", "show", "retry", "cancel", "watch", "branch")),
    ["workflows"],
    *(["workflows", name] for name in ("list", "show", "check", "import")),
    ["comfyui"],
    *(
        ["comfyui", name]
        for name in ("detect", "install", "status", "start", "stop", "restart", "free")
    ),
    *(["comfyui", name] for name in ("attach", "end-owner", "move")),
    ["queue"],
    *(["queue", name] for name in ("status", "pause", "resume", "drain")),
    ["config"],
    *(["config", name] for name in ("path", "show", "set", "init")),
]


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JIGDESK_HOME", str(home))
    return home


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: str
) -> tuple[int, str, str]:
    """Run `jigdesk ARGS` as the installed script does; returns exit code, output, errors."""
    monkeypatch.setattr("sys.argv", ["jigdesk", *args])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    captured = capsys.readouterr()
    code = caught.value.code
    return code if isinstance(code, int) else 0, captured.out, captured.err


@pytest.mark.parametrize("command", SUBCOMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    result = CliRunner().invoke(cli.app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_no_desk_is_exit_1_with_what_to_do(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, "jobs", "list")
    assert (code, out) == (1, "")
    assert "jigdesk serve" in err


def test_bad_settings_are_exit_2_with_every_problem(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JIGDESK_QUEUE__MAX_DEPTH", "0")
    monkeypatch.setenv("JIGDESK_STORE__KIND", "floppy")
    for command in (["serve"], ["jobs", "list"], ["config", "show"]):
        code, _, err = run(monkeypatch, capsys, *command)
        assert code == 2
        assert "queue.max_depth" in err
        assert "store.kind" in err
        assert "Traceback" not in err


@pytest.mark.parametrize(
    "command",
    [
        ["jobs", "show", "../../etc"],
        ["jobs", "list", "--state", "sleeping"],
        ["submit"],
        ["submit", "blur", "--instructions", __file__],
        ["config", "set", "queue.max_depth"],
        ["config", "set", "publisher.secret", "hunter2222"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_exit_2(
    at_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    code, out, err = run(monkeypatch, capsys, *command)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


def test_config_path_set_and_show(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "config", "path")[1] == f"{at_home / 'config.toml'}\n"
    assert run(monkeypatch, capsys, "config", "init")[0] == 0
    assert run(monkeypatch, capsys, "config", "set", "queue.max_depth", "7")[0] == 0
    assert run(monkeypatch, capsys, "config", "show", "queue.max_depth")[1] == "7\n"
    code, _, err = run(monkeypatch, capsys, "config", "set", "queue.max_depth", "seven")
    assert code == 2
    assert "1 up to 1000000" in err
    shown = json.loads(run(monkeypatch, capsys, "config", "show", "--json")[1])
    assert shown["queue.max_depth"] == 7


def test_a_secret_is_read_from_standard_input_and_never_printed(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"hunter2222\n")
    os.close(write_end)
    with os.fdopen(read_end) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert run(monkeypatch, capsys, "config", "set", "publisher.secret")[0] == 0
    for more in ([], ["--json"], ["publisher.secret"]):
        _, out, err = run(monkeypatch, capsys, "config", "show", *more)
        assert "(set)" in out
        assert "hunter2222" not in out + err


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_secret_that_is_not_utf_8_is_refused(
    at_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    errors: str,
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"hunter\xff2222\n"), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", stdin)
    code, _, err = run(monkeypatch, capsys, "config", "set", "publisher.secret")
    assert code == 2
    assert "publisher.secret: is not UTF-8" in err


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("config show --json >&-", 0),
        ("config path >&- 2>&-", 0),
        ("jobs list 2>&-", 1),
        ("config set publisher.secret <&-", 2),
    ],
)
def test_a_closed_stream_is_no_bug(home: Path, command: str, code: int) -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec {shlex.quote(sys.executable)} -m jigdesk {command}"],
        env={**os.environ, "JIGDESK_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(monkeypatch, capsys, "--version")
    assert code == 0
    assert out.startswith("jigdesk ")


def test_a_text_from_elsewhere_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[2Jb\x07\x9bc\nd") == "a[2Jbc\nd"


def test_the_shipped_workflows_are_sound(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, "workflows", "check")
    assert (code, err) == (0, "")
    assert " 0 broken" in out


def test_a_broken_workflow_is_exit_1_and_named_by_file_and_field(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = at_home / "mine" / "broken"
    folder.mkdir(parents=True)
    (folder / "graph.json").write_text('{"1": {"class_type": "A", "inputs": {}}}')
    (folder / "workflow.toml").write_text('[outputs.x]\nnode = "7"\nkind = "image"\n')
    code, _, err = run(monkeypatch, capsys, "workflows", "check", str(folder.parent))
    assert code == 1
    assert "error: broken: workflow.toml: title" in err
    (at_home / "config.toml").write_text('[workflows]\ndirs = ["mine"]\n')
    code, out, _ = run(monkeypatch, capsys, "workflows", "check", "--json")
    found = json.loads(out)
    assert code == 1
    assert "blur" in found["sound"]
    assert {finding["workflow"] for finding in found["findings"]} == {"broken"}
