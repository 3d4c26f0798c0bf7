"""The keys below a folder in the order in which S3 lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jigdesk.adapters.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Listed:
    """A key, or a common prefix (which ends in `/`)."""

    key: str
    is_prefix: bool


@dataclass(frozen=True, slots=True)
class Query:
    """What to list: keys that begin with `prefix`, after `after`; folded at slashes or not."""

    prefix: str
    after: str
    folded: bool


def walk(layout: Layout, query: Query) -> Iterator[Listed]:
    """Yield keys in order of their UTF-8 bytes, reading no folder that cannot match.

    Links and names that no key has are left out. A common prefix is listed when it is itself
    after `after`.
    """
    base = query.prefix[: query.prefix.rfind("/") + 1]
    folder = layout.folder(base)
    if folder is not None:
        yield from _walk(layout, folder, base, query)


def _walk(layout: Layout, folder: Path, base: str, query: Query) -> Iterator[Listed]:
    for key, name in _matching(layout, folder, base, query):
        if not key.endswith("/"):
            yield Listed(key, is_prefix=False)
        elif not query.folded:
            yield from _walk(layout, folder / name, key, query)
        elif key > query.after and _has_key(layout, folder / name, key):
            yield Listed(key, is_prefix=True)


def _matching(layout: Layout, folder: Path, base: str, query: Query) -> list[tuple[str, str]]:
    """Keys (folders end in `/`) with their file names, sorted.

    With the slash they sort as their keys do: `a.json` comes before `a/b`. Code points sort as
    UTF-8 bytes do.
    """
    found: list[tuple[str, str]] = []
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return found
    with entries:
        for entry in entries:
            part = layout.key_part(entry.name)
            if part is None:
                continue
            if entry.is_dir(follow_symlinks=False):
                key = f"{base}{part}/"
                wanted = key > query.after or query.after.startswith(key)
            elif entry.is_file(follow_symlinks=False):
                key = base + part
                wanted = key > query.after
            else:
                continue
            if wanted and key.startswith(query.prefix):
                found.append((key, entry.name))
    found.sort()
    return found


def _has_key(layout: Layout, folder: Path, base: str) -> bool:
    """Whether anything lies below: S3 knows no empty folders."""
    return any(True for _ in _walk(layout, folder, base, Query(base, "", folded=False)))
