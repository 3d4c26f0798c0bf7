"""Section 8: the command line, with nothing but arguments, exit codes and what is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.harness.pictures import photo
from tests.harness.serving import ROOT, Serving, command, environment
from tests.harness.shapes import JOB_ID

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def picture(desk: Serving) -> Path:
    path = desk.home / "photo.png"
    path.write_bytes(photo())
    return path


COMMANDS = ["", "serve", "demo", "submit", "jobs", "jobs watch", "workflows check", "config set"]


@pytest.mark.parametrize("words", COMMANDS)
def test_help_for_each(tmp_path: Path, words: str) -> None:
    done = command(tmp_path, *words.split(), "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        "nonsense",
        "jobs show not-a-job",
        "jobs list --nonsense",
        "config set queue.nonsense 1",
        "config show queue.nonsense",
        "submit blur --param radius",
        "submit",
    ],
)
def test_bad_usage_is_2(desk: Serving, words: str) -> None:
    done = desk.run(*words.split())
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        f"jobs show {NOBODY}",
        f"jobs watch {NOBODY}",
        "workflows show nonsense",
        "submit nonsense",
        "serve",
    ],
)
def test_what_fails_is_1(desk: Serving, words: str) -> None:
    done = desk.run(*words.split())
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_without_a_desk_commands_say_so(tmp_path: Path) -> None:
    for words in ("jobs list --json", "submit blur"):
        done = command(tmp_path, *words.split())
        assert done.returncode == 1, words
        assert "serve" in done.stderr, "what to do about it"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_the_window_says_so(tmp_path: Path) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    env = {name: value for name, value in environment(tmp_path).items() if name not in hidden}
    done = command(tmp_path, env=env)
    assert done.returncode == 1
    assert "jigdesk serve" in done.stderr


def test_submit_and_everything_about_the_job(desk: Serving, picture: Path) -> None:
    args = ("submit", "blur", "--param", "radius=5", "--input", f"image={picture}")
    sent = desk.run(*args, "--wait")
    assert sent.returncode == 0, sent.stderr
    lines = sent.stdout.split()
    job_id = next(word for word in lines if JOB_ID.fullmatch(word))
    assert "completed" in sent.stdout

    listed = json.loads(desk.run("jobs", "list", "--json").stdout)
    assert job_id in [item["job_id"] for item in listed["items"]]
    shown = json.loads(desk.run("jobs", "show", job_id, "--json").stdout)
    assert (shown["job_id"], shown["status"]) == (job_id, "completed")
    watched = desk.run("jobs", "watch", job_id, "--json")
    assert watched.returncode == 0
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert events[-1]["event"] == "job_done"
    manifest = desk.document(f"jobs/{job_id}/manifest.json")
    assert manifest["stages"][0]["params"] == {"radius": 5}
    with Image.open(desk.bucket / f"outputs/{job_id}/blur/result.png") as result:
        assert result.size == (64, 48)

    refused = desk.run("jobs", "cancel", job_id)
    assert refused.returncode == 1, "it has ended"
    retried = desk.run("jobs", "retry", job_id)
    assert retried.returncode == 0
    again = desk.run("jobs", "watch", job_id)
    assert again.returncode == 0
    assert json.loads(desk.run("jobs", "show", job_id, "--json").stdout)["attempt"] == 2


def test_submit_waits_and_fails_with_the_job(desk: Serving) -> None:
    (desk.home / "no.png").write_bytes(b"no picture")
    sent = desk.run("submit", "blur", "--input", "image=no.png", "--wait")
    assert sent.returncode == 1
    assert "picture" in sent.stdout + sent.stderr


def test_submit_without_wait_and_cancel(slow_desk: Serving, picture: Path) -> None:
    desk = slow_desk
    args = ("submit", "refine", "--param", "steps=100", "--input", f"image={picture}", "--json")
    sent = desk.run(*args)
    assert sent.returncode == 0
    job_id = json.loads(sent.stdout)["job_id"]
    assert desk.run("jobs", "cancel", job_id).returncode == 0
    watched = desk.run("jobs", "watch", job_id)
    assert watched.returncode == 1, "1 unless it completed"
    assert json.loads(desk.run("jobs", "show", job_id, "--json").stdout)["status"] == "cancelled"


def test_submit_instructions(desk: Serving, picture: Path) -> None:
    steps = desk.home / "steps.txt"
    steps.write_text(
        f"# two stages\nsoft: blur --radius=3 --image {picture.name}\nbig: upscale --scale 2\n"
    )
    sent = desk.run("submit", "--instructions", str(steps), "--wait")
    assert sent.returncode == 0, sent.stderr
    job_id = next(word for word in sent.stdout.split() if JOB_ID.fullmatch(word))
    files = desk.document(f"outputs/{job_id}/output.json")["files"]
    assert [(file["stage"], file["width"]) for file in files] == [("soft", 64), ("big", 128)]
    steps.write_text("blur --radius x --image photo.png\n")
    bad = desk.run("submit", "--instructions", str(steps), "--wait")
    assert bad.returncode in (1, 2)
    assert "radius" in bad.stderr + bad.stdout


def test_workflows(desk: Serving) -> None:
    listed = json.loads(desk.run("workflows", "list", "--json").stdout)
    assert {item["name"] for item in listed["items"]} >= {"blur", "upscale", "invert"}
    shown = json.loads(desk.run("workflows", "show", "blur", "--json").stdout)
    assert shown["params"]["properties"]["radius"]["maximum"] == 31
    checked = desk.run("workflows", "check", "--json")
    assert checked.returncode == 0
    assert "refine" in json.loads(checked.stdout)["sound"]


def test_workflows_without_a_desk(tmp_path: Path) -> None:
    env = environment(tmp_path)
    listed = json.loads(command(tmp_path, "workflows", "list", "--json", env=env).stdout)
    assert {item["name"] for item in listed["items"]} >= {"blur", "upscale", "invert"}
    shown = command(tmp_path, "workflows", "show", "blur", env=env)
    assert shown.returncode == 0
    assert "radius" in shown.stdout
    unknown = command(tmp_path, "workflows", "show", "blurr", env=env)
    assert unknown.returncode == 1
    assert "'blur'" in unknown.stderr


def test_json_is_one_document(desk: Serving, picture: Path) -> None:
    """Whoever adds --json to a command parses what it prints as a whole."""
    args = ("submit", "blur", "--input", f"image={picture}", "--wait", "--json")
    sent = desk.run(*args)
    assert sent.returncode == 0, sent.stderr
    job = json.loads(sent.stdout)
    assert (job["status"], job["progress"]) == ("completed", 1)
    assert [file["stage"] for file in job["files"]] == ["blur"]
    branch = ("jobs", "branch", job["job_id"], "--stage", "blur", "--workflow", "invert")
    assert json.loads(desk.run(*branch, "--wait", "--json").stdout)["status"] == "completed"
    (desk.home / "no.png").write_bytes(b"no picture")
    failed = desk.run("submit", "blur", "--input", "image=no.png", "--wait", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["code"] == "validation_failed"


def test_json_of_what_writes_files(tmp_path: Path) -> None:
    env = environment(tmp_path)
    graph = str(ROOT / "workflows" / "blur" / "graph.json")
    for words in (
        ("config", "init"),
        ("config", "set", "queue.max_depth", "17"),
        ("workflows", "import", graph, "--name", "mine", "--dir", str(tmp_path)),
    ):
        done = command(tmp_path, *words, "--json", env=env)
        assert done.returncode == 0, done.stderr
        assert str(tmp_path) in json.dumps(json.loads(done.stdout))
    secret = command(
        tmp_path, "config", "set", "tunnel.authtoken", "--json", env=env, stdin="a-token\n"
    )
    assert json.loads(secret.stdout)["key"] == "tunnel.authtoken"
    assert "a-token" not in secret.stdout + secret.stderr


def test_config_set_checks_what_the_environment_hides(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert env["JIGDESK_SERVER__PUBLIC_PORT"] == "0"
    refused = command(tmp_path, "config", "set", "server.public_port", "70000", env=env)
    assert refused.returncode == 2
    assert "server.public_port" in refused.stderr
    assert command(tmp_path, "config", "set", "server.public_port", "8800", env=env).returncode == 0


def test_config_round_trip(tmp_path: Path) -> None:
    env = environment(tmp_path)
    path = Path(command(tmp_path, "config", "path", env=env).stdout.strip())
    assert path.is_relative_to(tmp_path)
    assert not path.exists()
    assert command(tmp_path, "config", "init", env=env).returncode == 0
    commented = path.read_text()
    for section in (
        "server store publisher tunnel comfyui queue limits workflows auth".split()  # noqa: SIM905
    ):
        assert f"[{section}]" in commented
    assert command(tmp_path, "config", "init", env=env).returncode != 0
    assert path.read_text() == commented, "an existing file is never overwritten"
    for key, value, shown in (
        ("queue.max_depth", "17", 17),
        ("server.allowed_hosts", '["desk.lan", "localhost"]', ["desk.lan", "localhost"]),
    ):
        assert command(tmp_path, "config", "set", key, value, env=env).returncode == 0
        told = command(tmp_path, "config", "show", key, "--json", env=env)
        assert json.loads(told.stdout) == shown
    told = command(tmp_path, "config", "show", "queue", "--json", env=env)
    section = json.loads(told.stdout)
    assert section["queue.max_depth"] == 17
    assert all(key.startswith("queue.") for key in section)
    refused = command(tmp_path, "config", "set", "queue.max_depth", "many", env=env)
    assert refused.returncode == 2
    assert "queue.max_depth" in refused.stderr
    everything = json.loads(command(tmp_path, "config", "show", "--json", env=env).stdout)
    assert everything["queue.max_depth"] == 17
    # the environment wins
    over = {**env, "JIGDESK_QUEUE__MAX_DEPTH": "18"}
    told = command(tmp_path, "config", "show", "queue.max_depth", "--json", env=over)
    assert json.loads(told.stdout) == 18


def test_secrets_are_never_printed(tmp_path: Path) -> None:
    env = environment(tmp_path)
    words = "whsec_" + "QUJD" * 11
    kept = command(tmp_path, "config", "set", "server.webhook_secret", env=env, stdin=f"{words}\n")
    assert kept.returncode == 0, kept.stderr
    assert words not in kept.stdout + kept.stderr
    (path,) = tmp_path.rglob("server__webhook_secret")
    assert path.stat().st_mode & 0o777 == 0o600
    typed = command(tmp_path, "config", "set", "server.webhook_secret", words, env=env)
    assert typed.returncode == 2
    over = {**env, "JIGDESK_AUTH__SUPABASE_JWT_SECRET": "jwt-secret-that-nobody-may-see"}
    for args in ((), ("--json",), ("server.webhook_secret",)):
        shown = command(tmp_path, "config", "show", *args, env=over)
        assert shown.returncode == 0
        assert words not in shown.stdout + shown.stderr
        assert "nobody-may-see" not in shown.stdout + shown.stderr
