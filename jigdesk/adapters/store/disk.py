"""Writing files so that they are there whole, or not at all, even after a power cut."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event

from jigdesk.domain.errors import ErrorCode, JobError, StoreError, StoreUnavailable
from jigdesk.ports import FileDigest

CHUNK_BYTES = 1 << 20

_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})
_WINDOWS_REPLACE_TIMEOUT_S = 2.0


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Say `OSError` as the store says it: full or failing disks may recover, the rest not."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in _PASSING:
            raise StoreUnavailable(
                f"{what}: {reason}. Free some space or check the disk."
            ) from error
        raise StoreError(f"{what}: {reason}.", code="disk_error") from error


def check_stop(stop: Event | None) -> None:
    """Raise StoreUnavailable once the caller no longer wants the transfer."""
    if stop is not None and stop.is_set():
        raise StoreUnavailable("The transfer was stopped.")


def save_stream(
    chunks: Iterable[bytes], path: Path, name: str, max_bytes: int, stop: Event | None
) -> FileDigest:
    """Write chunks into `path` by way of a `.part` file; nothing stays when it fails.

    `name` is what the visitor calls the file.

    Raises JobError(INPUT_TOO_LARGE) over `max_bytes`, StoreUnavailable when `stop` is set or
    the disk is full.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    part = path.with_name(path.name + ".part")
    with disk_errors(f"Cannot write {name!r}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with disk_errors(f"Cannot write {name!r}"), part.open("wb") as file:
            for chunk in chunks:
                check_stop(stop)
                size_bytes += len(chunk)
                check_size(name, size_bytes, max_bytes)
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        with disk_errors(f"Cannot write {name!r}"):
            replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    return FileDigest(size_bytes, digest.hexdigest())


def check_size(name: str, size_bytes: int, max_bytes: int) -> None:
    """Raise JobError(INPUT_TOO_LARGE), as a visitor is told, over the limit."""
    if size_bytes > max_bytes:
        raise JobError(
            ErrorCode.INPUT_TOO_LARGE, f"{name!r} is larger than the {max_bytes} bytes allowed."
        )


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each one's entry on disk before the next."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on disk; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(source: Path, target: Path) -> None:
    """Rename over `target`. Windows refuses while a reader has it open, so it is tried again."""
    deadline = time.monotonic() + _WINDOWS_REPLACE_TIMEOUT_S
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def place_new(source: Path, target: Path) -> None:
    """Rename to a name that must not exist; raises FileExistsError.

    A hard link is refused by the file system itself when the name is taken. Where there are no
    links (exFAT, some network drives) the caller's lock is what keeps two writers apart.
    """
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except (OSError, AttributeError, NotImplementedError):
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.replace(target)
    else:
        source.unlink()


def remove_empty(folder: Path, stop_at: Path) -> None:
    """Remove folders that became empty, upwards, but not `stop_at` itself."""
    while folder != stop_at and stop_at in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or already gone
        folder = folder.parent
