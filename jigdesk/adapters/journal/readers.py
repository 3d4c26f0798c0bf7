"""Reading connections: a few, each used by one thread at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from jigdesk.adapters.journal.database import open_reader, translate

COUNT = 3
T = TypeVar("T")


class Readers:
    """Runs queries in COUNT threads; more callers wait their turn on the loop."""

    def __init__(self, path: Path) -> None:
        """Open the connections (blocks briefly); made outside of any loop."""
        self._free: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(COUNT, thread_name_prefix="journal-reader")
        self._turns = asyncio.Semaphore(COUNT)
        try:
            for _ in range(COUNT):
                self._free.append(open_reader(path))
        except BaseException:
            self.close()
            raise

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` on a snapshot; what was committed before the call is in it.

        Cancelled, the query ends by itself and its answer is dropped.
        """
        await self._turns.acquire()
        loop = asyncio.get_running_loop()
        try:
            future = self._pool.submit(self._run, query)
        except BaseException:
            self._turns.release()
            raise

        def free(_: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._turns.release)

        future.add_done_callback(free)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for the queries under way and close the connections. Blocks."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        while self._free:
            self._free.pop().close()

    def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._free.pop()  # there is one for each thread; list.pop is atomic
        try:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                if connection.in_transaction:  # an error of the disk has ended it
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise translate(error) from error
        finally:
            self._free.append(connection)
