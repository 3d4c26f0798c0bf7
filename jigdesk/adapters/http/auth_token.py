"""Secrets that this desk draws for itself and keeps in its state directory, mode 0600.

Every function here blocks: call it in a thread or before the loop runs.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from jigdesk.domain.errors import SetupError
from jigdesk.domain.signature import SECRET_PREFIX, secret_key

CONTROL_TOKEN = "control.token"  # noqa: S105 - a file's name
WEBHOOK_SECRET = "webhook.secret"  # noqa: S105 - a file's name

_MODE = 0o600
_MAX_BYTES = 4096
_MIN_KEY_BYTES = 24  # the specification asks for 24 to 64
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,256}")
_log = logging.getLogger(__name__)


def control_token(state_dir: Path) -> str:
    """The token of the control API, drawn at the first call. Raises SetupError."""
    return _kept(
        state_dir / CONTROL_TOKEN,
        draw=lambda: secrets.token_urlsafe(32),
        is_sound=lambda text: _TOKEN.fullmatch(text) is not None,
    )


def webhook_secret(state_dir: Path) -> str:
    """The webhook secret of a desk whose settings have none, drawn once. Raises SetupError."""
    return _kept(state_dir / WEBHOOK_SECRET, draw=draw_webhook_secret, is_sound=_is_secret)


def draw_webhook_secret() -> str:
    """A fresh `whsec_` secret of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _is_secret(text: str) -> bool:
    try:
        return text.startswith(SECRET_PREFIX) and len(secret_key(text)) >= _MIN_KEY_BYTES
    except ValueError:
        return False


def _kept(path: Path, *, draw: Callable[[], str], is_sound: Callable[[str], bool]) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return _create(path, draw())
        except FileExistsError:
            text = _read(path)
        if not text:  # we died between creating and writing: nobody has seen a secret yet
            path.unlink()
            return _create(path, draw())
    except OSError as error:
        raise SetupError(f"{path} cannot be read or written: {error.strerror}.") from None
    if not is_sound(text):
        raise SetupError(f"{path} holds no secret of the right form: delete it to draw a new one.")
    return text


def _create(path: Path, text: str) -> str:
    """Write a file that nobody else ever could read; raises FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _no_follow(), _MODE)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        if os.name == "posix":
            os.fchmod(file.fileno(), _MODE)  # an odd umask takes rights from us too
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return text


def _read(path: Path) -> str:
    handle = os.open(path, os.O_RDONLY | _no_follow() | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SetupError(f"{path} is not a plain file.")
        if os.name == "posix":
            _check_mode(path, file.fileno(), status)
        return file.read(_MAX_BYTES).decode("ascii", errors="replace").strip()


def _check_mode(path: Path, handle: int, status: os.stat_result) -> None:
    if status.st_uid != os.getuid():
        raise SetupError(f"{path} belongs to another user: remove it, or run as that user.")
    if stat.S_IMODE(status.st_mode) != _MODE:
        _log.warning("%s could be read by others; its mode is 0600 again", path)
        os.fchmod(handle, _MODE)


def _no_follow() -> int:
    """Windows has no such flag, and no such links for plain users."""
    return getattr(os, "O_NOFOLLOW", 0)
