"""What the local store notes about an object beside its bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mimetypes
import os
import re
from dataclasses import dataclass
from pathlib import Path

from jigdesk.adapters.store.names import NAMES
from jigdesk.domain.errors import StoreError

DEFAULT_TYPE = "application/octet-stream"
VERSION = 1
MAX_NOTE_BYTES = 65_536

_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\x20-\x7e]{1,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Note:
    """Content type and ETag of the file that had this size and time of change.

    A file that does not fit its note was put there by somebody else.
    """

    content_type: str
    etag: str
    size_bytes: int
    mtime_ns: int

    def fits(self, stat: os.stat_result) -> bool:
        """Whether the note was written for the file as it is now."""
        return self.size_bytes == stat.st_size and self.mtime_ns == stat.st_mtime_ns


def read_note(path: Path) -> Note | None:
    """Read a note; None when there is none or it is damaged, as after a power cut."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(MAX_NOTE_BYTES))
        if data["version"] != VERSION:
            return None
        return Note(
            content_type=str(data["content_type"]),
            etag=str(data["etag"]),
            size_bytes=int(data["size_bytes"]),
            mtime_ns=int(data["mtime_ns"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_note(path: Path, key: str, note: Note) -> None:
    """Write a note whole or not at all. It is not fsynced: without it the file still serves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "version": VERSION,
        "key": key,
        "content_type": note.content_type,
        "etag": note.etag,
        "size_bytes": note.size_bytes,
        "mtime_ns": note.mtime_ns,
    }
    name = NAMES.take()
    part = path.with_name(name)
    try:
        part.write_text(json.dumps(body), encoding="utf-8")
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    NAMES.give_back(name)


def guess_note(name: str, stat: os.stat_result) -> Note:
    """What to say of a file that was put there by hand: its name and its time are all we know."""
    mark = f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ino}"
    return Note(
        content_type=guess_type(name),
        etag=hashlib.sha256(mark.encode()).hexdigest(),
        size_bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
    )


def guess_type(name: str) -> str:
    """The content type that a file name promises."""
    return mimetypes.guess_type(name)[0] or DEFAULT_TYPE


def check_type(content_type: str) -> None:
    """Raise StoreError for what cannot stand in a Content-Type header."""
    if _CONTENT_TYPE.fullmatch(content_type) is None:
        raise StoreError(f"{content_type[:100]!r} is no content type.", code="bad_content_type")


def is_shown(content_type: str) -> bool:
    """Whether a browser may show it instead of saving it; an SVG can carry a script."""
    shown = content_type.startswith(("image/", "video/", "audio/"))
    return shown and "svg" not in content_type
