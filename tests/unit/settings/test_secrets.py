"""Secrets: where they may stand, and where not."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from jigdesk.settings import SettingsError, load_settings
from jigdesk.settings.secrets import needed_from_keyring, read_keyring, secret_fields

WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")

PUSHER = {"publisher": {"kind": "pusher", "app_id": "1", "key": "k", "cluster": "eu"}}


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return {"JIGDESK_HOME": str(tmp_path)}


def keep(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_contract_names_the_secrets() -> None:
    assert {entry.key for entry in secret_fields()} == {
        "server.webhook_secret",
        "server.webhook_secret_previous",
        "store.secret_access_key",
        "publisher.secret",
        "tunnel.authtoken",
        "auth.supabase_jwt_secret",
    }


def test_a_secret_in_the_toml_is_refused_with_where_to_put_it(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text('[publisher]\nsecret = "hunter2222"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(env)
    said = caught.value.message
    assert "hunter2222" not in said
    assert "JIGDESK_PUBLISHER__SECRET" in said
    assert str(tmp_path / "secrets" / "publisher__secret") in said


def test_a_file_of_mode_0600_is_read_and_hidden(env: dict[str, str], tmp_path: Path) -> None:
    keep(tmp_path / "secrets", "publisher__secret", "from-a-file\n")
    settings = load_settings(env, PUSHER)
    assert settings.publisher.secret is not None
    assert settings.publisher.secret.get_secret_value() == "from-a-file"
    assert "from-a-file" not in repr(settings)
    assert "from-a-file" not in settings.model_dump_json()


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_an_error(
    env: dict[str, str], tmp_path: Path, mode: int
) -> None:
    keep(tmp_path / "secrets", "publisher__secret", "leaked-text", mode)
    with pytest.raises(SettingsError, match="chmod 600") as caught:
        load_settings(env, PUSHER)
    assert "leaked-text" not in caught.value.message


@posix_only
def test_a_fifo_never_blocks_the_start(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    os.mkfifo(tmp_path / "secrets" / "publisher__secret", 0o600)
    with pytest.raises(SettingsError, match="no regular file"):
        load_settings(env, PUSHER)


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("x" * 20_000, "larger")])
def test_a_useless_file_is_an_error(
    env: dict[str, str], tmp_path: Path, text: str, said: str
) -> None:
    keep(tmp_path / "secrets", "publisher__secret", text)
    with pytest.raises(SettingsError, match=said):
        load_settings(env, PUSHER)


def test_a_misspelt_file_is_an_error_and_a_strangers_is_not(
    env: dict[str, str], tmp_path: Path
) -> None:
    keep(tmp_path / "secrets", "database__password", "somebody else's")
    assert load_settings(env).publisher.secret is None
    keep(tmp_path / "secrets", "publisher__secrt", "x")
    with pytest.raises(SettingsError, match="Did you mean 'publisher__secret'"):
        load_settings(env)


def test_a_byte_order_mark_is_no_part_of_a_secret(env: dict[str, str], tmp_path: Path) -> None:
    path = keep(tmp_path / "secrets", "auth__supabase_jwt_secret", "")
    path.write_bytes(b"\xef\xbb\xbfhunter2222\r\n")  # as Windows' editors and shells write it
    secret = load_settings(env).auth.supabase_jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == "hunter2222"


def test_environment_then_systemd_then_file(env: dict[str, str], tmp_path: Path) -> None:
    keep(tmp_path / "secrets", "tunnel__authtoken", "from-file")
    overrides = {"tunnel": {"kind": "ngrok"}}

    def token() -> str:
        secret = load_settings(env, overrides).tunnel.authtoken
        assert secret is not None
        return secret.get_secret_value()

    assert token() == "from-file"
    keep(tmp_path / "credentials", "tunnel__authtoken", "from-systemd", 0o440)
    env["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    assert token() == "from-systemd"
    env["JIGDESK_TUNNEL__AUTHTOKEN"] = "from-env"
    assert token() == "from-env"


def test_the_keyring_is_asked_only_for_what_is_used_and_absent() -> None:
    assert needed_from_keyring({}) == ()
    assert needed_from_keyring({"publisher": {"kind": "pusher"}}) == ("publisher.secret",)
    assert needed_from_keyring({"publisher": {"kind": "pusher", "secret": "x"}}) == ()
    assert needed_from_keyring({"store": {"kind": "s3"}}) == (
        "server.webhook_secret",
        "server.webhook_secret_previous",
    )


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyring backend of our own; the test writes its `get_password`."""
    path = tmp_path / "backends" / "desk_backend.py"
    path.parent.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(path.parent), *sys.path]))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "desk_backend.Desk")
    return path


def write_backend(path: Path, body: str) -> None:
    path.write_text(
        "import keyring.backend, keyring.errors, time\n"
        "class Desk(keyring.backend.KeyringBackend):\n"
        "    priority = 9\n"
        "    def set_password(self, service, username, password): pass\n"
        "    def delete_password(self, service, username): pass\n"
        f"    def get_password(self, service, username):\n        {body}\n"
    )


def test_a_secret_comes_from_the_keyring(tmp_path: Path, backend: Path) -> None:
    write_backend(backend, "return {('jigdesk', 'publisher.secret'): 'kept'}[service, username]")
    settings = load_settings({"JIGDESK_HOME": str(tmp_path)}, PUSHER)
    assert settings.publisher.secret is not None
    assert settings.publisher.secret.get_secret_value() == "kept"


def test_a_failing_keyring_is_as_good_as_none(tmp_path: Path, backend: Path) -> None:
    write_backend(backend, "raise keyring.errors.KeyringError('locked')")
    with pytest.raises(SettingsError, match=r"publisher\.secret"):
        load_settings({"JIGDESK_HOME": str(tmp_path)}, PUSHER)


def test_a_keyring_that_hangs_is_left_alone(backend: Path) -> None:
    write_backend(backend, "time.sleep(600)")
    assert read_keyring(["publisher.secret"], timeout_s=0.5) == {}
