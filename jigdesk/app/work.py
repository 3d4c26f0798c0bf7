"""Builds the services that do a job's work."""

from __future__ import annotations

from dataclasses import dataclass

from jigdesk.adapters.publisher.hub import EventHub
from jigdesk.app.engine import EngineHost
from jigdesk.app.templates import LiveTemplates
from jigdesk.domain.clock import utc_now
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.claim import Claims
from jigdesk.services.commands import Commands
from jigdesk.services.confirm import Confirmations
from jigdesk.services.ends import Ends
from jigdesk.services.finish import Finisher
from jigdesk.services.intake import JobIntake
from jigdesk.services.live_preview import LivePreviews
from jigdesk.services.prepare import Preparer
from jigdesk.services.previews import Previews
from jigdesk.services.queue import JobQueue
from jigdesk.services.stage import StageRunner
from jigdesk.services.stages import JobStages
from jigdesk.services.stopping import Stopper
from jigdesk.services.sweep import Sweeper
from jigdesk.services.watch_marks import WatchMarks
from jigdesk.services.worker import JobWorker
from jigdesk.settings import Settings


@dataclass(frozen=True, slots=True)
class Work:
    """The services, wired."""

    queue: JobQueue
    worker: JobWorker
    intake: JobIntake
    commands: Commands
    stopper: Stopper
    ends: Ends
    sweeper: Sweeper
    previews: Previews
    live: LivePreviews
    hub: EventHub


def build_work(
    settings: Settings,
    claims: Claims,
    journal: Journal,
    store: ObjectStore,
    engine: EngineHost,
    templates: LiveTemplates,
) -> Work:
    """Wire the services; nothing runs yet."""
    queue = JobQueue(
        journal,
        concurrency=settings.queue.concurrency,
        max_depth=settings.queue.max_depth,
    )
    ends = Ends(journal)
    stopper = Stopper(engine.engine)
    commands = Commands(journal, queue, stopper, ends)
    confirmations = Confirmations(journal, store)
    previews = Previews()
    hub = EventHub(journal)
    # only a bucket is shared with a jobs API that runs elsewhere
    marks = WatchMarks(journal, store) if settings.store.kind == "s3" else None
    live = LivePreviews(store, previews, hub.watched, marks=marks)
    finisher = Finisher(journal, store, confirmations, utc_now)
    worker = JobWorker(
        journal,
        queue,
        engine.engine,
        engine,
        preparer=Preparer(
            journal,
            store,
            templates,
            claims,
            max_file_bytes=settings.limits.file_bytes,
            max_pixels=settings.limits.file_pixels,
            max_seconds=settings.limits.file_seconds,
        ),
        stages=JobStages(
            journal,
            StageRunner(journal, store, engine.engine, previews, finisher, utc_now),
            finisher,
            queue,
            live,
            timeout_s=settings.comfyui.job_timeout_s,
        ),
        finisher=finisher,
        ends=ends,
        previews=previews,
        jobs_dir=settings.paths.jobs_dir,
        max_attempts=settings.queue.max_attempts,
    )
    intake = JobIntake(journal, queue, confirmations, commands, store.bucket)
    sweeper = Sweeper(
        journal,
        store,
        intake,
        ends,
        claims,
        clock=utc_now,
        interval_s=settings.queue.sweep_s,
    )
    return Work(queue, worker, intake, commands, stopper, ends, sweeper, previews, live, hub)
