"""Which checks a desk's health has."""

from __future__ import annotations

from jigdesk.adapters.resources.sampler import ResourceSampler
from jigdesk.app.engine import EngineHost
from jigdesk.app.health import Health, engine_check, journal_check, memory_check, queue_check
from jigdesk.app.kept_check import KEEP_S
from jigdesk.app.listeners import Listeners
from jigdesk.app.own_checks import closing_intake, gpu_check, listeners_check, written_check
from jigdesk.app.store_checks import clock_check, cors_check, store_check, urls_check
from jigdesk.app.templates import LiveTemplates
from jigdesk.app.tunnels import DeskTunnel
from jigdesk.app.work import Work
from jigdesk.domain.clock import utc_now
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.outbox import StoreOutbox
from jigdesk.settings import Settings

URLS_KEEP_S = 60.0
"""How long a good answer serves that cost several requests of what seldom changes."""


def build_health(
    settings: Settings,
    journal: Journal,
    store: ObjectStore,
    host_id: str,
    outbox: StoreOutbox,
    engine: EngineHost,
    work: Work,
    templates: LiveTemplates,
) -> Health:
    """The checks of what a desk works with; its own parts follow once they are built."""
    health = Health()
    health.add("engine", engine_check(engine, work.stopper))
    health.add("store", store_check(store, host_id), keep_s=KEEP_S)
    health.add("urls", urls_check(store, host_id), keep_s=URLS_KEEP_S)
    if settings.store.kind == "s3":
        origins = settings.server.allowed_origins
        health.add("cors", cors_check(store, host_id, origins), keep_s=URLS_KEEP_S)
        health.add("clock", clock_check(store, host_id, utc_now), keep_s=URLS_KEEP_S)
    health.add("memory", memory_check())
    health.add("queue", queue_check(work.queue))
    health.add("outbox", journal_check(journal, outbox))
    health.add("workflows", templates.health)
    return health


def add_own_checks(
    health: Health,
    journal: Journal,
    work: Work,
    listeners: Listeners,
    tunnel: DeskTunnel,
    resources: ResourceSampler,
) -> None:
    """Add the checks of the desk's own parts and of its machine."""
    health.add("tunnel", tunnel.check)
    both = (listeners.public, listeners.local)
    health.add("listener", listeners_check(both), keep_s=KEEP_S)
    health.add("gpu", gpu_check(resources))
    health.add("journal", written_check(journal), keep_s=KEEP_S)
    health.follow("journal", closing_intake(work.queue))
