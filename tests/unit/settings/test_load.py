"""Settings from config.toml, the environment and secrets; every problem at once."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jigdesk.domain.errors import SetupError
from jigdesk.settings import SettingsError, load_settings

WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"JIGDESK_HOME": str(tmp_path)}


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_KEYRING.items():
        monkeypatch.setenv(name, value)


def write_toml(env: Mapping[str, str], text: str) -> Path:
    path = Path(env["JIGDESK_HOME"]) / "config.toml"
    path.write_text(text)
    return path


def problems(env: Mapping[str, str], **overrides: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(env, overrides or None)
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_defaults_need_no_account(env: dict[str, str], tmp_path: Path) -> None:
    settings = load_settings(env)
    assert settings.store.kind == "local"
    assert settings.publisher.kind == "local"
    assert settings.tunnel.kind == "none"
    assert settings.comfyui.kind == "demo"
    assert (settings.server.public_host, settings.server.public_port) == ("127.0.0.1", 8765)
    assert (settings.server.local_host, settings.server.local_port) == ("127.0.0.1", 8766)
    assert settings.store.bucket == "jig-react"
    assert settings.queue.sweep_s == 30
    assert set(settings.limits.model_dump().values()) == {0}
    assert settings.paths.config_file == tmp_path / "config.toml"
    assert settings.paths.journal == tmp_path / "state" / "journal.db"
    assert settings.paths.store_dir == tmp_path / "store"
    assert list(tmp_path.iterdir()) == []  # loading writes nothing


def test_without_a_home_the_users_own_folders_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    paths = load_settings({}).paths
    assert paths.config_file.name == "config.toml"
    assert paths.config_file.parent != paths.state_dir


def test_a_home_of_a_user_who_is_not_there_is_left_as_it_stands() -> None:
    paths = load_settings({"JIGDESK_HOME": "~no-such-user/desk"}).paths
    assert paths.config_file == Path.cwd() / "~no-such-user" / "desk" / "config.toml"


@pytest.mark.parametrize("host", ["desk..example.com", f"{'d' * 64}.example.com"])
def test_a_host_that_no_name_server_can_be_asked_for_is_refused(
    env: dict[str, str], host: str
) -> None:
    env |= {
        "JIGDESK_TUNNEL__KIND": "static",
        "JIGDESK_TUNNEL__PUBLIC_URL": f"https://{host}",
        "JIGDESK_PUBLISHER__HOST": host,
    }
    found = problems(env)
    assert "empty or too long" in found["tunnel.public_url"]
    assert "empty or too long" in found["publisher.host"]


def test_settings_are_frozen(env: dict[str, str]) -> None:
    settings = load_settings(env)
    with pytest.raises(ValueError, match="frozen"):
        settings.queue.max_depth = 5  # type: ignore[misc]


def test_the_environment_wins_over_the_file_and_overrides_over_both(env: dict[str, str]) -> None:
    write_toml(env, '[store]\nbucket = "from-file"\nurl_ttl_s = 120\n[queue]\nmax_depth = 7\n')
    env |= {"JIGDESK_STORE__BUCKET": "from-env", "JIGDESK_QUEUE__MAX_DEPTH": "8"}
    settings = load_settings(env, {"queue": {"max_depth": 9}})
    assert settings.store.bucket == "from-env"
    assert settings.store.url_ttl_s == 120
    assert settings.queue.max_depth == 9


def test_lists_come_as_json_and_an_empty_variable_is_not_set(env: dict[str, str]) -> None:
    env |= {
        "JIGDESK_SERVER__ALLOWED_HOSTS": '["desk.local", "[::1]"]',
        "JIGDESK_COMFYUI__ARGS": '["--cpu"]',
        "JIGDESK_STORE__BUCKET": "",
        "JIGDESK_PUBLISHER__SSL": "false",
    }
    settings = load_settings(env)
    assert settings.server.allowed_hosts == ("desk.local", "::1")
    assert settings.comfyui.args == ("--cpu",)
    assert settings.store.bucket == "jig-react"
    assert settings.publisher.ssl is False


def test_every_bad_value_is_said_at_once_with_what_is_allowed(env: dict[str, str]) -> None:
    path = write_toml(
        env,
        "[server]\npublic_port = 70000\n[store]\nkind = 'floppy'\nbuckte = 'x'\n"
        "[quue]\n[queue]\nmax_depth = 0\nsweep_s = 'often'\n",
    )
    env |= {
        "JIGDESK_SERVER__ALLOWED_ORIGINS": "https://a.example",
        "JIGDESK_TUNEL__KIND": "none",
        "JIGDESK_STORE__ENDPOINT_URL": "ftp://there",
    }
    found = problems(env)
    assert "from 0 up to 65535; 70000 is not" in found["server.public_port"]
    assert str(path) in found["server.public_port"]
    assert "one of local, s3" in found["store.kind"]
    assert "Did you mean 'bucket'?" in found["store.buckte"]
    assert "Did you mean 'queue'?" in found["quue"]
    assert "from 1 up to 1000000" in found["queue.max_depth"]
    assert "a number from 1 up to 3600" in found["queue.sweep_s"]
    assert "JSON list" in found["server.allowed_origins"]
    assert "Did you mean 'tunnel.kind'?" in found["JIGDESK_TUNEL__KIND"]
    assert "[JIGDESK_STORE__ENDPOINT_URL]" in found["store.endpoint_url"]
    assert len(found) == 9


def test_it_is_a_setup_error(env: dict[str, str]) -> None:
    with pytest.raises(SetupError, match=r"queue\.max_depth"):
        load_settings({**env, "JIGDESK_QUEUE__MAX_DEPTH": "-1"})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[store\nkind = 1", "line 1"),
        (b"a = 1\n[store]\nkind = \n", "line 3"),
        (b"\xff\xfe", "UTF-8"),
        (b"store = 3", r"\[store\]"),
    ],
)
def test_a_broken_file_says_where(env: dict[str, str], body: bytes, said: str) -> None:
    (Path(env["JIGDESK_HOME"]) / "config.toml").write_bytes(body)
    with pytest.raises(SettingsError, match=said):
        load_settings(env)


def test_a_config_that_is_a_folder_is_said(env: dict[str, str]) -> None:
    (Path(env["JIGDESK_HOME"]) / "config.toml").mkdir()
    assert "cannot be read" in problems(env)["config.toml"]


def test_relative_paths_count_from_the_file_that_says_them(
    env: dict[str, str], tmp_path: Path
) -> None:
    write_toml(env, '[store]\nlocal_dir = "objects"\n[workflows]\ndirs = ["mine", "/abs"]\n')
    settings = load_settings(env)
    assert settings.store.local_dir == tmp_path / "objects"
    assert settings.paths.store_dir == tmp_path / "objects"
    assert settings.workflows.dirs == (tmp_path / "mine", Path("/abs"))


@pytest.mark.parametrize(
    ("section", "values", "keys"),
    [
        ("publisher", {"kind": "pusher"}, {"app_id", "key", "secret", "cluster"}),
        ("publisher", {"kind": "pusher", "app_id": "x1"}, {"app_id"}),
        ("tunnel", {"kind": "static"}, {"public_url"}),
        ("tunnel", {"kind": "static", "public_url": "http://desk.example"}, {"public_url"}),
        ("comfyui", {"kind": "managed"}, {"path"}),
        ("comfyui", {"kind": "remote"}, {"url"}),
        ("store", {"kind": "s3", "access_key_id": "AKIAX"}, {"secret_access_key"}),
        ("server", {"local_port": 4000, "public_port": 4000}, {"local_port"}),
        ("server", {"webhook_secret_previous": WEBHOOK_SECRET}, {"webhook_secret_previous"}),
    ],
)
def test_what_values_need_of_one_another(
    env: dict[str, str], section: str, values: dict[str, Any], keys: set[str]
) -> None:
    assert set(problems(env, **{section: values})) == {f"{section}.{key}" for key in keys}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--port", "9999"], ["--port: set comfyui.port instead"]),
        (["--cpu", "--port=9999"], ["--port: set comfyui.port instead"]),
        (["--listen"], ["--listen: ComfyUI has no authentication"]),
        (["--listen", "192.168.1.2"], ["--listen: ComfyUI has no authentication"]),
        (["--listen=192.168.1.2", "--po", "1"], ["--listen: ComfyUI", "--port: set comfyui.port"]),
        (["--lis=::"], ["on this machine alone"]),
    ],
)
def test_where_a_managed_engine_listens_is_not_for_its_arguments(
    env: dict[str, str], args: list[str], words: list[str]
) -> None:
    comfyui = {"kind": "managed", "path": "/opt/ComfyUI", "args": args}
    found = problems(env, comfyui=comfyui)
    assert found.keys() == {"comfyui.args"}
    assert all(word in found["comfyui.args"] for word in words)


def test_other_arguments_of_a_managed_engine_are_free(env: dict[str, str]) -> None:
    args = ["--lowvram", "--preview-method", "auto", "--base-directory=/data", "-", "--", "port"]
    comfyui = {"kind": "managed", "path": "/opt/ComfyUI", "args": args}
    assert load_settings(env, {"comfyui": comfyui}).comfyui.args == tuple(args)
    # nobody reads them for an engine of another kind
    other = {"kind": "demo", "args": ["--listen", "192.168.1.2"]}
    assert load_settings(env, {"comfyui": other}).comfyui.args


def test_a_static_tunnel_may_be_plain_http_on_this_machine(env: dict[str, str]) -> None:
    overrides = {"tunnel": {"kind": "static", "public_url": "http://127.0.0.1:9/"}}
    assert load_settings(env, overrides).tunnel.public_url == "http://127.0.0.1:9"


def test_strangers_are_limited_once_the_store_is_s3(env: dict[str, str]) -> None:
    env |= {"JIGDESK_STORE__KIND": "s3", "JIGDESK_LIMITS__FILE_PIXELS": "0"}
    limits = load_settings(env).limits
    assert limits.owner_open_jobs > 0
    assert limits.file_bytes > 0
    assert limits.file_pixels == 0


@pytest.mark.parametrize(
    "secret", ["hunter22", "whsec_", "whsec_!!!!", "whsec_" + base64.b64encode(bytes(23)).decode()]
)
def test_a_webhook_secret_has_the_specs_form_and_is_never_echoed(
    env: dict[str, str], secret: str
) -> None:
    said = problems({**env, "JIGDESK_SERVER__WEBHOOK_SECRET": secret})["server.webhook_secret"]
    assert "24 to 64 random bytes" in said
    assert len(secret) < 8 or secret not in said


def test_other_variables_of_the_family_are_left_alone(env: dict[str, str]) -> None:
    env |= {"JIGDESK_WEBHOOK_URL": "https://x", "JIGDESK_PUSHER_KEY": "k"}
    assert load_settings(env).publisher.key is None


def test_an_explicit_secrets_dir_must_exist(env: dict[str, str], tmp_path: Path) -> None:
    env["JIGDESK_SECRETS_DIR"] = str(tmp_path / "nowhere")
    assert "is no folder" in problems(env)["secrets_dir"]
