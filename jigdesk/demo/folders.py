"""The engine's folders: input, output and temp, and the names of files in them.

Every name comes from outside: whatever it says, the path stays inside its folder.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

FOLDER_TYPES = ("input", "output", "temp")


class OutsideFolder(ValueError):
    """A name that would leave its folder."""


@dataclass(frozen=True, slots=True)
class SaveTarget:
    """Where a save node writes: `name(0)` is the first free file name."""

    folder: Path
    stem: str
    subfolder: str
    first_number: int

    def name(self, index: int, suffix: str) -> str:
        """The file name of picture `index` of a batch: `stem_00001_.png`."""
        stem = self.stem.replace("%batch_num%", str(index))
        return f"{stem}_{self.first_number + index:05}_{suffix}"


class Folders:
    """The three folders below one base directory. Blocking; any thread may use it."""

    def __init__(self, base: Path) -> None:
        self._base = base.resolve()

    def create(self) -> None:
        """Make the folders and empty temp, as ComfyUI does at each start."""
        self.empty_temp()
        for kind in FOLDER_TYPES:
            (self._base / kind).mkdir(parents=True, exist_ok=True)

    def empty_temp(self) -> None:
        """Remove what the last run previewed."""
        shutil.rmtree(self._base / "temp", ignore_errors=True)

    def of(self, kind: str) -> Path | None:
        """The folder of a type; None when there is no such type."""
        return self._base / kind if kind in FOLDER_TYPES else None

    def inside(self, kind: str, subfolder: str, name: str = "") -> Path:
        """A path below a folder; raises OutsideFolder when it would leave it."""
        root = self.of(kind)
        if root is None or "\0" in subfolder or "\0" in name:
            raise OutsideFolder(f"{kind}/{subfolder}/{name}")
        path = (root / subfolder / name).resolve()
        if not path.is_relative_to(root):
            raise OutsideFolder(f"{kind}/{subfolder}/{name}")
        return path

    def annotated(self, value: str) -> Path:
        """The path that a Load node's value names: `sub/a.png`, or `a.png [output]`.

        Raises OutsideFolder.
        """
        for kind in FOLDER_TYPES:
            mark = f"[{kind}]"
            if value.endswith(mark):
                return self.inside(kind, value[: -len(mark) - 1])
        return self.inside("input", value)

    def input_images(self) -> list[str]:
        """The pictures right in the input folder, sorted: the choices of LoadImage."""
        suffixes = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
        folder = self._base / "input"
        return sorted(
            entry.name
            for entry in folder.iterdir()
            if entry.suffix.lower() in suffixes and entry.is_file()
        )

    def save_target(self, kind: str, prefix: str, size: tuple[int, int]) -> SaveTarget:
        """Where to save under `prefix`, which may name subfolders and hold `%width%` and others.

        Raises OutsideFolder. Creates the subfolder.
        """
        parts = Path(_fill_in(prefix, size))
        stem = parts.name
        folder = self.inside(kind, str(parts.parent))
        root = self.of(kind)
        if root is None or stem in {"", ".."} or "\0" in stem:
            raise OutsideFolder(prefix)
        folder.mkdir(parents=True, exist_ok=True)
        subfolder = folder.relative_to(root).as_posix()
        numbers = [_number(entry.name, stem) for entry in folder.iterdir()]
        return SaveTarget(
            folder=folder,
            stem=stem,
            subfolder="" if subfolder == "." else subfolder,
            first_number=max(numbers, default=0) + 1,
        )


def _number(name: str, stem: str) -> int:
    """The counter in `stem_00012_.png`; 0 for a file of another stem."""
    if not name.startswith(f"{stem}_"):
        return 0
    digits = name[len(stem) + 1 :].split("_", 1)[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0  # noqa: PLR2004


def _fill_in(prefix: str, size: tuple[int, int]) -> str:
    if "%" not in prefix:
        return prefix
    now = time.localtime()
    values = {
        "width": str(size[0]),
        "height": str(size[1]),
        "year": str(now.tm_year),
        "month": f"{now.tm_mon:02}",
        "day": f"{now.tm_mday:02}",
        "hour": f"{now.tm_hour:02}",
        "minute": f"{now.tm_min:02}",
        "second": f"{now.tm_sec:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix
