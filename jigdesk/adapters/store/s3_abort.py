"""Giving up on a server that does not answer, without waiting for its time to run out."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any
from weakref import WeakSet

from jigdesk.domain.errors import StoreUnavailable


class Connections:
    """The connections of one boto3 client, which `abort` breaks. Thread-safe.

    A thread that waits for an answer cannot be told to stop; it is when its socket ends. After
    `abort` the client sends nothing any more: each call raises StoreUnavailable.
    """

    def __init__(self) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()
        self._aborted = False

    def watch(self, client: Any) -> None:
        """Notice every connection that the client makes from now on."""
        # botocore has no public way to its connections; a test notices when this one ends
        session = client._endpoint.http_session
        watched = {
            scheme: self._watched(pool) for scheme, pool in session._pool_classes_by_scheme.items()
        }
        session._pool_classes_by_scheme = watched  # what a proxy's manager takes later
        session._manager.pool_classes_by_scheme = watched
        client.meta.events.register("before-send.s3", self._check)

    def abort(self) -> None:
        """Break what is open and refuse what comes; harmless when repeated."""
        with self._lock:
            self._aborted = True
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):  # it ended by itself
                each.shutdown(socket.SHUT_RDWR)

    def _check(self, **_: Any) -> None:
        if self._aborted:
            raise StoreUnavailable("The object store is closed.")

    def _add(self, made: socket.socket) -> None:
        with self._lock:
            self._sockets.add(made)
        self._check()

    def _watched(self, pool: Any) -> Any:
        add = self._add

        class Connection(pool.ConnectionCls):  # type: ignore[misc]
            def connect(self) -> None:
                super().connect()
                add(self.sock)

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
