"""config.toml and secrets, written."""

from __future__ import annotations

import os
import stat
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jigdesk.settings import SettingsError, load_settings
from jigdesk.settings.edit import initial_toml, set_secret, set_value, write_initial
from jigdesk.settings.fields import fields


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return {"JIGDESK_HOME": str(tmp_path / "home")}


def test_a_value_is_set_and_comments_stay(env: dict[str, str]) -> None:
    path = set_value("queue.max_depth", "12", env)
    path.write_text("# my desk\n" + path.read_text())
    set_value("server.allowed_origins", '["https://a.example"]', env)
    set_value("store.bucket", "2024", env)
    settings = load_settings(env)
    assert settings.queue.max_depth == 12
    assert settings.server.allowed_origins == ("https://a.example",)
    assert settings.store.bucket == "2024"
    assert path.read_text().startswith("# my desk\n")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_linked_file_is_changed_where_it_lies(env: dict[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "jigdesk.toml"
    kept.parent.mkdir()
    kept.write_text("# kept with the others\n")
    link = tmp_path / "home" / "config.toml"
    link.parent.mkdir()
    link.symlink_to(kept)
    set_value("queue.max_depth", "12", env)
    assert link.is_symlink()
    assert load_settings(env).queue.max_depth == 12
    assert kept.read_text().startswith("# kept with the others\n")
    assert sorted(path.name for path in link.parent.iterdir()) == ["config.toml", "state"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_who_may_read_the_file_stays_as_it_is(env: dict[str, str]) -> None:
    path = set_value("queue.max_depth", "12", env)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o600)
    set_value("queue.max_depth", "13", env)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_changes_at_the_same_moment_are_all_kept(env: dict[str, str]) -> None:
    sections = ("open_jobs", "jobs_per_day", "bytes_per_day")
    keys = [f"limits.{who}_{name}" for who in ("owner", "address") for name in sections]
    with ThreadPoolExecutor(len(keys)) as pool:
        for future in [pool.submit(set_value, key, "7", env) for key in keys]:
            future.result()
    limits = load_settings(env).limits.model_dump()
    assert [limits[key.removeprefix("limits.")] for key in keys] == [7] * len(keys)


def test_an_empty_text_takes_the_key_out(env: dict[str, str]) -> None:
    set_value("queue.max_depth", "12", env)
    set_value("queue.max_depth", "", env)
    assert load_settings(env).queue.max_depth == 1000


def test_a_bad_value_leaves_the_file_as_it_was(env: dict[str, str]) -> None:
    path = set_value("queue.max_depth", "12", env)
    before = path.read_text()
    with pytest.raises(SettingsError, match="from 1 up to 1000000"):
        set_value("queue.max_depth", "none", env)
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("key", "text"), [("queue.max_depth", "null"), ("server.allowed_hosts", '["localhost", null]')]
)
def test_a_null_is_refused_as_any_bad_value(env: dict[str, str], key: str, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"{key}.*must be") as caught:
        set_value(key, text, env)
    assert [problem.key for problem in caught.value.problems] == [key]
    assert not load_settings(env).paths.config_file.exists()


def test_one_problem_does_not_stop_the_way_out_of_another(env: dict[str, str]) -> None:
    path = set_value("queue.max_depth", "12", env)
    path.write_text('[comfyui]\nkind = "remote"\n[publisher]\nkind = "nothing"\n')
    set_value("comfyui.url", "http://127.0.0.1:8188", env)
    set_value("publisher.kind", "local", env)
    assert load_settings(env).comfyui.url == "http://127.0.0.1:8188"


def test_an_unknown_key_names_the_nearest(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"Did you mean 'queue\.max_depth'"):
        set_value("queue.maxdepth", "1", env)


def test_a_secret_goes_into_a_file_of_its_own(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="is a secret"):
        set_value("publisher.secret", "hunter2222", env)
    path = set_secret("publisher.secret", "hunter2222\n", env)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = load_settings(env).publisher.secret
    assert secret is not None
    assert secret.get_secret_value() == "hunter2222"


def test_a_bad_secret_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="24 to 64 random bytes"):
        set_secret("server.webhook_secret", "hunter2222", env)
    with pytest.raises(SettingsError, match="is not UTF-8"):
        set_secret("publisher.secret", "hunter\udcff2222", env)
    with pytest.raises(SettingsError, match="is no secret"):
        set_secret("queue.max_depth", "3", env)


def test_the_first_file_names_every_key_and_changes_nothing(env: dict[str, str]) -> None:
    path = write_initial(env)
    text = path.read_text()
    assert all(
        f"#{entry.name} =" in text
        for entry in fields().values()
        if entry.section and not entry.secret
    )
    assert load_settings(env) == load_settings({"JIGDESK_HOME": env["JIGDESK_HOME"]})
    assert all(value == {} for value in tomllib.loads(text).values())
    with pytest.raises(SettingsError, match="stays as it is"):
        write_initial(env)


def test_its_defaults_are_the_defaults_when_uncommented(env: dict[str, str]) -> None:
    lines = [
        line.removeprefix("#")
        if line.startswith("#") and " = " in line and line[1] != " "
        else line
        for line in initial_toml().splitlines()
        if not line.endswith(" =")
    ]
    path = Path(env["JIGDESK_HOME"]) / "config.toml"
    path.parent.mkdir()
    path.write_text("\n".join(lines))
    assert load_settings(env) == load_settings({**env, "JIGDESK_HOME": env["JIGDESK_HOME"]})
    assert load_settings(env).model_dump() == load_settings({}).model_dump()
