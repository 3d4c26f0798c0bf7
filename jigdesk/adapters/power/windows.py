"""Windows: SetThreadExecutionState, which holds for as long as its thread lives.

https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setthreadexecutionstate
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable

from jigdesk.domain.holds import Inhibition

ES_SYSTEM_REQUIRED = 0x00000001
ES_CONTINUOUS = 0x80000000
ANSWER_S = 5.0

SetState = Callable[[int], int]
"""Sets the calling thread's state; returns 0 when it failed."""


class ThreadLock:
    """Implements `services.awake.SleepLock` with a thread that waits while it is held."""

    def __init__(self, set_state: SetState | None = None) -> None:
        self._set_state = set_state or _set_state
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    async def hold(self, why: str) -> Inhibition:
        """See `SleepLock`; Windows has no place for `why`."""
        del why
        if self._thread is not None:
            return Inhibition(True, "Windows keeps the machine awake.")
        self._over = threading.Event()
        answered = _Answer()
        self._thread = threading.Thread(
            target=self._keep, args=(self._over, answered), name="awake", daemon=True
        )
        self._thread.start()
        if await asyncio.to_thread(answered.wait_ok):
            return Inhibition(True, "Windows keeps the machine awake.")
        await self.release()
        return Inhibition(False, "Windows refused (SetThreadExecutionState).")

    async def release(self) -> None:
        """See `SleepLock`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._over.set()
            await asyncio.to_thread(thread.join, ANSWER_S)

    def _keep(self, over: threading.Event, answered: _Answer) -> None:
        """The thread: what it sets ends with it."""
        answered.tell(self._set_state(ES_CONTINUOUS | ES_SYSTEM_REQUIRED) != 0)
        over.wait()
        self._set_state(ES_CONTINUOUS)


class _Answer:
    """One yes or no from a thread to another."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._ok = False

    def tell(self, ok: bool) -> None:
        self._ok = ok
        self._told.set()

    def wait_ok(self) -> bool:
        return self._told.wait(ANSWER_S) and self._ok


def _set_state(state: int) -> int:
    kernel32 = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    call = kernel32.SetThreadExecutionState
    call.argtypes, call.restype = [ctypes.c_uint32], ctypes.c_uint32
    return int(call(state))
