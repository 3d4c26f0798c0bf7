"""Starting and stopping the two listeners."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import LineTooLong

from jigdesk.adapters.http.errors import SERVER_NAME, error_answer
from jigdesk.domain.errors import SetupError

_BACKLOG = 256
_LINGER_S = 2.0
_IDLE_S = 75.0  # also bounds how long a connection may take to send its first head
_HEAD_BYTES = 1024
_REQUEST_LINE = re.compile(rb"([!-~]{1,16}) ([!-~]{1,512})")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a listener is; `setting` names it in errors (`server.public`), `port` 0 is any."""

    host: str
    port: int
    setting: str


@dataclass(frozen=True, slots=True)
class Unserved:
    """A request that reached no application, most often because it is not HTTP.

    `method` and `path` are None where its head did not tell them, `peer` is the address that it
    came from. `reason` is a sentence, `answer` what the sender got with `status`.
    """

    peer: str
    method: str | None
    path: str | None
    status: int
    reason: str
    answer: str


class Listener:
    """One application on one address. Start it once; stop it whether it started or not."""

    def __init__(
        self,
        app: web.Application,
        endpoint: Endpoint,
        *,
        cancel_on_disconnect: bool = False,
        stop_within_s: float = 5.0,
        unserved: Callable[[Unserved], None] | None = None,
    ) -> None:
        """`cancel_on_disconnect` ends a handler whose reader went away (event streams).

        `unserved` hears on the loop of each request that the application never sees; it must
        not raise.
        """
        self._endpoint = endpoint
        self._stop_within_s = stop_within_s
        self._port: int | None = None
        self._stopped = False
        self._unserved = unserved
        self._options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": _IDLE_S,
            "lingering_time": _LINGER_S,
        }
        # aiohttp waits this long for handlers, and as long again after cancelling them
        self._runner = web.AppRunner(
            app,
            handler_cancellation=cancel_on_disconnect,
            shutdown_timeout=stop_within_s / 3,
            **self._options,
        )

    @property
    def app(self) -> web.Application:
        """What answers."""
        return self._runner.app

    @property
    def host(self) -> str:
        """Where this machine reaches it."""
        host = self._endpoint.host
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104

    @property
    def port(self) -> int:
        """The real port; raises RuntimeError before the start."""
        if self._port is None:
            raise RuntimeError("the listener has not started")
        return self._port

    @property
    def url(self) -> str:
        """The base URL, for this machine."""
        host = self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen; raises SetupError naming the setting, and who holds a taken port."""
        bound = await _bind(self._endpoint)
        try:
            await self._runner.setup()
            await _Site(self._runner, bound, self._options, self._unserved).start()
        except BaseException:
            bound.close()
            await self.stop()
            raise
        self._port = bound.getsockname()[1]

    async def stop(self) -> None:
        """Stop accepting, end streams, let handlers finish, cut what is left; bounded in time.

        A listener that never started closes what its application holds. Safe to call twice.
        """
        if self._stopped:
            return
        self._stopped = True
        try:
            async with asyncio.timeout(self._stop_within_s):
                if self._runner.server is None:
                    self.app.freeze()  # aiohttp sends no signal of an unfrozen application
                    await self.app.shutdown()
                await self._runner.cleanup()
        except TimeoutError:
            # Each step has its own bound; only a route's own clean-up can take so long, and the
            # sockets are closed by then.
            return


class _Site(web.BaseSite):
    """Like aiohttp's SockSite, with a protocol that answers bad HTTP the contract's way."""

    def __init__(
        self,
        runner: web.AppRunner,
        bound: socket.socket,
        options: dict[str, Any],
        unserved: Callable[[Unserved], None] | None,
    ) -> None:
        super().__init__(runner, backlog=_BACKLOG)
        self._bound = bound
        self._options = options
        self._unserved = unserved

    @property
    def name(self) -> str:
        return str(self._bound.getsockname())

    async def start(self) -> None:
        await super().start()
        loop, manager = asyncio.get_running_loop(), self._runner.server
        if manager is None:
            raise RuntimeError("the runner has not been set up")
        self._server = await loop.create_server(
            lambda: _Protocol(manager, self._unserved, loop=loop, **self._options),
            sock=self._bound,
            backlog=self._backlog,
        )


class _Protocol(web.RequestHandler):
    __slots__ = ("_head", "_spoilt", "_unserved")

    def __init__(
        self, manager: web.Server, unserved: Callable[[Unserved], None] | None, **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self._unserved = unserved
        self._head = b""
        self._spoilt: bytes | None = None

    def data_received(self, data: bytes) -> None:
        """Remember how what is no HTTP began: aiohttp forgets it."""
        known = self._request_count
        if self._current_request is None and not self._messages:  # else it is of a body
            self._head += data[: _HEAD_BYTES - len(self._head)]
        super().data_received(data)
        if self._request_count == known:
            return
        if self._spoilt is None and not isinstance(self._messages[-1][0], RawRequestMessage):
            self._spoilt = self._head
        self._head = b""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached an application: a request that is not HTTP."""
        if request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun when it failed")
        if isinstance(exc, ConnectionError):
            raise ConnectionResetError("the sender went away") from exc  # no fault of ours
        if status >= 500:  # noqa: PLR2004 - not a stranger's bad bytes but ours
            self.log_exception("a request failed outside of its application", exc_info=exc)
            reason = "The desk failed here; its log says why."
            answer = error_answer(status, "internal", reason)
        else:
            reason = "That is not HTTP as it should be."
            answer = error_answer(status, "bad_request", reason)
            if isinstance(exc, LineTooLong):
                reason = "Its head is too long."
        answer.headers["Server"] = SERVER_NAME
        answer.force_close()
        if self._unserved is not None:
            method, path = self._began(request)
            body = answer.body.decode() if isinstance(answer.body, bytes) else ""
            peer = request.remote or "unknown"
            self._unserved(Unserved(peer, method, path, status, reason, body))
        return answer

    def _began(self, request: web.BaseRequest) -> tuple[str | None, str | None]:
        """Method and path, as far as they are known."""
        if self._spoilt is None:
            return request.method, request.path_qs
        began = _REQUEST_LINE.match(self._spoilt)
        return (began[1].decode(), began[2].decode()) if began is not None else (None, None)


async def _bind(endpoint: Endpoint) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise SetupError(
            f"{endpoint.setting}_host is {endpoint.host!r}, which is no address of this machine.",
            field=f"{endpoint.setting}_host",
        ) from None
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: REUSEADDR there steals ports
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise await _why_not(endpoint, error) from None
    return bound


async def _why_not(endpoint: Endpoint, error: OSError) -> SetupError:
    field = f"{endpoint.setting}_port"
    where = f"{endpoint.host}:{endpoint.port}"
    if error.errno == errno.EADDRINUSE:
        owner = await asyncio.to_thread(port_owner, endpoint.port)
        by = f" by {owner}" if owner else ""
        return SetupError(
            f"{where} is taken{by}: stop that, or set {field} to another port.", field=field
        )
    if error.errno == errno.EACCES:
        return SetupError(f"This user may not listen on {where}: change {field}.", field=field)
    return SetupError(
        f"The desk cannot listen on {where} ({error.strerror}): change {endpoint.setting}_host "
        f"or {field}.",
        field=field,
    )


def port_owner(port: int) -> str | None:
    """`process 4711 (python -m http.server)`; None where the system does not tell. Blocks."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                command = " ".join(psutil.Process(connection.pid).cmdline())
                return f"process {connection.pid} ({command[:120]})"
    except (psutil.Error, OSError):
        return None  # macOS and other users' processes: only the port is known
    return None
