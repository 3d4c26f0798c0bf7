"""Reads the settings: config.toml, then the environment, then secrets; every problem at once."""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jigdesk.domain.wording import nearest
from jigdesk.settings import secrets
from jigdesk.settings.checks import cross_checks
from jigdesk.settings.fields import ENV_PREFIX, SettingField, fields, sections
from jigdesk.settings.model import Settings
from jigdesk.settings.paths import Paths, expanded, find_paths
from jigdesk.settings.problems import Problem, SettingsError

Overrides = Mapping[str, Mapping[str, Any]]
AskKeyring = Callable[[Iterable[str]], Mapping[str, str]]
COMMAND_LINE = "command line"
KEYRING = "OS keyring"
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Reading:
    """What one load found, right or wrong.

    `settings` is None when there are `problems`. `values` has what stands somewhere, as it
    stands there, by dotted key, and `sources` where: the path of a file, the name of a variable,
    `COMMAND_LINE` or `KEYRING`. What is in neither has its default.
    """

    settings: Settings | None
    problems: tuple[Problem, ...]
    values: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, str]
    paths: Paths


def load_settings(
    env: Mapping[str, str] | None = None, overrides: Overrides | None = None
) -> Settings:
    """Read and check all settings; `env` None means the process's own environment.

    `overrides` (section → key → value) win over everything else. Blocks on files, and on the OS
    keyring up to `secrets.KEYRING_TIMEOUT_S` where a secret is needed that stands nowhere else.
    Raises SettingsError with every problem that it found.
    """
    reading = read_settings(os.environ if env is None else env, overrides)
    if reading.settings is None:
        raise SettingsError(reading.problems)
    return reading.settings


def read_settings(
    env: Mapping[str, str],
    overrides: Overrides | None = None,
    *,
    toml: str | None = None,
    new_secrets: Mapping[str, str | None] | None = None,
    keyring: AskKeyring | None = None,
) -> Reading:
    """Read and check all settings, and raise nothing: what is wrong is in the answer.

    `toml` stands for what config.toml says, None for the file. `new_secrets` are tried in the
    place of those in files and the keyring; None tries what is left without one. `keyring` is
    asked in the place of the OS keyring, and also where something else is wrong already. Blocks
    as `load_settings` does.
    """
    return _Load(env, find_paths(env), toml, new_secrets or {}, keyring).read(overrides or {})


class _Load:
    """One load: the values so far, where each came from, and what is wrong."""

    def __init__(
        self,
        env: Mapping[str, str],
        paths: Paths,
        toml: str | None,
        new_secrets: Mapping[str, str | None],
        keyring: AskKeyring | None,
    ) -> None:
        self._env = env
        self._paths = paths
        self._toml = toml
        self._new_secrets = new_secrets
        self._keyring = keyring
        self._data: dict[str, dict[str, Any]] = {}
        self._sources: dict[str, str] = {}
        self._problems: list[Problem] = []
        self._top: Mapping[str, Any] = {}
        self._secrets_dir: Path | None = None

    def read(self, overrides: Overrides) -> Reading:
        self._take_toml()
        self._take_env()
        for section, values in overrides.items():
            for name, value in values.items():
                self._set(fields()[f"{section}.{name}"], value, COMMAND_LINE)
        self._take_secrets()
        settings = self._build()
        values = {
            f"{section}.{name}": value
            for section, found in self._data.items()
            for name, value in found.items()
        }
        values |= self._top
        return Reading(settings, tuple(self._problems), values, self._sources, self._paths)

    def _set(self, entry: SettingField, value: Any, source: str) -> None:
        self._data.setdefault(entry.section, {})[entry.name] = value
        self._sources[entry.key] = source

    def _bad(self, key: str, message: str, source: str = "") -> None:
        self._problems.append(Problem(key, message, source))

    # --- config.toml ----------------------------------------------------------------------

    def _take_toml(self) -> None:
        path = self._paths.config_file
        try:
            text = self._toml
            if text is None:
                text = path.read_bytes().decode("utf-8-sig")
            document = tomllib.loads(text)
        except FileNotFoundError:
            return
        except OSError as exc:
            self._bad("config.toml", f"cannot be read: {exc.strerror}", str(path))
            return
        except UnicodeDecodeError:
            self._bad("config.toml", "is not UTF-8", str(path))
            return
        except tomllib.TOMLDecodeError as exc:
            self._bad("config.toml", f"is not TOML: {exc}", str(path))
            return
        known = [section.name for section in sections()]
        for name, values in document.items():
            if name == "secrets_dir":
                self._take_toml_value(fields()[name], values)
            elif name not in known:
                self._bad(name, f"is no section.{nearest(name, known)}", str(path))
            elif not isinstance(values, dict):
                self._bad(name, f"must be a section: [{name}] on a line of its own", str(path))
            else:
                self._take_toml_section(name, values)

    def _take_toml_section(self, section: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            entry = fields().get(f"{section}.{name}")
            if entry is None:
                message = f"is no setting.{nearest(name, _names(section))}"
                self._bad(f"{section}.{name}", message, str(self._paths.config_file))
            elif entry.secret:
                place = secrets.where_to_put(entry, self._paths.secrets_dir)
                self._bad(
                    entry.key,
                    f"a secret must not stand here in clear text; take it out and {place}",
                    str(self._paths.config_file),
                )
            else:
                self._take_toml_value(entry, value)

    def _take_toml_value(self, entry: SettingField, value: Any) -> None:
        if entry.is_path:  # relative paths count from the file that says them
            value = _each(value, lambda text: self._paths.config_file.parent / expanded(Path(text)))
        self._set(entry, value, str(self._paths.config_file))

    # --- the environment ------------------------------------------------------------------

    def _take_env(self) -> None:
        by_env = {entry.env: entry for entry in fields().values()}
        for variable, text in self._env.items():
            entry = by_env.get(variable.upper())
            if entry is None:
                # without a double underscore it is somebody else's (JIGDESK_HOME, the Lambdas')
                if variable.upper().startswith(ENV_PREFIX) and "__" in variable:
                    key = variable.lower().removeprefix(ENV_PREFIX.lower()).replace("__", ".")
                    self._bad(variable, f"is no setting.{nearest(key, fields())}")
            elif text.strip():  # an empty variable counts as not set
                self._take_variable(entry, variable, text)

    def _take_variable(self, entry: SettingField, variable: str, text: str) -> None:
        value: Any = text.strip()
        if entry.is_list:
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            if not isinstance(value, list):
                self._bad(entry.key, 'must be a JSON list, such as ["a", "b"]', variable)
                return
        if entry.is_path:
            value = _each(value, lambda path: expanded(Path(path)).absolute())
        self._set(entry, value, variable)

    # --- secrets --------------------------------------------------------------------------

    def _take_secrets(self) -> None:
        self._top = self._data.pop("", {})
        self._secrets_dir = self._top.get("secrets_dir")
        if self._secrets_dir is not None and not isinstance(self._secrets_dir, Path):
            self._bad("secrets_dir", "must be a folder", self._sources["secrets_dir"])
            self._secrets_dir = None
        folder = self._secrets_dir or self._paths.secrets_dir
        self._paths = dataclasses.replace(self._paths, secrets_dir=folder)
        if self._secrets_dir is not None and not folder.is_dir():
            self._bad("secrets_dir", f"{folder} is no folder", self._sources["secrets_dir"])
        found = secrets.read_files(folder, self._env)
        for key, new in self._new_secrets.items():
            if new is not None and not self._has(key):
                self._set(fields()[key], new, str(folder / fields()[key].file_name))
        new_keys = self._new_secrets.keys()
        self._problems += [
            p for p in found.problems if not self._has(p.key) and p.key not in new_keys
        ]
        for key, value in found.values.items():
            if not self._has(key) and key not in new_keys:
                self._set(fields()[key], value, found.sources[key])
        if self._keyring is None and self._problems:
            return  # a load that fails anyhow does not wait for a keyring
        needed = secrets.needed_from_keyring(self._data)
        wanted = [key for key in needed if key not in new_keys]
        ask = self._keyring or secrets.read_keyring
        for key, value in ask(wanted).items():
            self._set(fields()[key], value, KEYRING)

    def _has(self, key: str) -> bool:
        section, _, name = key.partition(".")
        return name in self._data.get(section, {})

    # --- the whole ------------------------------------------------------------------------

    def _build(self) -> Settings | None:
        local_dir = self._data.get("store", {}).get("local_dir")
        if isinstance(local_dir, Path):
            self._paths = dataclasses.replace(self._paths, store_dir=local_dir)
        settings = None
        try:
            settings = Settings.model_validate(
                {**self._data, "paths": self._paths, "secrets_dir": self._secrets_dir}
            )
        except ValidationError as exc:
            self._problems += self._explain(exc)
        else:
            self._problems += [
                dataclasses.replace(problem, source=self._sources.get(problem.key, ""))
                for problem in cross_checks(settings)
            ]
        return None if self._problems else settings

    def _explain(self, exc: ValidationError) -> Iterable[Problem]:
        explained: set[str] = set()
        for error in exc.errors(include_url=False, include_context=False):
            location = error["loc"]
            entry = fields()[".".join(str(part) for part in location[:2])]
            if entry.key in explained:
                continue
            explained.add(entry.key)
            value = self._data[entry.section][entry.name]
            if entry.is_list and isinstance(value, list) and isinstance(location[-1], int):
                value = value[location[-1]]
            said = "it" if entry.secret else _shown(value)
            reason = error["msg"].removeprefix("Value error, ")
            why = f" ({reason})" if error["type"] == "value_error" and not entry.secret else ""
            yield Problem(
                entry.key,
                f"must be {entry.allowed}; {said} is not{why}",
                self._sources.get(entry.key, ""),
            )


def _names(section: str) -> list[str]:
    return [entry.name for entry in fields().values() if entry.section == section]


def _each(value: Any, convert: Any) -> Any:
    if isinstance(value, str):
        return convert(value)
    if isinstance(value, list):
        return [convert(item) if isinstance(item, str) else item for item in value]
    return value


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Path) else repr(value)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
