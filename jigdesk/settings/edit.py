"""Writes settings: keys into config.toml, comments kept; secrets into files of their own."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from filelock import FileLock
from tomlkit.exceptions import ConvertError, TOMLKitError

from jigdesk.domain.wording import is_encodable, nearest
from jigdesk.files import write_whole
from jigdesk.settings.fields import SettingField, fields, sections
from jigdesk.settings.kinds import shape_of
from jigdesk.settings.load import load_settings, read_settings
from jigdesk.settings.paths import Paths, find_paths
from jigdesk.settings.problems import Problem, SettingsError
from jigdesk.settings.secrets import MAX_FILE_BYTES, NOT_UTF_8

LOCK_S = 30.0
"""How long a change waits for another; one may ask the OS keyring."""

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
    """Set one key in config.toml; see `set_values`."""
    return set_values({key: text}, env)


def set_values(changes: Mapping[str, str], env: Mapping[str, str]) -> Path:
    """Set keys in config.toml, unless that makes the settings worse; returns the file.

    A text is read as an environment variable would be: lists as JSON. An empty one takes the
    key out. The file is replaced in one step, comments stay. Raises SettingsError and writes
    nothing when a value is not allowed, a key is a secret, or the file cannot be read or written.
    """
    paths = find_paths(env)
    with changing(paths):
        old = read_config(paths)
        new = edited(old, changes, paths)
        known = read_settings(env, toml=old).problems
        worse = [p for p in read_settings(env, toml=new).problems if p not in known]
        worse = worse or _hidden(changes, new, env)
        if worse:
            raise SettingsError(worse)
        write_config(paths, new)
    return paths.config_file


def _hidden(changes: Mapping[str, str], text: str, env: Mapping[str, str]) -> list[Problem]:
    """What is wrong with changed values that the environment overrides now."""
    over = {find_field(key).env.upper() for key in changes}
    bare = {name: value for name, value in env.items() if name.upper() not in over}
    if len(bare) == len(env):
        return []
    return [
        problem for problem in read_settings(bare, toml=text).problems if problem.key in changes
    ]


def edited(text: str, changes: Mapping[str, str], paths: Paths) -> str:
    """The text of a config.toml with these keys set or, where empty, taken out.

    Values are not checked. Raises SettingsError for a key that is none or a secret, for a value
    that TOML does not have, and for a text that is not TOML.
    """
    document = _parse(text, paths)
    for key, value in changes.items():
        entry = find_field(key)
        if entry.secret:
            raise SettingsError([Problem(key, "is a secret and does not belong in config.toml")])
        table: Any = document
        if entry.section:
            if not isinstance(document.get(entry.section, {}), dict):
                raise SettingsError([Problem(entry.section, "is no section in config.toml")])
            if entry.section not in document and not value.strip():
                continue
            table = document.setdefault(entry.section, tomlkit.table())
        if value.strip():
            try:
                table[entry.name] = _value(entry, value)
            except ConvertError as exc:  # JSON has a null, TOML has none
                bad = f"must be {entry.allowed}; {value.strip():.60} is not"
                raise SettingsError([Problem(key, bad)]) from exc
        else:
            table.pop(entry.name, None)
    return tomlkit.dumps(document)


def set_secret(key: str, secret: str, env: Mapping[str, str]) -> Path:
    """Keep one secret in a file of mode 0600 in the secrets folder; returns that file.

    Raises SettingsError when the key is no secret or the secret is empty, too long or refused.
    """
    entry = find_field(key)
    if not entry.secret:
        raise SettingsError([Problem(key, "is no secret; give its value on the command line")])
    secret = secret.strip()
    if not is_encodable(secret):
        raise SettingsError([Problem(key, NOT_UTF_8)])
    if not secret or len(secret.encode()) > MAX_FILE_BYTES:
        raise SettingsError([Problem(key, f"must be 1 to {MAX_FILE_BYTES} bytes")])
    trial = {**env, entry.env: secret}
    problems = [problem for problem in read_settings(trial).problems if problem.key == key]
    if problems:
        raise SettingsError(problems)
    return write_secret(entry, secret, _secrets_dir(env))


def write_secret(entry: SettingField, secret: str, folder: Path) -> Path:
    """Write a secret's file, mode 0600, without a check of it; raises SettingsError."""
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / entry.file_name
    replace_file(path, f"{secret}\n", mode=0o600)
    return path


def remove_secret(entry: SettingField, folder: Path) -> None:
    """Remove a secret's file, if there is one; raises SettingsError when it stays."""
    path = folder / entry.file_name
    with _writing(path):
        path.unlink(missing_ok=True)


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
    replace_file(path, initial_toml(), mode=0o644)
    return path


def toml_literal(value: Any) -> str:
    """A default as config.toml would write it."""
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return json.dumps(value)


def replace_file(path: Path, body: str, *, mode: int) -> None:
    """Write a file with this mode in one step, through a link to it; raises SettingsError."""
    with _writing(path):
        write_whole(path.resolve(), body, mode=mode, durable=True)


@contextlib.contextmanager
def changing(paths: Paths) -> Iterator[None]:
    """Keep other windows and commands from changing config.toml meanwhile; raises SettingsError."""
    path = paths.state_dir / "config.lock"
    with contextlib.ExitStack() as stack:
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path, timeout=LOCK_S, mode=0o600))
        yield


def write_config(paths: Paths, text: str) -> None:
    """Replace config.toml in one step; who may read it stays as it is. Raises SettingsError."""
    try:
        mode = stat.S_IMODE(paths.config_file.stat().st_mode)
    except OSError:
        mode = 0o644
    replace_file(paths.config_file, text, mode=mode)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        problem = Problem(path.name, f"cannot be written: {exc.strerror or exc}", str(path))
        raise SettingsError([problem]) from exc


def read_config(paths: Paths) -> str:
    """The text of config.toml, empty where there is none; raises SettingsError."""
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
    if shape_of(entry).is_json:
        with contextlib.suppress(ValueError):
            return json.loads(text)
    return text.strip()


def _secrets_dir(env: Mapping[str, str]) -> Path:
    try:
        return load_settings(env).paths.secrets_dir
    except SettingsError:  # the other settings may be put right after the secret
        configured = env.get("JIGDESK_SECRETS_DIR", "").strip()
        return Path(configured).absolute() if configured else find_paths(env).secrets_dir
