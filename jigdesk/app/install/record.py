"""A note of the folders that an installation began in, so that the next start may go on there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jigdesk.app.installs import is_comfyui
from jigdesk.domain.errors import SetupError
from jigdesk.files import write_whole

VERSION = 1
MAX_MOVED = 100


class Begin(StrEnum):
    """How far the folder is."""

    FRESH = "fresh"  # not there, or empty
    HALF = "half"  # an earlier installation of ours ended while it cloned
    GO_ON = "go on"  # one of ours has the program, and maybe not all packages
    THERE = "there"  # somebody's finished ComfyUI


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The file with the folders of installations that have not ended well. Blocking."""

    file: Path

    def folders(self) -> tuple[Path, ...]:
        """The noted folders; none when the file is missing or is not one of ours."""
        try:
            data = json.loads(self.file.read_bytes())
            if data["version"] != VERSION:
                return ()
            return tuple(Path(str(folder)) for folder in data["folders"])
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def note(self, folder: Path) -> None:
        """An installation begins there."""
        self._write({*self.folders(), folder})

    def forget(self, folder: Path) -> None:
        """It is done."""
        self._write(set(self.folders()) - {folder})

    def _write(self, folders: set[Path]) -> None:
        document = {"version": VERSION, "folders": sorted(map(str, folders))}
        write_whole(self.file, json.dumps(document) + "\n")


def look_at(folder: Path, unfinished: Unfinished) -> Begin:
    """How far `folder` is; raises SetupError when it holds something else. Blocking."""
    try:
        is_empty = not folder.exists() or not any(folder.iterdir())
    except NotADirectoryError:
        raise SetupError(f"{folder} is a file. Say another --path.") from None
    except OSError as failed:
        raise SetupError(f"{folder} cannot be read: {failed.strerror}.") from None
    if is_empty:
        return Begin.FRESH
    if folder in unfinished.folders():
        # comfy-cli makes the environment when the clone is complete, and not before
        return Begin.GO_ON if is_comfyui(folder) and (folder / ".venv").is_dir() else Begin.HALF
    if is_comfyui(folder):
        return Begin.THERE
    raise SetupError(f"{folder} is not empty, and no ComfyUI. Say another --path.")


def clear(folder: Path, begin: Begin) -> Path | None:
    """Make way for a clone; returns where an unfinished one was moved to. Blocking.

    Nothing is deleted but an empty folder: whatever else lies there may be somebody's by now.
    Raises SetupError when it cannot be moved.
    """
    moved = None
    try:
        if begin is Begin.HALF:
            names = (f"{folder.name}.unfinished-{number}" for number in range(1, MAX_MOVED))
            moved = next(one for one in map(folder.with_name, names) if not one.exists())
            folder.rename(moved)
        elif begin is Begin.FRESH and folder.exists():
            folder.rmdir()  # git would clone into it, comfy-cli does not
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, StopIteration) as failed:
        raise SetupError(f"{folder} cannot be made way for: {failed}.") from None
    return moved
