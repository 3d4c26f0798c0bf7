"""A process tree on macOS. Written for it, and never run there.

There is no way to adopt descendants: a daemon that forked twice and left its group is missed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable


def adopt_descendants() -> None:
    """Nothing to do: macOS gives orphans to launchd."""


def before_exec() -> Callable[[], None] | None:
    """Nothing to do: macOS has no signal for a parent's death."""
    return None


def descendants(root: int) -> list[int]:
    """Every living process below `root` or in its direct children's groups, parents first."""
    listed = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    groups: dict[int, list[int]] = {}
    for line in listed.stdout.splitlines():
        pid, parent, group, state = line.split(None, 3)
        if state.startswith("Z"):
            continue
        children.setdefault(int(parent), []).append(int(pid))
        groups.setdefault(int(group), []).append(int(pid))
    found = [pid for child in children.get(root, []) for pid in (child, *groups.get(child, []))]
    todo = list(found)
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return list(dict.fromkeys(found))


def max_rss_bytes(ru_maxrss: int) -> int:
    """`ru_maxrss`, which counts in bytes here."""
    return ru_maxrss
