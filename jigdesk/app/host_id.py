"""The name under which this desk claims jobs and registers: drawn once, kept with the state."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

from jigdesk.domain.errors import SetupError
from jigdesk.domain.host import is_host_id
from jigdesk.files import write_whole


def host_id_of(path: Path) -> str:
    """Read the host id at `path`, drawing it at the first call. Blocks; raises SetupError."""
    try:
        try:
            text = path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            text = _draw()
            write_whole(path, f"{text}\n", durable=True)
    except OSError as error:
        raise SetupError(f"{path} cannot be read or written: {error.strerror}.") from error
    if not is_host_id(text):
        raise SetupError(f"{path} holds no host id: remove it and start again.")
    return text


def _draw() -> str:
    name = "".join(char for char in socket.gethostname().lower() if char.isascii())
    name = "".join(char if char.isalnum() else "-" for char in name).strip("-")[:40]
    return f"{name or 'host'}-{secrets.token_hex(4)}"
