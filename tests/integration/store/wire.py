"""Plain HTTP/1.1 as a browser's machine speaks it, and the local store's own listener."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from jigdesk.adapters.http.files import file_routes
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner, open_secret
from tests.harness.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request, its target sent byte for byte as it stands in the URL."""
    parts = urlsplit(url)
    target = url[len(f"{parts.scheme}://{parts.netloc}") :]
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.putrequest(method, target, skip_accept_encoding=True)
        if body is not None and "Content-Length" not in (headers or {}):
            connection.putheader("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        with connection.getresponse() as response:
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())


@contextlib.contextmanager
def serve_local_store(folder: Path, bucket: str = "jig-react") -> Iterator[LocalStore]:
    """A local store whose URLs are answered on a free loopback port, on a loop of its own."""
    port = 0
    signer = UrlSigner(open_secret(folder / "state" / "url-secret"))
    store = LocalStore(folder / "objects", bucket, signer, lambda: f"http://127.0.0.1:{port}")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="files-listener")
    thread.start()
    try:
        app = web.Application()
        app.add_routes(file_routes(store))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        asyncio.run_coroutine_threadsafe(runner.setup(), loop).result(PATIENCE_S)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        asyncio.run_coroutine_threadsafe(site.start(), loop).result(PATIENCE_S)
        port = runner.addresses[0][1]
        yield store
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(PATIENCE_S)
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
