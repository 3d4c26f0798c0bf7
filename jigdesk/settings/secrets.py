"""Where secrets come from: files, systemd credentials and the OS keyring; never config.toml."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jigdesk.domain.wording import nearest
from jigdesk.settings.fields import SettingField, fields
from jigdesk.settings.problems import Problem, SettingsError

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 16 * 1024
NOT_UTF_8 = "is not UTF-8"
KEYRING_SERVICE = "jigdesk"
KEYRING_TIMEOUT_S = 15.0
"""The child that asks takes seconds to start on a machine that has just booted or loads a model."""
KEYRING_WRITE_S = 60.0
"""Longer: whoever keeps a secret sits there and may be asked for a password."""


@dataclass(slots=True)
class FoundSecrets:
    """Secrets by dotted key, where each was found, and what is wrong with the rest."""

    values: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def secret_fields() -> tuple[SettingField, ...]:
    """Every key that holds a secret."""
    return tuple(entry for entry in fields().values() if entry.secret)


def where_to_put(entry: SettingField, secrets_dir: Path) -> str:
    """A sentence that names every place where this secret may stand."""
    return (
        f"run `jigdesk config set {entry.key}`, set {entry.env}, "
        f"write it to {secrets_dir / entry.file_name} with mode 0600, pass it as the systemd "
        f"credential {entry.file_name}, or store it in the OS keyring "
        f"(service {KEYRING_SERVICE}, user {entry.key})"
    )


def read_files(secrets_dir: Path, env: Mapping[str, str]) -> FoundSecrets:
    """Read the secrets' files; systemd credentials win over those in `secrets_dir`.

    A folder that does not exist holds none. A file that others may read is a problem.
    """
    found = FoundSecrets()
    known = {entry.file_name: entry for entry in secret_fields()}
    _read_folder(secrets_dir, known, found, private=True)
    credentials = env.get("CREDENTIALS_DIRECTORY", "")
    if credentials:  # systemd guards these by itself, with modes and ACLs of its own
        _read_folder(Path(credentials), known, found, private=False)
    return found


def _read_folder(
    folder: Path, known: Mapping[str, SettingField], found: FoundSecrets, *, private: bool
) -> None:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as exc:
        found.problems.append(
            Problem("secrets_dir", f"cannot be read: {exc.strerror}", str(folder))
        )
        return
    ours = {entry.section for entry in fields().values()}
    for name in names:
        path = folder / name
        section, separator, _ = name.partition("__")
        if name in known:
            _read_file(path, known[name], found, private=private)
        elif separator and section in ours:
            found.problems.append(
                Problem(
                    "secrets_dir", f"no secret is called {name}.{nearest(name, known)}", str(path)
                )
            )


def _read_file(path: Path, entry: SettingField, found: FoundSecrets, *, private: bool) -> None:
    problem = None
    text = ""
    try:
        # no blocking on a FIFO that somebody left there
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                problem = "is no regular file"
            elif private and os.name == "posix" and status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                problem = f"others may read it (mode {mode:04o}): run `chmod 600 {path}`"
            elif status.st_size > MAX_FILE_BYTES:
                problem = f"is larger than {MAX_FILE_BYTES} bytes"
            else:
                text = file.read(MAX_FILE_BYTES).decode("utf-8-sig").strip()
                problem = None if text else "is empty"
    except UnicodeDecodeError:
        problem = NOT_UTF_8
    except OSError as exc:
        problem = f"cannot be read: {exc.strerror}"
    if problem is not None:
        found.problems.append(Problem(entry.key, problem, str(path)))
        return
    found.values[entry.key] = text
    found.sources[entry.key] = str(path)


def needed_from_keyring(data: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The dotted keys of secrets that these settings use and do not have."""

    def kind(section: str, default: str) -> object:
        return data.get(section, {}).get("kind", default)

    hosted = kind("store", "local") == "s3" or kind("tunnel", "none") != "none"
    uses = {
        "server.webhook_secret": hosted,
        "server.webhook_secret_previous": hosted,
        "store.secret_access_key": kind("store", "local") == "s3"
        and "access_key_id" in data.get("store", {}),
        "publisher.secret": kind("publisher", "local") == "pusher",
        "tunnel.authtoken": kind("tunnel", "none") == "ngrok",
        "auth.supabase_jwt_secret": "supabase_url" in data.get("auth", {}),
    }
    absent = []
    for key, used in uses.items():
        section, _, name = key.partition(".")
        if used and name not in data.get(section, {}):
            absent.append(key)
    return tuple(absent)


def read_keyring(keys: Iterable[str], timeout_s: float = KEYRING_TIMEOUT_S) -> dict[str, str]:
    """Ask the OS keyring for these keys; what it does not have is left out.

    Blocks up to `timeout_s` seconds. The keyring is asked by a child process: a backend may
    wait for ever for a desktop that is not there, and only a process can be ended.
    """
    wanted = list(keys)
    if not wanted:
        return {}
    try:
        found = json.loads(_ask_keyring(["ask", KEYRING_SERVICE, *wanted], b"", timeout_s))
    except subprocess.TimeoutExpired:
        log.warning("the OS keyring did not answer within %g s and is left alone", timeout_s)
        return {}
    except (OSError, subprocess.CalledProcessError, ValueError) as exc:
        log.info("the OS keyring cannot be used (%s) and is left alone", type(exc).__name__)
        return {}
    return {key: value for key, value in found.items() if key in wanted and value}


def keyring_works(timeout_s: float = KEYRING_TIMEOUT_S) -> bool:
    """Whether there is an OS keyring to keep secrets in. Blocks up to `timeout_s` seconds."""
    try:
        return json.loads(_ask_keyring(["works"], b"", timeout_s)) is True
    except (OSError, subprocess.SubprocessError, ValueError):
        return False


def write_keyring(secrets: Mapping[str, str | None], timeout_s: float = KEYRING_WRITE_S) -> None:
    """Keep these secrets by dotted key in the OS keyring; None takes one out, where it is there.

    Blocks up to `timeout_s` seconds, for the owner may have to unlock it. Raises SettingsError.
    """
    told = json.dumps(dict(secrets)).encode()  # never on a command line, which others can read
    try:
        _ask_keyring(["keep", KEYRING_SERVICE], told, timeout_s)
    except subprocess.TimeoutExpired as exc:
        why = f"cannot be kept: the OS keyring did not answer within {timeout_s:g} s"
        raise SettingsError([Problem(key, why) for key in secrets]) from exc
    except (OSError, subprocess.CalledProcessError) as exc:
        why = "cannot be kept: the OS keyring refused; unlock it, or keep the secret in a file"
        raise SettingsError([Problem(key, why) for key in secrets]) from exc


def _ask_keyring(words: list[str], told: bytes, timeout_s: float) -> bytes:
    command = [sys.executable, "-m", "jigdesk.settings.ask_keyring", *words]
    answer = subprocess.run(command, input=told, capture_output=True, timeout=timeout_s, check=True)
    return answer.stdout
