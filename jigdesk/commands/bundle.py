"""`jigdesk doctor --bundle`: what somebody who helps needs to see, and no secret."""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from jigdesk.domain.clock import to_rfc3339, utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.logs import Redactor, secrets_of
from jigdesk.settings import Settings

MAX_LOG_BYTES = 2 * 1024 * 1024
"""How much of each log goes in, from its end."""
MAX_LOGS = 20


def write_bundle(path: Path, settings: Settings, checks: Sequence[Mapping[str, Any]]) -> int:
    """Write the ZIP (mode 0600) and return how many files are in it.

    Blocks. Every text passes through the redactor, which also knows the secrets that the desk
    drew by itself. Raises JigDeskError when the file cannot be written.
    """
    redact = Redactor([*secrets_of(settings), *_drawn(settings)])
    part = path.with_name(path.name + ".part")
    names = 0
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(handle, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle,
        ):
            for name, text in _contents(settings, checks, redact):
                bundle.writestr(name, text)
                names += 1
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise JigDeskError(
            "cannot_write", f"The bundle {path} cannot be written: {error.strerror}."
        ) from error
    return names


def _contents(
    settings: Settings, checks: Sequence[Mapping[str, Any]], redact: Redactor
) -> Iterator[tuple[str, str]]:
    health = {"made_at": to_rfc3339(utc_now()), "checks": list(checks)}
    for name, document in (
        ("health.json", health),
        ("settings.json", settings.model_dump(mode="json")),
        ("versions.json", _versions()),
    ):
        texts = _redacted({"version": 1, **document}, redact)
        yield name, json.dumps(texts, ensure_ascii=False, indent=2)
    for log in sorted(settings.paths.log_dir.glob("*.log*"))[:MAX_LOGS]:
        yield f"logs/{log.name}", redact(_tail(log))


def _redacted(value: Any, redact: Redactor) -> Any:
    """Each text by itself: blacked out as a whole, JSON would be none any more."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, redact) for item in value]
    return value


def _versions() -> dict[str, Any]:
    # what pip left of a package that it was removing has neither
    found = {str(item.metadata["Name"]): str(item.version) for item in distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(found.items())),
    }


def _tail(path: Path) -> str:
    """The end of a log; where it cannot be read, or is moved on just now, the reason."""
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, size_bytes - MAX_LOG_BYTES))
            return file.read(MAX_LOG_BYTES).decode(errors="replace")
    except OSError as failure:
        return f"(cannot be read: {failure.strerror})\n"


def _drawn(settings: Settings) -> Iterator[str]:
    """The secrets that no setting holds: they lie in the state folder."""
    for path in (settings.paths.control_token, settings.paths.webhook_secret):
        try:
            yield path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
