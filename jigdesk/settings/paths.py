"""Where one home keeps its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "jigdesk"


@dataclass(frozen=True, slots=True)
class Paths:
    """The files and folders of one home; none of them need exist.

    `store_dir` is the local store's folder and `secrets_dir` where secrets' files are looked up.
    """

    config_file: Path
    state_dir: Path
    jobs_dir: Path
    store_dir: Path
    log_dir: Path
    secrets_dir: Path

    @property
    def journal(self) -> Path:
        """The SQLite file of the journal."""
        return self.state_dir / "journal.db"

    @property
    def control_token(self) -> Path:
        """The bearer token of the control API, mode 0600."""
        return self.state_dir / "control.token"

    @property
    def webhook_secret(self) -> Path:
        """The webhook secret that was drawn because none is configured, mode 0600."""
        return self.state_dir / "webhook.secret"

    @property
    def host_id(self) -> Path:
        """The name under which this desk registers."""
        return self.state_dir / "host.id"

    @property
    def listeners(self) -> Path:
        """What the running core wrote about itself: JSON with `pid`, `local_url`, `public_url`."""
        return self.state_dir / "listeners.json"

    @property
    def offered(self) -> Path:
        """What the workflows offered when the engine last answered."""
        return self.state_dir / "offered.json"

    @property
    def lock(self) -> Path:
        """Held for life by the one core of this home."""
        return self.state_dir / "core.lock"

    @property
    def log_file(self) -> Path:
        """The newest log file."""
        return self.log_dir / "jigdesk.log"

    @property
    def engine_log(self) -> Path:
        """What the engine that the desk runs printed, the newest of it."""
        return self.log_dir / "engine.log"


def find_paths(env: Mapping[str, str]) -> Paths:
    """The paths under `JIGDESK_HOME`, or the user's own folders as the platform has them."""
    home = env.get("JIGDESK_HOME", "").strip()
    if home:
        return home_paths(Path(home))
    config = platformdirs.user_config_path(APP, appauthor=False)
    data = platformdirs.user_data_path(APP, appauthor=False)
    return Paths(
        config_file=config / "config.toml",
        state_dir=platformdirs.user_state_path(APP, appauthor=False),
        jobs_dir=data / "jobs",
        store_dir=data / "store",
        log_dir=platformdirs.user_log_path(APP, appauthor=False),
        secrets_dir=config / "secrets",
    )


def home_paths(home: Path) -> Paths:
    """Everything under one folder; a relative one counts from the working directory."""
    home = expanded(home).absolute()
    return Paths(
        config_file=home / "config.toml",
        state_dir=home / "state",
        jobs_dir=home / "jobs",
        store_dir=home / "store",
        log_dir=home / "logs",
        secrets_dir=home / "secrets",
    )


def expanded(path: Path) -> Path:
    """The path with `~` as the home that it means; of a user who is not there, as it stands."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
