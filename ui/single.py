"""One window a home: a second start raises the first and ends."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from PySide6.QtCore import QDir, QObject, Signal
from PySide6.QtNetwork import QAbstractSocket, QLocalServer, QLocalSocket

WAIT_MS = 1000
MAX_PATH_BYTES = 103
"""The longest path of a Unix socket, on macOS; Linux takes four bytes more."""
_RAISE = b"raise\n"


def server_name(state_dir: Path) -> str:
    """A name that is this home's own, short enough for a socket."""
    digest = hashlib.sha256(str(state_dir.absolute()).encode()).hexdigest()
    name = f"jigdesk-{digest[:16]}"
    # Qt puts it into the folder for temporary files, and would not listen where that is too deep
    if os.name == "posix" and len(os.fsencode(f"{QDir.tempPath()}/{name}")) > MAX_PATH_BYTES:
        return f"/tmp/{name}"  # noqa: S108 - whoever takes the name hears no more than "raise"
    return name


def raise_other(state_dir: Path) -> bool:
    """Ask a window of this home to come to the front; False when there is none. Blocks a moment."""
    socket = QLocalSocket()
    socket.connectToServer(server_name(state_dir))
    if not socket.waitForConnected(WAIT_MS):
        return False
    socket.write(_RAISE)
    socket.flush()
    done = socket.waitForBytesWritten(WAIT_MS) or socket.bytesToWrite() == 0
    socket.disconnectFromServer()
    if socket.state() is not QLocalSocket.LocalSocketState.UnconnectedState:
        socket.waitForDisconnected(WAIT_MS)
    return done


class SingleInstance(QObject):
    """Listens for later starts; `asked` tells that one wants this window in front."""

    asked = Signal()

    def __init__(self, state_dir: Path, parent: QObject | None = None) -> None:
        """Listen; a socket that a dead window left behind is taken over."""
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._came)
        name = server_name(state_dir)
        if (
            not self._server.listen(name)
            and self._server.serverError() is QAbstractSocket.SocketError.AddressInUseError
        ):
            QLocalServer.removeServer(name)
            self._server.listen(name)

    def close(self) -> None:
        """Stop listening and take the socket away."""
        self._server.close()

    def _came(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.disconnected.connect(socket.deleteLater)
            self.asked.emit()
