"""`jigdesk doctor` on a machine without any account, with a desk and without one."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sqlite3
import uuid
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.journal.lock import HomeLock
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.events import ACCEPTED, EventDraft
from jigdesk.settings.paths import home_paths
from tests.harness.serving import command, environment, serving


def _doctor(home: Path, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    home.mkdir(exist_ok=True)
    ended = command(home, "doctor", "--json", env=environment(home, env))
    assert "Traceback" not in ended.stderr, ended.stderr
    said = json.loads(ended.stdout)
    checks = {one["name"]: one for one in said["checks"]}
    worst = {one["level"] for one in said["checks"]}
    assert said["level"] in worst
    assert ended.returncode == (1 if "error" in worst else 0)
    for one in said["checks"]:
        assert one["message"]
        assert one["level"] == "ok" or one["remedy"], one
    return ended.returncode, checks


def test_a_fresh_home_is_well(tmp_path: Path) -> None:
    code, checks = _doctor(tmp_path / "home")
    assert code == 0
    for name in ("desk", "store", "publisher", "engine", "listeners", "workflows", "journal"):
        assert checks[name]["level"] == "ok", checks[name]
    assert {"disk", "memory"} <= set(checks)
    assert "does not run" in checks["desk"]["message"]


def test_a_running_desk_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as desk:
        ended = desk.run("doctor", "--json")
        checks = {one["name"]: one for one in json.loads(ended.stdout)["checks"]}
        assert "runs" in checks["desk"]["message"]
        for name in ("store", "urls", "publisher", "queue", "outbox", "tunnel"):
            assert checks[name]["level"] == "ok", checks[name]
        assert ended.returncode == 0
        lines = desk.run("doctor").stdout.splitlines()
        assert any(line.startswith("ok      store") for line in lines), lines
    code, checks = _doctor(tmp_path / "home")  # what it left behind is well, too
    assert (code, checks["journal"]["level"]) == (0, "ok")


def test_a_desk_that_holds_the_home_and_does_not_answer(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with HomeLock(home_paths(home).lock):
        code, checks = _doctor(home)
    assert code == 1
    assert "does not answer" in checks["desk"]["message"]


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "jobs").touch()
    code, checks = _doctor(home)
    assert (code, checks["disk"]["level"]) == (1, "error")
    assert f"{home / 'jobs'} cannot be made" in checks["disk"]["message"]
    (home / "jobs").unlink()
    (home / "state" / "core.lock").unlink(missing_ok=True)
    (home / "state" / "core.lock").mkdir()
    code, checks = _doctor(home)
    assert (code, checks["desk"]["level"]) == (1, "error")
    assert "cannot be taken" in checks["desk"]["message"]
    assert "does not answer" not in checks["desk"]["message"]


def test_an_engine_that_cannot_start(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code, checks = _doctor(
        tmp_path / "home", JIGDESK_COMFYUI__KIND="managed", JIGDESK_COMFYUI__PATH=str(empty)
    )
    assert code == 1
    assert "main.py" in checks["engine"]["message"]


def test_an_engine_elsewhere_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, checks = _doctor(
            tmp_path / "home", JIGDESK_COMFYUI__KIND="remote", JIGDESK_COMFYUI__URL=url
        )
    assert (code, checks["engine"]["level"]) == (1, "error")


def test_ports_that_others_hold(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, checks = _doctor(tmp_path / "home", JIGDESK_SERVER__PUBLIC_PORT=port)
        assert (code, checks["listeners"]["level"]) == (1, "error")
        assert port in checks["listeners"]["message"]
        code, checks = _doctor(tmp_path / "home", JIGDESK_COMFYUI__PORT=port)
        assert (code, checks["engine"]["level"]) == (0, "warning")


def test_a_broken_template_and_a_broken_journal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = tmp_path / "workflows" / "broken"
    folder.mkdir(parents=True)
    (folder / "workflow.toml").write_text("title = 7\n")
    (folder / "graph.json").write_text("{}")
    journal = home_paths(home).journal
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"no database" * 1000)
    code, checks = _doctor(home, JIGDESK_WORKFLOWS__DIRS=json.dumps([str(folder.parent)]))
    assert code == 1
    assert checks["workflows"]["level"] == "warning"
    assert "broken" in checks["workflows"]["message"]
    assert checks["journal"]["level"] == "error"
    assert journal.read_bytes() == b"no database" * 1000


def test_the_journal_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = home_paths(home).journal
    asyncio.run(_died_with_an_event_unsent(path))
    _, checks = _doctor(home)
    assert (checks["journal"]["level"], "1 job" in checks["journal"]["message"]) == ("ok", True)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone() == ("no",)
        assert db.execute("SELECT kind FROM outbox WHERE kind = 'publish'").fetchall()


async def _died_with_an_event_unsent(path: Path) -> None:
    """A journal as a desk with Pusher leaves it that was killed while it had a job."""
    path.parent.mkdir(parents=True)
    async with SqliteJournal.open(path, publishing=True) as journal:
        change = Change(events=(EventDraft(ACCEPTED, {"status": "accepted", "position": 1}),))
        await journal.accept(Arrival(str(uuid.uuid4()), "jig-react", None, None), change)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = 'no' WHERE name = 'clean'")


def test_pusher_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, checks = _doctor(
            tmp_path / "home",
            JIGDESK_PUBLISHER__KIND="pusher",
            JIGDESK_PUBLISHER__APP_ID="1",
            JIGDESK_PUBLISHER__KEY="key",
            JIGDESK_PUBLISHER__SECRET="secret",
            JIGDESK_PUBLISHER__HOST="127.0.0.1",
            JIGDESK_PUBLISHER__PORT=str(taken.getsockname()[1]),
            JIGDESK_PUBLISHER__SSL="false",
        )
    assert (code, checks["publisher"]["level"]) == (1, "error")


def test_settings_that_cannot_be_read_are_bad_usage(tmp_path: Path) -> None:
    env = environment(tmp_path, {"JIGDESK_QUEUE__MAX_DEPTH": "many"})
    ended = command(tmp_path, "doctor", env=env)
    assert ended.returncode == 2
    assert "queue.max_depth" in ended.stderr


def test_the_bundle_shows_what_helps_and_no_secret(tmp_path: Path) -> None:
    home, path = tmp_path / "home", tmp_path / "bundle.zip"
    secret = "whsec_" + base64.b64encode(b"a webhook secret of 32 bytes....").decode()
    with serving(home, {"JIGDESK_SERVER__WEBHOOK_SECRET": secret}) as desk:
        token = (home / "state" / "control.token").read_text().strip()
        nodes = "hf_abcdefghijklmnopqrstuv and X-Api-Key: of-a-custom-node"
        (home / "logs" / "engine.log").write_text(
            f"somebody printed {secret} and {token}\na custom node {nodes}\n"
        )
        ended = desk.run("doctor", "--bundle", str(path))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert {"health.json", "settings.json", "versions.json", "logs/jigdesk.log"} <= set(texts)
    assert json.loads(texts["settings.json"])["store"]["bucket"] == "jig-react"
    assert "aiohttp" in json.loads(texts["versions.json"])["packages"]
    assert "somebody printed" in texts["logs/engine.log"]
    assert "a custom node" in texts["logs/engine.log"]
    for text in texts.values():
        assert "abcdefghijklmnopqrstuv" not in text
        assert "of-a-custom-node" not in text
        assert secret not in text
        assert token not in text


def test_a_bundle_that_cannot_be_written(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "bundle.zip"
    home = tmp_path / "home"
    home.mkdir()
    ended = command(home, "doctor", "--bundle", str(nowhere), env=environment(home, {}))
    assert ended.returncode == 1
    assert "cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr
