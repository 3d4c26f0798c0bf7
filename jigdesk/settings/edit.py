"""Writes settings: keys into config.toml, comments kept; secrets into files of their own."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from jigdesk.domain.wording import nearest
from jigdesk.settings.fields import SettingField, fields, sections
from jigdesk.settings.load import load_settings
from jigdesk.settings.paths import Paths, find_paths
from jigdesk.settings.problems import Problem, SettingsError
from jigdesk.settings.secrets import MAX_FILE_BYTES

_HEAD = """\
# JigDesk's settings. A line that begins with # shows a default; take the # away to change it.
# Secrets never stand here: `jigdesk config set section.key` asks for one and keeps it aside.
"""


def find_field(key: str) -> SettingField:
    """The field of a dotted key; raises SettingsError naming the nearest one."""
    found = fields().get(key)
    if found is None:
        raise SettingsError([Problem(key, f"is no setting.{nearest(key, fields())}")])
    return found


def set_value(key: str, text: str, env: Mapping[str, str]) -> Path:
    """Set one key in config.toml, unless that makes the settings worse; returns the file.

    `text` is read as an environment variable would be: lists as JSON. An empty text takes the
    key out. The file is replaced in one step. Raises SettingsError and leaves it as it was when
    the value is not allowed, the key is a secret, or the file cannot be read or written.
    """
    entry = find_field(key)
    if entry.secret:
        raise SettingsError([Problem(key, "is a secret and does not belong in config.toml")])
    paths = find_paths(env)
    old = _read(paths)
    document = _parse(old, paths)
    table: Any = document
    if entry.section:
        if not isinstance(document.get(entry.section, {}), dict):
            raise SettingsError([Problem(entry.section, "is no section in config.toml")])
        table = document.setdefault(entry.section, tomlkit.table())
    if text.strip():
        table[entry.name] = _value(entry, text)
    else:
        table.pop(entry.name, None)
    new = tomlkit.dumps(document)
    known = _problems(env)
    replace_file(paths.config_file, new.encode(), mode=0o644)
    worse = [problem for problem in _problems(env) if problem not in known]
    if worse:
        replace_file(paths.config_file, old.encode(), mode=0o644)
        raise SettingsError(worse)
    return paths.config_file


def set_secret(key: str, secret: str, env: Mapping[str, str]) -> Path:
    """Keep one secret in a file of mode 0600 in the secrets folder; returns that file.

    Raises SettingsError when the key is no secret or the secret is empty, too long or refused.
    """
    entry = find_field(key)
    if not entry.secret:
        raise SettingsError([Problem(key, "is no secret; give its value on the command line")])
    secret = secret.strip()
    if not secret or len(secret.encode()) > MAX_FILE_BYTES:
        raise SettingsError([Problem(key, f"must be 1 to {MAX_FILE_BYTES} bytes")])
    trial = {**env, entry.env: secret}
    problems = [problem for problem in _problems(trial) if problem.key == key]
    if problems:
        raise SettingsError(problems)
    folder = _secrets_dir(env)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / entry.file_name
    replace_file(path, f"{secret}\n".encode(), mode=0o600)
    return path


def initial_toml() -> str:
    """A config.toml in which every key stands as a comment with its meaning and default."""
    lines = [_HEAD]
    for section in sections():
        lines.append(f"\n# {section.description}\n[{section.name}]")
        for entry in section.fields:
            if not entry.secret:
                default = "" if entry.default is None else toml_literal(entry.default)
                hosted = entry.hosted_default
                also = "" if hosted is None else f' {hosted} with store.kind = "s3".'
                lines.append(f"# {entry.description}{also} Must be {entry.allowed}.")
                lines.append(f"#{entry.name} = {default}".rstrip())
    return "\n".join(lines) + "\n"


def write_initial(env: Mapping[str, str]) -> Path:
    """Write a commented config.toml; raises SettingsError when there is one already."""
    path = find_paths(env).config_file
    if path.exists():
        raise SettingsError(
            [Problem("config.toml", "is there already and stays as it is", str(path))]
        )
    replace_file(path, initial_toml().encode(), mode=0o644)
    return path


def toml_literal(value: Any) -> str:
    """A default as config.toml would write it."""
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return json.dumps(value)


def replace_file(path: Path, body: bytes, *, mode: int) -> None:
    """Write a file with this mode beside `path` and rename it; raises SettingsError."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        problem = Problem(path.name, f"cannot be written: {exc.strerror}", str(path))
        raise SettingsError([problem]) from exc


def _read(paths: Paths) -> str:
    try:
        return paths.config_file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        problem = Problem("config.toml", f"cannot be read: {exc}", str(paths.config_file))
        raise SettingsError([problem]) from exc


def _parse(text: str, paths: Paths) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as exc:
        problem = Problem("config.toml", f"is not TOML: {exc}", str(paths.config_file))
        raise SettingsError([problem]) from exc


def _value(entry: SettingField, text: str) -> Any:
    if entry.is_list or isinstance(entry.default, bool | int | float):
        with contextlib.suppress(ValueError):
            return json.loads(text)
    return text.strip()


def _problems(env: Mapping[str, str]) -> tuple[Problem, ...]:
    try:
        load_settings(env)
    except SettingsError as exc:
        return exc.problems
    return ()


def _secrets_dir(env: Mapping[str, str]) -> Path:
    try:
        return load_settings(env).paths.secrets_dir
    except SettingsError:  # the other settings may be put right after the secret
        configured = env.get("JIGDESK_SECRETS_DIR", "").strip()
        return Path(configured).absolute() if configured else find_paths(env).secrets_dir
