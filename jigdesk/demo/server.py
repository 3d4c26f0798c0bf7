"""Builds the demo engine from its options and runs it until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import signal
import string
import urllib.parse
from collections.abc import Awaitable, Callable

from aiohttp import web

from jigdesk.demo.cache import ResultCache
from jigdesk.demo.catalogue import catalogue
from jigdesk.demo.executor import Workshop
from jigdesk.demo.file_routes import FileRoutes
from jigdesk.demo.folders import Folders
from jigdesk.demo.log import Log
from jigdesk.demo.options import Options
from jigdesk.demo.queue import PromptQueue
from jigdesk.demo.routes import PromptRoutes
from jigdesk.demo.run import Faults, Interrupt
from jigdesk.demo.sockets import FEATURES, Current, Sockets
from jigdesk.demo.worker import start_worker

SHUTDOWN_S = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(options: Options, log: Log) -> None:
    """Listen until SIGTERM, SIGINT or cancellation; raises OSError when the port is taken.

    Runs on the main thread's loop.
    """
    loop = asyncio.get_running_loop()
    folders = Folders(options.base_directory)
    await asyncio.to_thread(folders.create)
    current = Current()
    sockets = Sockets(loop, current, log)
    queue: PromptQueue = PromptQueue(
        lambda: sockets.send("status", {"status": routes.queue_info()}, None)
    )
    workshop = Workshop(
        catalogue=catalogue(folders),
        cache=ResultCache(options.cache_lru),
        folders=folders,
        sockets=sockets,
        current=current,
        interrupt=Interrupt(),
        faults=Faults(options.fault, options.fault_times),
        log=log,
        previews=options.previews,
        step_s=options.step_s,
        temp_tag="".join(random.choices(string.ascii_lowercase, k=5)),  # noqa: S311 - no secret
    )
    routes = PromptRoutes(queue, workshop, sockets, options.argv)
    app = web.Application(client_max_size=FEATURES["max_upload_size"], middlewares=[same_origin])
    app.add_routes([*routes.table(), *FileRoutes(folders).table()])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    told = _end_requested()
    publisher = asyncio.create_task(sockets.publish(), name="publish")
    worker = start_worker(queue, workshop)
    try:
        site = web.TCPSite(runner, options.listen, options.port)
        await site.start()
        port = runner.addresses[0][1]
        log.line(f"Demo engine: listening on http://{options.listen}:{port}")
        await told.wait()
        log.line("Demo engine: stopping")
    finally:
        queue.close()
        workshop.interrupt.ask()
        sockets.abort_all()
        await runner.cleanup()
        publisher.cancel()
        await asyncio.gather(publisher, return_exceptions=True)
        await asyncio.to_thread(worker.join, SHUTDOWN_S)
        await asyncio.to_thread(folders.empty_temp)


def _end_requested() -> asyncio.Event:
    """Set by SIGINT and SIGTERM from now on."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers: Ctrl-C and TerminateProcess end it without us.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, told.set)
    return told


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a browser's request from another site: a 403, as ComfyUI does.

    There is no authentication, so that any page could otherwise queue prompts on loopback.
    """
    origin = request.headers.get("Origin")
    host = request.headers.get("Host")
    if origin is not None and host is not None and not _same(origin, host):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    return await handler(request)


def _same(origin: str, host: str) -> bool:
    try:
        there = urllib.parse.urlsplit(origin)
        here = urllib.parse.urlsplit(f"//{host}")
        ports = (there.port, here.port)
    except ValueError:
        return False
    if not _is_loopback(here.hostname or ""):
        return True
    if there.hostname is None:
        return True
    return there.hostname == here.hostname and (None in ports or ports[0] == ports[1])


def _is_loopback(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"
