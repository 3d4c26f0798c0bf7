"""The jobs API on the desk itself: the Lambda's logic with the journal beside the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from jigdesk.app.templates import LiveTemplates
from jigdesk.app.work import Work
from jigdesk.domain import events
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import Event
from jigdesk.domain.job import Job, status_document
from jigdesk.domain.limits import Limits, Quota
from jigdesk.domain.signature import secret_key
from jigdesk.ports import BlockingStore, Journal, ObjectStore
from jigdesk.services.commands import Commands
from jigdesk.settings import LimitSettings, Settings
from lambdas.common.identity import SupabaseIdentity
from lambdas.jobs_api.logic import JobsApi, stored_status
from lambdas.jobs_api.ports import ApiSettings

T = TypeVar("T")
DEADLINE_S = 20.0


class OnLoop:
    """Runs the core's coroutines for the API's threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work`; raises what it raises, RequestError(503) when it takes too long."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(DEADLINE_S)
        except TimeoutError as error:
            future.cancel()
            raise RequestError(
                503, "busy", "The desk takes too long to answer.", retry_after_s=5
            ) from error

    def soon(self, call: Callable[..., None], *args: object) -> None:
        """Have `call` made on the loop; waits for nothing."""
        self._loop.call_soon_threadsafe(call, *args)


class DeskCommander:
    """Implements the jobs API's `Commander` with the desk's own commands."""

    def __init__(self, commands: Commands, on_loop: OnLoop) -> None:
        self._commands = commands
        self._on_loop = on_loop

    def cancel(self, job_id: str) -> str:
        """See `Commander.cancel`."""
        return self._on_loop(self._act(self._commands.cancel(job_id, "its owner")))

    def retry(self, job_id: str) -> str:
        """See `Commander.retry`."""
        return self._on_loop(self._act(self._commands.retry(job_id)))

    async def _act(self, command: Coroutine[Any, Any, Job]) -> str:
        try:
            return (await command).status.value
        except RequestError as refusal:
            if refusal.status != 404:  # noqa: PLR2004
                raise
            # the job is the caller's: it just was not accepted yet
            raise RequestError(
                409, "not_accepted", "The job has not been accepted yet."
            ) from refusal


def journal_status(
    journal: Journal, store: BlockingStore, host_id: str, on_loop: OnLoop
) -> Callable[[str], Mapping[str, Any] | None]:
    """Reads a job's status from the journal, which is newer than status.json.

    A job that is not in it (any more) is another desk's, or so old that only the store knows it.
    """
    stored = stored_status(store)

    async def read(job_id: str) -> Mapping[str, Any] | None:
        job = await journal.job(job_id)
        return None if job is None else status_document(job, host_id)

    return lambda job_id: on_loop(read(job_id)) or stored(job_id)


def limits_of(settings: LimitSettings) -> Limits:
    """The settings' section as the API counts."""
    return Limits(
        owner=Quota(
            settings.owner_open_jobs, settings.owner_jobs_per_day, settings.owner_bytes_per_day
        ),
        address=Quota(
            settings.address_open_jobs,
            settings.address_jobs_per_day,
            settings.address_bytes_per_day,
        ),
        file_bytes=settings.file_bytes,
        file_pixels=settings.file_pixels,
        file_seconds=settings.file_seconds,
    )


class EventUrls:
    """What an event says with its URLs, on the event stream and on Pusher alike."""

    def __init__(self, store: ObjectStore, url_ttl_s: int) -> None:
        self._store = store
        self._url_ttl_s = url_ttl_s

    async def render(self, event: Event) -> Mapping[str, Any]:
        """The event's data, its files with signed URLs that are fresh now."""
        data = dict(event.data)
        for name in ("files", "new_files"):
            if name in data:
                data[name] = await self._with_urls(data[name])
        preview_key = data.pop("preview_key", None)
        if preview_key is not None:
            data["preview_url"] = await self._store.presign_get(preview_key, self._url_ttl_s)
        return data

    async def _with_urls(self, files: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        # what will not fit into an event anyhow is not signed
        room = events.MAX_DATA_BYTES // 100
        signed = [
            {**file, "url": await self._store.presign_get(file["key"], self._url_ttl_s)}
            for file in files[:room]
        ]
        return [*signed, *files[room:]]


class Followers:
    """Who may follow a job's events, and what each event says with its URLs."""

    def __init__(self, api: JobsApi, store: ObjectStore, url_ttl_s: int) -> None:
        self._api = api
        self._urls = EventUrls(store, url_ttl_s)

    async def authorise(
        self, job_id: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        """Raise RequestError unless the caller owns the job."""
        await asyncio.to_thread(self._api.authorise, job_id, query, headers)

    async def render(self, event: Event) -> Mapping[str, Any]:
        """See `EventUrls.render`."""
        return await self._urls.render(event)


def build_jobs_api(
    settings: Settings,
    journal: Journal,
    store: ObjectStore,
    host_id: str,
    templates: LiveTemplates,
    work: Work,
    secrets: Sequence[str],
) -> JobsApi:
    """The jobs API of the local listener, on the running loop; its `close` blocks."""
    on_loop = OnLoop(asyncio.get_running_loop())
    jwt_secret = settings.auth.supabase_jwt_secret
    pusher = settings.publisher
    return JobsApi(
        store.blocking,
        workflows=templates.described,
        commander=DeskCommander(work.commands, on_loop),
        identity=SupabaseIdentity(
            jwt_secret=None if jwt_secret is None else jwt_secret.get_secret_value(),
            supabase_url=settings.auth.supabase_url,
        ),
        settings=ApiSettings(
            secret=secret_key(secrets[0]),
            limits=limits_of(settings.limits),
            url_ttl_s=settings.store.url_ttl_s,
            upload_ttl_s=settings.store.url_ttl_s,
            pusher_key=pusher.key,
            pusher_secret=None if pusher.secret is None else pusher.secret.get_secret_value(),
        ),
        looked_at=lambda job_id: on_loop.soon(work.live.asked, job_id),
        status=journal_status(journal, store.blocking, host_id, on_loop),
    )
