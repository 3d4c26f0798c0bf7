"""A draft of settings: how things stand, all problems at once, and saving it in one step."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from jigdesk.settings import SettingsError
from jigdesk.settings.draft import (
    Draft,
    KeyringAnswers,
    Origin,
    Source,
    changed_keys,
    save,
    survey,
)
from jigdesk.settings.fields import fields
from jigdesk.settings.kinds import Kind, shape_of

PUSHER = {"publisher.kind": "pusher", "publisher.app_id": "1", "publisher.key": "k"}
SECRET = "hunter2222"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin({"JIGDESK_HOME": str(tmp_path / "home")})


def home(origin: Origin) -> Path:
    return Path(origin.env["JIGDESK_HOME"])


def keep(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyring that keeps its passwords in a JSON file."""
    kept = tmp_path / "kept.json"
    kept.write_text("{}")
    backend = tmp_path / "backends" / "file_ring.py"
    backend.parent.mkdir()
    backend.write_text(
        "import json, pathlib, keyring.backend\n"
        f"KEPT = pathlib.Path({str(kept)!r})\n"
        "class Ring(keyring.backend.KeyringBackend):\n"
        "    priority = 9\n"
        "    def get_password(self, service, username):\n"
        "        return json.loads(KEPT.read_text()).get(f'{service}/{username}')\n"
        "    def set_password(self, service, username, password):\n"
        "        now = json.loads(KEPT.read_text())\n"
        "        KEPT.write_text(json.dumps({**now, f'{service}/{username}': password}))\n"
        "    def delete_password(self, service, username):\n"
        "        now = json.loads(KEPT.read_text())\n"
        "        del now[f'{service}/{username}']\n"
        "        KEPT.write_text(json.dumps(now))\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(backend.parent), *sys.path]))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_ring.Ring")
    return kept


def test_every_key_says_where_it_stands(origin: Origin) -> None:
    keep(home(origin) / "config.toml", "[queue]\nmax_depth = 12\n")
    keep(home(origin) / "secrets" / "publisher__secret", SECRET)
    env = {**origin.env, "JIGDESK_STORE__BUCKET": "elsewhere"}
    found = survey(Origin(env, {"server": {"public_port": 0}}))
    assert found.problems == ()
    stands = found.stands
    assert set(stands) == set(fields())
    assert (stands["queue.max_depth"].source, stands["queue.max_depth"].text) == (
        Source.CONFIG,
        "12",
    )
    assert stands["queue.concurrency"].source is Source.DEFAULT
    assert stands["store.bucket"].where == "JIGDESK_STORE__BUCKET"
    assert stands["store.bucket"].is_fixed
    assert stands["server.public_port"].source is Source.COMMAND_LINE
    assert stands["publisher.secret"].source is Source.FILE
    assert stands["publisher.secret"].text == ""
    assert SECRET not in repr(found)


def test_limits_follow_the_store_that_the_draft_chooses(origin: Origin) -> None:
    assert survey(origin).stands["limits.owner_open_jobs"].text == "0"
    hosted = survey(origin, Draft({"store.kind": "s3"}))
    assert hosted.stands["limits.owner_open_jobs"].text == "10"
    wrong = survey(origin, Draft({"store.kind": "s3", "queue.max_depth": "x"}))
    assert wrong.stands["limits.owner_open_jobs"].text == "10"


def test_all_that_is_wrong_is_said_and_nothing_is_written(origin: Origin) -> None:
    keep(home(origin) / "config.toml", "# mine\n")
    draft = Draft(
        {"queue.max_depth": "0", "store.bucket": "NO", "server.allowed_origins": '["x"]'},
        {"tunnel.authtoken": SECRET},
    )
    with pytest.raises(SettingsError) as refused:
        save(origin, draft, KeyringAnswers())
    keys = {problem.key for problem in refused.value.problems}
    assert keys == {"queue.max_depth", "store.bucket", "server.allowed_origins"}
    assert (home(origin) / "config.toml").read_text() == "# mine\n"
    assert not (home(origin) / "secrets").exists()


def test_a_value_and_the_secret_that_it_needs_are_saved_together(origin: Origin) -> None:
    keep(home(origin) / "config.toml", "# mine\n[queue] # here\nmax_depth = 12\n")
    ring = KeyringAnswers()
    values = {**PUSHER, "publisher.cluster": "eu", "publisher.port": "443"}
    assert [p.key for p in survey(origin, Draft(values), ring).problems] == ["publisher.secret"]
    before = survey(origin).settings
    draft = Draft({**values, "queue.max_depth": ""}, {"publisher.secret": SECRET})
    after = save(origin, draft, ring)
    assert after.stands["publisher.secret"].source is Source.FILE
    assert after.stands["queue.max_depth"].source is Source.DEFAULT
    text = (home(origin) / "config.toml").read_text()
    assert text.startswith("# mine\n[queue] # here\n")
    assert "port = 443" in text
    assert SECRET not in text
    secret = home(origin) / "secrets" / "publisher__secret"
    if os.name == "posix":
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert before is not None
    assert after.settings is not None
    assert set(changed_keys(before, after.settings)) == {
        *values,
        "publisher.secret",
        "queue.max_depth",
    }


def test_a_secret_that_is_taken_away_is_missed_before_it_is_gone(origin: Origin) -> None:
    ring = KeyringAnswers()
    values = {**PUSHER, "publisher.cluster": "eu"}
    save(origin, Draft(values, {"publisher.secret": SECRET}), ring)
    gone: dict[str, str | None] = {"publisher.secret": None}
    with pytest.raises(SettingsError, match=r"publisher\.secret"):
        save(origin, Draft({}, gone), ring)
    after = save(origin, Draft({"publisher.kind": ""}, gone), ring)
    assert not after.stands["publisher.secret"].is_set
    assert list((home(origin) / "secrets").iterdir()) == []


def test_a_secret_moves_between_the_keyring_and_a_file(origin: Origin, ring: Path) -> None:
    answers = KeyringAnswers()
    assert answers.works()
    key = "tunnel.authtoken"
    save(origin, Draft({}, {key: "in-a-file"}), answers)
    path = home(origin) / "secrets" / "tunnel__authtoken"
    assert path.exists()
    after = save(origin, Draft({}, {key: "in-the-ring"}, frozenset({key})), answers)
    assert json.loads(ring.read_text()) == {"jigdesk/tunnel.authtoken": "in-the-ring"}
    assert not path.exists()
    assert after.stands[key].source is Source.KEYRING
    settings = survey(origin, Draft({"tunnel.kind": "ngrok"}), KeyringAnswers()).settings
    assert settings is not None
    assert settings.tunnel.authtoken is not None
    assert settings.tunnel.authtoken.get_secret_value() == "in-the-ring"
    save(origin, Draft({}, {key: "back"}), answers)
    assert (json.loads(ring.read_text()), path.read_text()) == ({}, "back\n")
    after = save(origin, Draft({}, {key: None}), answers)
    assert not path.exists()
    assert not after.stands[key].is_set


def test_a_file_that_is_no_toml_is_a_problem_and_not_touched(origin: Origin) -> None:
    keep(home(origin) / "config.toml", "[queue\n")
    found = survey(origin, Draft({"queue.max_depth": "3"}))
    assert {problem.key for problem in found.problems} == {"config.toml"}
    assert set(found.stands) == set(fields())
    with pytest.raises(SettingsError, match="not TOML"):
        save(origin, Draft({"queue.max_depth": "3"}), KeyringAnswers())
    assert (home(origin) / "config.toml").read_text() == "[queue\n"


def test_shapes_follow_the_model() -> None:
    shapes = {key: shape_of(entry) for key, entry in fields().items()}
    assert shapes["publisher.ssl"].kind is Kind.SWITCH
    assert shapes["tunnel.kind"].choices == ("none", "ngrok", "static")
    assert (shapes["publisher.port"].kind, shapes["queue.sweep_s"].kind) == (
        Kind.INTEGER,
        Kind.NUMBER,
    )
    assert shapes["limits.owner_bytes_per_day"].unit == "bytes"
    assert shapes["store.url_ttl_s"].unit == "seconds"
    assert (shapes["workflows.dirs"].kind, shapes["workflows.dirs"].is_list) == (Kind.FOLDER, True)
    assert shapes["tunnel.ngrok_path"].kind is Kind.FILE
    assert all((shape.kind is Kind.SECRET) is fields()[key].secret for key, shape in shapes.items())
