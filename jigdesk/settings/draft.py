"""Settings as a form changes them: where each stands, what a draft would make of them, saving it.

Everything here blocks on files, and on the OS keyring where it is asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from jigdesk.settings import secrets
from jigdesk.settings.edit import (
    changing,
    edited,
    read_config,
    remove_secret,
    toml_literal,
    write_config,
    write_secret,
)
from jigdesk.settings.fields import SettingField, fields
from jigdesk.settings.kinds import shape_of
from jigdesk.settings.load import (
    COMMAND_LINE,
    KEYRING,
    Overrides,
    Reading,
    load_settings,
    read_settings,
)
from jigdesk.settings.model import HOSTED_LIMITS, Settings
from jigdesk.settings.paths import find_paths
from jigdesk.settings.problems import Problem, SettingsError


class Source(StrEnum):
    """What kind of place a value stands in."""

    DEFAULT = "default"
    CONFIG = "config.toml"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"
    FILE = "file"
    CREDENTIAL = "systemd credential"
    KEYRING = "OS keyring"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one desk's settings come from, so that they can be read again and changed."""

    env: Mapping[str, str] = field(repr=False)
    overrides: Overrides = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Origin:
        """The process's own environment; where the settings are another home's, that home."""
        config_file = settings.paths.config_file
        if find_paths(os.environ).config_file == config_file:
            return cls(dict(os.environ))
        return cls({**os.environ, "JIGDESK_HOME": str(config_file.parent)})

    def load(self) -> Settings:
        """See `load_settings`."""
        return load_settings(self.env, self.overrides)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the owner wants: texts as `config set` takes them, empty to go back to the default.

    A secret that is None is taken away; those in `to_keyring` are kept in the OS keyring, the
    others in files.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    to_keyring: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.values or self.secrets)


@dataclass(frozen=True, slots=True)
class Stand:
    """How one key stands: `text` as a form shows it (JSON for lists), empty for what is not set.

    Of a secret the text is empty always, and `is_set` tells. `where` is a path or a variable.
    """

    source: Source
    text: str = ""
    where: str = ""
    is_set: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether a form cannot change it: what it says there would not win."""
        return self.source in (Source.ENVIRONMENT, Source.COMMAND_LINE, Source.CREDENTIAL)


@dataclass(frozen=True, slots=True)
class Survey:
    """Every key's stand and every problem; `settings` is None when there are any."""

    stands: Mapping[str, Stand]
    problems: tuple[Problem, ...]
    settings: Settings | None
    config_file: Path
    secrets_dir: Path


class KeyringAnswers:
    """What the OS keyring said, so that a form need not ask it with every letter."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}
        self._works: bool | None = None

    def __call__(self, keys: Iterable[str]) -> Mapping[str, str]:
        """As `read_keyring`; asks for what it does not know yet."""
        wanted = list(keys)
        unknown = [key for key in wanted if key not in self._known]
        if unknown and self.works():
            found = secrets.read_keyring(unknown)
            self._known.update({key: found.get(key) for key in unknown})
        return {key: known for key in wanted if (known := self._known.get(key)) is not None}

    def works(self) -> bool:
        """Whether there is one to keep secrets in."""
        if self._works is None:
            self._works = secrets.keyring_works()
        return self._works

    def asked(self, key: str) -> bool:
        """Whether it was asked for a key."""
        return key in self._known

    def note(self, kept: Mapping[str, str | None]) -> None:
        """These were kept there, or taken out."""
        self._known.update(kept)


def survey(
    origin: Origin, draft: Draft | None = None, keyring: KeyringAnswers | None = None
) -> Survey:
    """How the settings stand, or would with a draft; nothing is written, nothing is raised."""
    draft = draft or Draft()
    keyring = keyring or KeyringAnswers()
    toml: str | None = None
    wrong: tuple[Problem, ...] = ()
    if draft.values:
        paths = find_paths(origin.env)
        try:
            toml = edited(read_config(paths), draft.values, paths)
        except SettingsError as exc:
            wrong = exc.problems
    reading = read_settings(
        origin.env,
        origin.overrides,
        toml=toml,
        new_secrets=draft.secrets,
        keyring=keyring,
    )
    problems = wrong + tuple(p for p in reading.problems if p not in wrong)
    settings = None if problems else reading.settings
    stands = {key: _stand(entry, reading, settings) for key, entry in fields().items()}
    for key, stand in stands.items():  # one that nothing uses is not in the reading
        there = keyring.asked(key) and key not in draft.secrets and keyring([key])
        if there and stand.source is Source.DEFAULT:
            stands[key] = Stand(Source.KEYRING, is_set=True)
    paths = reading.paths
    return Survey(stands, problems, settings, paths.config_file, paths.secrets_dir)


def save(origin: Origin, draft: Draft, keyring: KeyringAnswers) -> Survey:
    """Write a draft: secrets first, then config.toml in one step; returns how things stand then.

    Raises SettingsError with every problem, and writes nothing, when the settings would not be
    right as a whole.
    """
    would = survey(origin, draft, keyring)
    if would.settings is None:
        raise SettingsError(would.problems)
    paths = find_paths(origin.env)
    _save_secrets(draft, would.settings.paths.secrets_dir, would, keyring)
    if draft.values:
        with changing(paths):
            write_config(paths, edited(read_config(paths), draft.values, paths))
    return survey(origin, None, keyring)


def _save_secrets(draft: Draft, folder: Path, would: Survey, keyring: KeyringAnswers) -> None:
    """A secret stands in one place afterwards: the other one would come back when it is removed."""
    to_keyring: dict[str, str | None] = {}
    to_file: dict[str, str] = {}
    for key, secret in draft.secrets.items():
        if secret is not None and key not in draft.to_keyring:
            to_file[key] = secret
            secret = None  # noqa: PLW2901 - what the keyring has of it goes
        if secret is not None or keyring([key]):
            to_keyring[key] = secret
    for key, secret in to_file.items():
        write_secret(fields()[key], secret, folder)
    if to_keyring:
        secrets.write_keyring(to_keyring)
        keyring.note(to_keyring)
    for key in draft.secrets:
        if key not in to_file:
            remove_secret(fields()[key], folder)


def default_text(entry: SettingField, *, hosted: bool) -> str:
    """The default as a form shows it; `hosted` with `store.kind = "s3"`."""
    value = HOSTED_LIMITS[entry.name] if hosted and entry.hosted_default else entry.default
    return text_of(entry, value)


def text_of(entry: SettingField, value: Any) -> str:
    """A value as `config set` takes it; empty for None."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return json.dumps([item if isinstance(item, int | float) else str(item) for item in value])
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool | int | float) and shape_of(entry).is_json:
        return toml_literal(value)
    return str(value)


def _stand(entry: SettingField, reading: Reading, settings: Settings | None) -> Stand:
    where = reading.sources.get(entry.key, "")
    source = _source(entry, where, reading)
    if entry.secret:
        return Stand(source, where=where, is_set=bool(where))
    if where:
        return Stand(source, text_of(entry, reading.values.get(entry.key)), where, is_set=True)
    if settings is not None and entry.section:
        return Stand(source, text_of(entry, value_of(settings, entry)))
    hosted = reading.values.get("store.kind") == "s3"
    return Stand(source, default_text(entry, hosted=hosted))


def value_of(settings: Settings, entry: SettingField) -> Any:
    """What these settings have for a key."""
    section = getattr(settings, entry.section) if entry.section else settings
    return getattr(section, entry.name)


def changed_keys(before: Settings, after: Settings) -> tuple[str, ...]:
    """The keys, secrets too, in which two settings differ."""
    return tuple(
        key for key, entry in fields().items() if value_of(before, entry) != value_of(after, entry)
    )


def _source(entry: SettingField, where: str, reading: Reading) -> Source:
    if not where:
        return Source.DEFAULT
    if where == str(reading.paths.config_file):
        return Source.CONFIG
    if where in (COMMAND_LINE, KEYRING):
        return Source.COMMAND_LINE if where == COMMAND_LINE else Source.KEYRING
    if where.upper() == entry.env:
        return Source.ENVIRONMENT
    ours = Path(where).parent == reading.paths.secrets_dir
    return Source.FILE if ours else Source.CREDENTIAL
