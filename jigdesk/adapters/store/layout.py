"""Where an object of the local store lies on disk.

Objects are plain files at `<root>/<bucket>/<key>`, for the owner to look at. What the store
notes about them lies in `<root>/.jigdesk/<bucket>/`, which no listing reaches.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from jigdesk.domain.errors import SetupError, StoreError
from jigdesk.domain.keys import MAX_KEY_BYTES, is_safe_path

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_COLON = ":"
_WINDOWS_COLON = "\uf03a"
"""What WSL and Cygwin write for a colon, which Windows forbids in file names."""

FILE_PREFIX = "/files/"
"""The route below which the local listener serves objects."""


def is_key(key: str) -> bool:
    """Whether `key` may name an object of the local store.

    A safe path (`domain.keys.is_safe_path`) in which a colon may also stand, as it does in
    owner ids; no file name of any platform is ever mapped onto another key's.
    """
    return (
        bool(key)
        and len(key.encode(errors="replace")) <= MAX_KEY_BYTES
        and _WINDOWS_COLON not in key
        and all(is_safe_path(part.replace(_COLON, "_")) for part in key.split("/"))
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one bucket below `root`; `windows` maps colons in names."""

    root: Path
    bucket: str
    windows: bool = os.name == "nt"

    def __post_init__(self) -> None:
        if _BUCKET.fullmatch(self.bucket) is None:
            raise SetupError(
                f"{self.bucket!r} is no bucket name: letters, digits, dots and dashes, at most 63.",
                field="store.bucket",
            )

    @property
    def objects(self) -> Path:
        """The folder that mirrors the keys."""
        return self.root / self.bucket

    @property
    def hidden(self) -> Path:
        """The folder for everything that is not an object."""
        return self.root / ".jigdesk" / self.bucket

    @property
    def incoming(self) -> Path:
        """Where bytes wait until they are whole; the same file system as the objects."""
        return self.hidden / "incoming"

    @property
    def locks(self) -> Path:
        """Where processes meet to take turns."""
        return self.hidden / "locks"

    def path(self, key: str) -> Path:
        """The file of an object; raises StoreError for a key that could lead elsewhere."""
        if not is_key(key):
            raise StoreError(f"{key[:200]!r} cannot be an object key.", code="bad_key")
        return self.objects.joinpath(*(self.file_name(part) for part in key.split("/")))

    def folder(self, prefix: str) -> Path | None:
        """The folder of a prefix that ends in `/` (or is empty); None when no key can match."""
        if not prefix:
            return self.objects
        if not prefix.endswith("/") or not is_key(prefix[:-1]):
            return None
        return self.path(prefix[:-1])

    def note(self, key: str) -> Path:
        """Where the metadata of `key` lies, however long its name is."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.hidden / "meta" / digest[:2] / f"{digest}.json"

    def file_name(self, part: str) -> str:
        """One part of a key as a file name."""
        return part.replace(_COLON, _WINDOWS_COLON) if self.windows else part

    def key_part(self, name: str) -> str | None:
        """The inverse of `file_name`; None for a name that no key has."""
        part = name.replace(_WINDOWS_COLON, _COLON) if self.windows else name
        return part if is_key(part) else None
