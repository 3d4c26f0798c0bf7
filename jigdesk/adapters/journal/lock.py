"""One core a home: an exclusive lock that the operating system drops with its process."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from jigdesk.domain.errors import SetupError
from jigdesk.files import write_whole

_MAX_COMMAND = 300


class HomeTaken(SetupError):
    """Another process has the home."""


class HomeLock:
    """Holds `path` locked between enter and exit; who holds it is written beside it.

    Raises HomeTaken on enter when another process (or another lock of this one) has it, another
    SetupError when it cannot be locked. A killed process frees it at once: the lock is the
    system's, the file means nothing by itself.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder = path.with_name(f"{path.name}.holder")
        # thread_local False: closed by whichever thread shuts the core down
        self._lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise HomeTaken(self._taken()) from None
        except (OSError, NotImplementedError) as error:
            raise SetupError(
                f"The lock {self._path} cannot be taken: {error}. Check the folder's permissions; "
                "the home must be on a file system with locks."
            ) from error
        try:
            self._write_holder()
        except OSError as error:
            self._lock.release()
            raise SetupError(f"{self._holder} cannot be written: {error.strerror}.") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._holder.unlink(missing_ok=True)
        self._lock.release()

    def _write_holder(self) -> None:
        command = shlex.join(sys.orig_argv)[:_MAX_COMMAND]
        document = {"version": 1, "pid": os.getpid(), "command": command}
        write_whole(self._holder, json.dumps(document))

    def _taken(self) -> str:
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            who = f"process {int(holder['pid'])} ({holder['command']})"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process that is just starting or ending"  # not written yet, or gone
        return (
            f"JigDesk already runs in {self._path.parent}: {who} holds it. "
            "Use that one, stop it, or set JIGDESK_HOME to another folder."
        )
