"""The way to a running desk: its local listener, as any script would use it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import aiohttp

from jigdesk.commands.sse import SseReader
from jigdesk.domain.errors import JigDeskError, RequestError, TransientError
from jigdesk.domain.events import LAST
from jigdesk.settings import Settings

CALL_TIMEOUT_S = 30.0
QUIET_TIMEOUT_S = 45.0
"""The desk sends a keep-alive every 15 s: three lost in a row are a dead connection."""
GIVE_UP_S = 60.0

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_TRANSFER_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
_CHUNK_BYTES = 256 * 1024
_HTTP_UNAUTHORIZED = 401
_HTTP_SERVER_ERROR = 500
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to call, not to bind


class DeskNotRunning(JigDeskError):
    """Nothing answers where this home's desk should be."""

    def __init__(self, url: str | None) -> None:
        where = f" at {url}" if url else ""
        super().__init__(
            "not_running",
            f"No desk is running{where}. Start one with `jigdesk serve` (or open the window "
            "with `jigdesk`), then try again.",
        )


class DeskLost(TransientError):
    """The desk went away while it was followed."""

    def __init__(self, message: str) -> None:
        super().__init__("desk_lost", message)


class LocalFileError(JigDeskError):
    """A file on this side cannot be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__("file", f"{path}: {reason}.")


@dataclass(frozen=True, slots=True)
class DeskEvent:
    """One event of a job, as section 4 of the contract names them."""

    name: str
    seq: int
    data: Mapping[str, Any]


@contextlib.asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[DeskClient]:
    """A client for the desk of this home; whether it runs now shows at the first call.

    Raises DeskNotRunning when it never ran, LocalFileError when this user may not command it.
    """
    url, token = await asyncio.to_thread(_find, settings)
    async with open_client(url, token) as client:
        yield client


@contextlib.asynccontextmanager
async def open_client(base_url: str, token: str) -> AsyncIterator[DeskClient]:
    """A client for the local listener at `base_url`."""
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield DeskClient(session, base_url.rstrip("/"), token)


def _find(settings: Settings) -> tuple[str, str]:
    """Where the desk listens and its token: what it wrote down, else what is configured."""
    paths, server = settings.paths, settings.server
    host = _ANY_ADDRESS.get(server.local_host, server.local_host)
    url = f"http://[{host}]" if ":" in host else f"http://{host}"
    configured = f"{url}:{server.local_port}" if server.local_port else None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        configured = str(json.loads(paths.listeners.read_bytes())["local_url"])
    try:
        token = paths.control_token.read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise DeskNotRunning(configured) from exc
    except OSError as exc:
        why = f"cannot be read: {exc.strerror}; only the user who runs the desk may"
        raise LocalFileError(paths.control_token, why) from exc
    if configured is None:
        raise DeskNotRunning(None)
    return configured, token


class DeskClient:
    """Calls one desk. Every method raises DeskNotRunning or RequestError; cancelling is safe."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str) -> None:
        self._session = session
        self._base_url = base_url
        self._token = token

    async def control(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        body: object = None,
    ) -> Any:
        """Call `/control{path}` as the owner; returns the decoded answer."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._call(method, f"/control{path}", query=query, body=body, headers=headers)

    async def api(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
    ) -> Any:
        """Call `/api{path}` as a browser would; returns the decoded answer."""
        return await self._call(method, f"/api{path}", query=query, body=body)

    async def upload(self, presigned: Mapping[str, Any], source: Path | bytes) -> None:
        """Send a file, streamed, or bytes to a presigned URL; raises LocalFileError too."""
        headers = {str(k): str(v) for k, v in presigned.get("headers", {}).items()}
        with contextlib.ExitStack() as stack:
            data: bytes | BinaryIO
            if isinstance(source, bytes):
                data = source
            else:
                with _translated(source):
                    data = stack.enter_context(await asyncio.to_thread(source.open, "rb"))
            try:
                async with self._session.request(
                    presigned["method"],
                    presigned["url"],
                    data=data,
                    headers=headers,
                    timeout=_TRANSFER_TIMEOUT,
                ) as answer:
                    if not answer.ok:
                        raise await _refusal(answer)
            except (aiohttp.ClientError, TimeoutError) as exc:
                raise DeskLost(f"An upload broke off ({type(exc).__name__}).") from exc

    async def download(self, url: str, path: Path) -> int:
        """Stream a signed URL into `path` by way of a `.part` file; returns its size in bytes.

        Makes the folder. Raises LocalFileError too; then, and when cancelled, no `path` appears.
        """
        part = path.with_name(f"{path.name}.part")
        try:
            async with self._session.get(url, timeout=_TRANSFER_TIMEOUT) as answer:
                if not answer.ok:
                    raise await _refusal(answer)
                with _translated(path):
                    size_bytes = await _write(answer.content.iter_chunked(_CHUNK_BYTES), part)
                    await asyncio.to_thread(part.replace, path)
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise DeskLost(f"A download broke off ({type(exc).__name__}).") from exc
        return size_bytes

    async def events(
        self, job_id: str, client_id: str, last_seq: int = 0
    ) -> AsyncGenerator[DeskEvent, None]:
        """Follow a job from after `last_seq` to its end, over lost connections.

        Ends with the stream, after the `job_done` or `job_error` of the newest attempt. Raises
        DeskLost once it could not be reached for 60 s, and RequestError when the desk does not
        know such a job of that client.
        """
        pause_s, lost_at, is_end = _FIRST_PAUSE_S, None, False
        while True:
            try:
                async for event in self._stream(job_id, client_id, last_seq):
                    lost_at, pause_s = None, _FIRST_PAUSE_S
                    if event is not None and event.seq > last_seq:
                        last_seq, is_end = event.seq, event.name in LAST
                        yield event
                if is_end:  # the desk closed it: the end of an earlier attempt closes nothing
                    return
            except RequestError as exc:
                if exc.status < _HTTP_SERVER_ERROR:
                    raise
            except (aiohttp.ClientError, TimeoutError):
                pass  # the connection was lost: it is taken up again where it broke off
            now = time.monotonic()
            lost_at = now if lost_at is None else lost_at
            if now - lost_at > GIVE_UP_S:
                raise DeskLost(f"The desk could not be reached for {GIVE_UP_S:g} s.")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _stream(
        self, job_id: str, client_id: str, last_seq: int
    ) -> AsyncGenerator[DeskEvent | None, None]:
        """One connection's events; None for whatever else shows that the desk is there."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=QUIET_TIMEOUT_S)
        query = {"client_id": client_id, "last_event_id": str(last_seq)}
        url = f"{self._base_url}/events/{quote(job_id, safe='')}"
        reader = SseReader()
        async with self._session.get(url, params=query, timeout=timeout) as answer:
            if not answer.ok:
                raise await _refusal(answer)
            async for chunk in answer.content.iter_any():
                yield None
                for event in reader.feed(chunk):
                    data = json.loads(event.data)
                    yield DeskEvent(event.name, int(data.get("seq", 0)), data)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            async with self._session.request(
                method, self._base_url + path, params=query, json=body, headers=headers
            ) as answer:
                if not answer.ok:
                    raise await _refusal(answer)
                return await answer.json(content_type=None)
        except aiohttp.ClientConnectorError as exc:
            raise DeskNotRunning(self._base_url) from exc
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise DeskLost(f"The desk did not answer ({type(exc).__name__}).") from exc
        except ValueError as exc:
            raise DeskLost(f"{self._base_url} is no desk: it did not answer with JSON.") from exc


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a LocalFileError; the network's errors pass."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError):  # some of them are OSErrors as well
        raise
    except OSError as exc:
        raise LocalFileError(path, exc.strerror or type(exc).__name__) from exc


async def _write(chunks: AsyncIterator[bytes], part: Path) -> int:
    """Write a stream into `part` and return its size; takes `part` away when it breaks off."""
    size_bytes = 0
    await asyncio.to_thread(part.parent.mkdir, parents=True, exist_ok=True)
    try:
        with await asyncio.to_thread(part.open, "wb") as file:
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
                size_bytes += len(chunk)
    except BaseException:
        part.unlink(missing_ok=True)  # noqa: ASYNC240 - short, and right when cancelled too
        raise
    return size_bytes


async def _refusal(answer: aiohttp.ClientResponse) -> RequestError:
    """The listener's `{"error": …}` as the exception that it was."""
    body: object = None
    with contextlib.suppress(ValueError):  # an empty answer, or not one of ours
        body = json.loads(await answer.read())
    error = body.get("error") if isinstance(body, Mapping) else None
    if answer.status == _HTTP_UNAUTHORIZED:
        message = "The desk does not take this home's token: it may belong to another home."
        return RequestError(answer.status, "unauthorized", message)
    if not isinstance(error, Mapping):
        return RequestError(answer.status, "http", f"The answer was HTTP {answer.status}.")
    field = error.get("field")
    return RequestError(
        answer.status,
        str(error.get("code", "http")),
        str(error.get("message", f"The answer was HTTP {answer.status}.")),
        field=None if field is None else str(field),
    )
