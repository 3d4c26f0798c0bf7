"""The composition root: builds everything from the settings and closes it in reverse."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from jigdesk.adapters.http.auth_token import control_token, webhook_secret
from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.journal.lock import HomeLock
from jigdesk.adapters.resources.sampler import ResourceSampler
from jigdesk.adapters.store.local import LocalStore
from jigdesk.app.desk_api import (
    EventUrls,
    Followers,
    build_jobs_api,
)
from jigdesk.app.desk_health import add_own_checks, build_health
from jigdesk.app.engine import ENGINE_DIR, EngineHost, engine_folders, open_engine_host
from jigdesk.app.folders import make_folders
from jigdesk.app.health import Health
from jigdesk.app.host_id import host_id_of
from jigdesk.app.kept_check import KEEP_S
from jigdesk.app.listeners import Listeners, build_listeners
from jigdesk.app.local_cloud import LocalCloud
from jigdesk.app.metrics import DeskMetrics
from jigdesk.app.offered import Offered, engine_name
from jigdesk.app.publishers import open_publisher, private_by_index, publisher_check
from jigdesk.app.queue_controls import build_queue_controls
from jigdesk.app.resources import open_resources
from jigdesk.app.stores import open_store
from jigdesk.app.templates import LiveTemplates
from jigdesk.app.tunnels import DeskTunnel, open_tunnel
from jigdesk.app.work import Work, build_work
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import SetupError
from jigdesk.files import write_whole
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.claim import Claims
from jigdesk.services.control import DeskControl
from jigdesk.services.disk import DiskGuard, fullest
from jigdesk.services.housekeeping import Housekeeper
from jigdesk.services.outbox import StoreOutbox
from jigdesk.services.publishing import PublishOutbox
from jigdesk.services.recover import recover
from jigdesk.services.register import Registration
from jigdesk.settings import Settings
from lambdas.common.sender import HttpWebhookSender

log = logging.getLogger(__name__)

FLUSH_DEADLINE_S = 3.0
STORE_DEADLINE_S = 5.0
"""How long a stop waits for calls to a store that may never answer."""


@dataclass(frozen=True, slots=True)
class Core:
    """A running desk: what the command line and the window hold. Lives on its own loop."""

    settings: Settings
    host_id: str
    journal: Journal
    store: ObjectStore
    engine: EngineHost
    templates: LiveTemplates
    work: Work
    control: DeskControl
    health: Health
    listeners: Listeners
    tunnel: DeskTunnel
    resources: ResourceSampler
    control_token: str = field(repr=False)
    background: Sequence[asyncio.Task[None]] = field(repr=False)

    @property
    def local_url(self) -> str:
        """The local listener's base URL."""
        return self.listeners.local.url

    @property
    def public_url_local(self) -> str:
        """The public listener's base URL on this machine."""
        return self.listeners.public.url

    async def run_until(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set; raises what ended a background task before that."""
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait([stopping, *self.background], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        for task in self.background:
            if task.done() and not task.cancelled():
                task.result()


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """Start a desk and stop it at the end: staged, each stage with a deadline.

    Raises SetupError when the home is taken, a port is held or a setting cannot work. Jobs
    under way at the end are left as they are in the journal; the next start goes on with them.
    """
    paths = settings.paths
    await make_folders((paths.state_dir, paths.jobs_dir, paths.log_dir))
    async with AsyncExitStack() as stack:
        stack.enter_context(HomeLock(paths.lock))
        core = await _Builder(settings, stack).build()
        yield core
        log.info("stopping")
        core.work.queue.close()


class _Builder:
    """Builds one core; what it opens is closed by the stack, newest first."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: Listeners | None = None

    async def build(self) -> Core:
        settings, paths = self._settings, self._settings.paths
        host_id = await asyncio.to_thread(host_id_of, paths.host_id)
        token = await asyncio.to_thread(control_token, paths.state_dir)
        secrets = await asyncio.to_thread(self._webhook_secrets)
        publisher = await self._stack.enter_async_context(open_publisher(settings.publisher))
        journal = await self._stack.enter_async_context(
            SqliteJournal.open(paths.journal, publishing=publisher is not None)
        )
        store, local_store = await self._stack.enter_async_context(
            open_store(settings, lambda: self._started().local.url)
        )
        offered = Offered(paths.offered, engine_name(settings.comfyui))
        templates = LiveTemplates(settings.workflows.dirs, offered)
        await templates.load()
        # from here on in the order of the shutdown, backwards: the outbox flushes last
        claims = Claims(journal, store, host_id)
        outbox = StoreOutbox(journal, store, claims)
        await self._background("outbox", outbox.run())
        self._stack.push_async_callback(_flush, outbox)
        publishing = None
        if publisher is not None:
            publishing = PublishOutbox(
                journal,
                publisher,
                EventUrls(store, settings.store.url_ttl_s).render,
                private_by_index(store.blocking),
                claims.hold,
                outbox.settled,
            )
        engine = await self._stack.enter_async_context(open_engine_host(settings, host_id))
        work = build_work(settings, claims, journal, store, engine, templates)
        self._stack.push_async_callback(work.stopper.close)
        health = build_health(settings, journal, store, host_id, outbox, engine, work, templates)
        health.add("publisher", publisher_check(publisher, publishing), keep_s=KEEP_S)
        resources = await self._stack.enter_async_context(
            open_resources(paths.jobs_dir, work.queue, engine)
        )
        control = DeskControl(
            journal, work.queue, work.commands, engine, health.recent, resources.history
        )
        api = build_jobs_api(settings, journal, store, host_id, templates, work, secrets)
        self._stack.push_async_callback(asyncio.to_thread, api.close)
        registry = CollectorRegistry()
        listeners = build_listeners(
            settings.server,
            journal,
            store,
            local_store=local_store,
            intake=work.intake,
            control=control,
            api=api,
            followers=Followers(api, store, settings.store.url_ttl_s),
            hub=work.hub,
            settled=outbox.settled,
            registry=registry,
            webhook_secrets=lambda: secrets,
            token=lambda: token,
            workflows=templates.standing,
        )
        self._listeners = listeners
        await self._listen(listeners)
        if publishing is not None:  # between the listeners, whose URLs it sends, and the queue
            await self._background("publisher", publishing.run())
            self._stack.push_async_callback(_flush, publishing)
        if local_store is not None:
            await self._local_cloud(local_store, journal, secrets[0], listeners)
        tunnel = open_tunnel(settings, listeners.public.port, listeners.run_key)
        await self._watch_health(health, journal, work, listeners, tunnel, resources)
        metrics = await self._metrics(journal, work, engine, resources, tunnel, registry)
        await self._keep_room(journal, work, health)
        await self._hold_back(work, engine, health, metrics)
        await self._recover(journal, work)
        await self._background("queue", work.queue.serve(work.worker))
        await self._background("sweep", work.sweeper.run())
        await self._background("previews", work.live.run())
        await self._background("tunnel", tunnel.run())
        await self._register(store, journal, work, host_id, tunnel, templates)
        await self._background("templates", templates.watch(engine.client, engine.ready))
        self._write_listeners(listeners, engine)
        loop = asyncio.get_running_loop()
        self._stack.callback(loop.call_later, STORE_DEADLINE_S, store.abort)
        return Core(
            settings=settings,
            host_id=host_id,
            journal=journal,
            store=store,
            engine=engine,
            templates=templates,
            work=work,
            control=control,
            health=health,
            listeners=listeners,
            tunnel=tunnel,
            resources=resources,
            control_token=token,
            background=tuple(self._tasks),
        )

    def _disks(self) -> tuple[Path, ...]:
        """The folders that fill; the local store's only where there is one."""
        paths = self._settings.paths
        store = paths.store_dir
        return (paths.jobs_dir, paths.state_dir, *((store,) if store.is_dir() else ()))

    async def _metrics(
        self,
        journal: Journal,
        work: Work,
        engine: EngineHost,
        resources: ResourceSampler,
        tunnel: DeskTunnel,
        registry: CollectorRegistry,
    ) -> DeskMetrics:
        metrics = DeskMetrics(journal, work.queue, registry)
        metrics.follow_requests(self._started().requests)
        metrics.follow_resources(resources)
        metrics.follow_tunnel(lambda: tunnel.public_url)
        if engine.supervisor is not None:
            metrics.follow_engine(engine.supervisor)
        await self._background("metrics", metrics.run())
        return metrics

    async def _keep_room(self, journal: Journal, work: Work, health: Health) -> None:
        """Before the queue begins: a disk that is full already takes nothing in."""
        settings = self._settings
        guard = DiskGuard(work.queue, lambda: fullest(self._disks()))
        await guard.look()
        health.add("disk", guard.check)
        keeper = Housekeeper(
            journal,
            settings.paths.jobs_dir,
            engine_folders=engine_folders(settings.comfyui, settings.paths.state_dir / ENGINE_DIR),
            is_engine_idle=lambda: work.queue.running == 0,
            low=guard.low,
            clock=utc_now,
        )
        await self._background("disk guard", guard.run())
        await self._background("housekeeping", keeper.run())

    async def _recover(self, journal: SqliteJournal, work: Work) -> None:
        await recover(journal, work.queue, work.ends, died=await journal.died())
        await journal.death_counted()

    async def _hold_back(
        self, work: Work, engine: EngineHost, health: Health, metrics: DeskMetrics
    ) -> None:
        """Before the queue begins: in quiet hours it starts nothing."""
        controls = build_queue_controls(self._settings.queue, work.queue, engine.engine)
        controls.follow(health, metrics)
        await controls.look()
        for name, task in controls.tasks():
            await self._background(name, task)

    def _webhook_secrets(self) -> tuple[str, ...]:
        server = self._settings.server
        given = [server.webhook_secret, server.webhook_secret_previous]
        found = [secret.get_secret_value() for secret in given if secret is not None]
        if server.webhook_secret is None:
            found.insert(0, webhook_secret(self._settings.paths.state_dir))
        return tuple(found)

    async def _watch_health(
        self,
        health: Health,
        journal: Journal,
        work: Work,
        listeners: Listeners,
        tunnel: DeskTunnel,
        resources: ResourceSampler,
    ) -> None:
        add_own_checks(health, journal, work, listeners, tunnel, resources)
        await self._background("health", health.watch())
        await self._background("journal check", health.recheck("journal"))

    async def _listen(self, listeners: Listeners) -> None:
        for listener in (listeners.local, listeners.public):
            await listener.start()
            self._stack.push_async_callback(listener.stop)

    async def _local_cloud(
        self, store: LocalStore, journal: Journal, secret: str, listeners: Listeners
    ) -> None:
        cloud = LocalCloud(store, journal, HttpWebhookSender(secret), listeners.public.url, utc_now)
        await self._background("local cloud", cloud.run())

    async def _register(
        self,
        store: ObjectStore,
        journal: Journal,
        work: Work,
        host_id: str,
        tunnel: DeskTunnel,
        templates: LiveTemplates,
    ) -> None:
        registration = Registration(
            store,
            work.queue,
            host_id,
            public_url=lambda: tunnel.public_url,
            workflows=templates.described,
            clock=utc_now,
        )

        def changed() -> None:
            registration.changed()
            work.sweeper.now()  # what was held back, or told to nobody, may come in now

        work.queue.on_change(changed)
        templates.on_change(registration.changed)
        tunnel.subscribe(lambda _: changed())
        self._stack.callback(
            journal.subscribe(lambda _, jobs: registration.look() if jobs else None)
        )
        await self._background("registration", registration.run())

    async def _background(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        self._stack.push_async_callback(_stop, task)

    def _started(self) -> Listeners:
        if self._listeners is None:
            raise AssertionError("a URL was asked for before the listeners started")
        return self._listeners

    def _write_listeners(self, listeners: Listeners, engine: EngineHost) -> None:
        path = self._settings.paths.listeners

        def write() -> None:
            document = {
                "version": 1,
                "pid": os.getpid(),
                "local_url": listeners.local.url,
                "public_url": listeners.public.url,
                # a remote engine's may hold a password, and is in the settings
                "engine_url": None if engine.kind == "remote" else engine.url,
            }
            write_whole(path, json.dumps(document) + "\n")  # commands may read it at any moment

        try:
            write()
        except OSError as failure:
            raise SetupError(f"{path} cannot be written: {failure.strerror}.") from failure
        engine.on_move = write
        self._stack.callback(path.unlink, missing_ok=True)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (bug := task.exception()) is not None:
        log.error("%s ended by a bug", task.get_name(), exc_info=bug)


async def _flush(outbox: StoreOutbox | PublishOutbox) -> None:
    try:
        async with asyncio.timeout(FLUSH_DEADLINE_S):
            await outbox.flush()
    except TimeoutError:
        log.warning("what was not taken in time goes out at the next start")
