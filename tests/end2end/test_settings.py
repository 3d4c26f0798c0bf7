"""Section 9: settings from the file, the environment and secrets; what is wrong with each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.harness.serving import command, environment, serving

SECRET = "whsec_" + "QUJD" * 11


def serve(home: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Start a desk that cannot start; its exit code and what it said."""
    done = command(home, "serve", env={**environment(home), **(env or {})})
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr + done.stdout


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[queue]\nmax_depth = -1\nconcurrency = "two"\n[store]\nkind = "ftp"\n[nonsense]\na = 1\n'
    )
    status, said = serve(
        tmp_path,
        {
            "JIGDESK_SERVER__LOCAL_PORT": "99999",
            "JIGDESK_SERVER__ALLOWED_ORIGINS": "https://a.example",
            "JIGDESK_PUBLISHER__KIND": "smoke",
            "JIGDESK_TUNNEL__PUBLIC_URL": "not a url",
            "JIGDESK_COMFYUI__START_TIMEOUT_S": "soon",
        },
    )
    assert status == 2
    for key in (
        "queue.max_depth",
        "queue.concurrency",
        "store.kind",
        "nonsense",
        "server.local_port",
        "server.allowed_origins",
        "publisher.kind",
        "tunnel.public_url",
        "comfyui.start_timeout_s",
    ):
        assert key in said, key


@pytest.mark.parametrize(
    ("env", "key"),
    [
        ({"JIGDESK_PUBLISHER__KIND": "pusher"}, "publisher.key"),
        ({"JIGDESK_TUNNEL__KIND": "static"}, "tunnel.public_url"),
        ({"JIGDESK_COMFYUI__KIND": "managed"}, "comfyui.path"),
        ({"JIGDESK_COMFYUI__KIND": "remote"}, "comfyui.url"),
        ({"JIGDESK_SERVER__WEBHOOK_SECRET": "no-secret"}, "server.webhook_secret"),
        ({"JIGDESK_SERVER__WEBHOOK_SECRET": "whsec_AAAA"}, "server.webhook_secret"),
        ({"JIGDESK_QUEUE__MAX_ATTEMPTS": "0"}, "queue.max_attempts"),
        ({"JIGDESK_WORKFLOWS__DIRS": "/tmp"}, "workflows.dirs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_setting_needs_is_named(tmp_path: Path, env: Mapping[str, str], key: str) -> None:
    status, said = serve(tmp_path, env)
    assert status == 2
    assert key in said
    for value in env.values():
        if value in ("no-secret", "whsec_AAAA"):
            assert value not in said, "a secret is not echoed"


def test_a_secret_in_the_toml_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'[server]\nwebhook_secret = "{SECRET}"\n')
    status, said = serve(tmp_path)
    assert status == 2
    assert "server.webhook_secret" in said
    assert SECRET not in said


def test_a_secret_s_file_must_be_private(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    path = folder / "server__webhook_secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o644)
    status, said = serve(tmp_path)
    assert status == 2
    assert "server.webhook_secret" in said
    assert SECRET not in said
    path.chmod(0o600)
    shown = command(tmp_path, "config", "show", "server.webhook_secret", "--json")
    assert shown.returncode == 0
    assert SECRET not in shown.stdout
    assert json.loads(shown.stdout) is not None


def test_systemd_credentials(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "server__webhook_secret").write_text(SECRET)
    env = {**environment(tmp_path), "CREDENTIALS_DIRECTORY": str(folder)}
    shown = command(tmp_path, "config", "show", "server.webhook_secret", "--json", env=env)
    assert json.loads(shown.stdout) is not None


async def test_lists_are_json_and_origins_count(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    env = {
        "JIGDESK_SERVER__ALLOWED_HOSTS": '["desk.example", "127.0.0.1"]',
        "JIGDESK_SERVER__ALLOWED_ORIGINS": '["https://shop.example"]',
    }
    with serving(tmp_path / "home", env) as desk:
        url = f"{desk.local_url}/api/workflows"
        async with http.get(url, headers={"Host": "desk.example"}) as answer:
            assert answer.status == 200
        async with http.get(url, headers={"Host": "localhost"}) as answer:
            assert answer.status != 200
        async with http.get(url, headers={"Origin": "https://shop.example"}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        async with http.get(url, headers={"Origin": "https://shop.example.evil"}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_everything_of_a_home_is_in_its_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home, {"HOME": str(tmp_path / "user"), "TMPDIR": str(tmp_path)}) as desk:
        assert desk.token
        documents = [path for path in home.rglob("*.json") if "engine" not in path.parts]
        for path in documents:
            assert json.loads(path.read_text())["version"] == 1, path
        assert "listeners.json" in {path.name for path in documents}
        assert desk.terminate()[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"home"}
