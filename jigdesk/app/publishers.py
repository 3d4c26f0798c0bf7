"""Opens the publisher that the settings ask for, and says how it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from jigdesk.domain import keys
from jigdesk.domain.check import Check
from jigdesk.domain.errors import JigDeskError, ObjectNotFound, PublishError, PublishForbidden
from jigdesk.domain.manifest import MAX_REQUEST_BYTES
from jigdesk.ports import BlockingStore
from jigdesk.services.publishing import IsPrivate, PublishOutbox
from jigdesk.settings import PublisherSettings
from lambdas.common.documents import decode_object
from lambdas.common.owners import is_private

if TYPE_CHECKING:
    from jigdesk.adapters.publisher.pusher_channels import PusherPublisher

LATE_S = 10.0
CREDENTIALS = "Check publisher.app_id, publisher.key and publisher.secret."


@asynccontextmanager
async def open_publisher(settings: PublisherSettings) -> AsyncIterator[PusherPublisher | None]:
    """Pusher, or None where browsers listen to the desk's own event stream alone.

    Raises SetupError naming the setting. Nothing is sent before the first event.
    """
    if settings.kind == "local":
        yield None
        return
    # the SDK takes a third of a second to import, which a desk without Pusher need not wait for
    from jigdesk.adapters.publisher.pusher_channels import PusherPublisher  # noqa: PLC0415

    publisher = PusherPublisher(
        settings.app_id or "",
        settings.key or "",
        "" if settings.secret is None else settings.secret.get_secret_value(),
        cluster=settings.cluster,
        host=settings.host,
        port=settings.port,
        ssl=settings.ssl,
    )
    try:
        yield publisher
    finally:
        await publisher.close()


def private_by_index(store: BlockingStore) -> IsPrivate:
    """Asks the job index, by the rule of the Lambda that announces uploads."""

    def look(job_id: str) -> bool:
        return is_private(store, job_id, _claims(store, keys.request_key(job_id)))

    return lambda job_id: asyncio.to_thread(look, job_id)


def _claims(store: BlockingStore, key: str) -> Mapping[str, Any]:
    info = store.head(key)
    if info is None or info.size_bytes > MAX_REQUEST_BYTES:
        return {}
    try:
        return decode_object(store.get(key, MAX_REQUEST_BYTES)[0])
    except (ObjectNotFound, ValueError):
        return {}


def publisher_check(
    publisher: PusherPublisher | None, outbox: PublishOutbox | None
) -> Callable[[], Awaitable[Check]]:
    """Whether events reach Pusher: what failed last, and how many wait for how long."""

    proven = False

    async def check() -> Check:
        nonlocal proven
        if publisher is None or outbox is None:
            return Check("publisher", "ok", "Browsers listen to this desk's own event stream.")
        failure: JigDeskError | None = outbox.failure
        if failure is None and not (proven or outbox.delivered):
            try:
                await publisher.probe()
                proven = True
            except PublishError as error:
                failure = error
        rows, age_s = await outbox.lag()
        waiting = f"{rows} events have waited up to {age_s:.0f} s." if rows else "No event waits."
        if isinstance(failure, PublishForbidden):
            return Check("publisher", "error", f"{failure.message} {waiting}", CREDENTIALS)
        if failure is not None or age_s > LATE_S:
            why = failure.message if failure is not None else f"{publisher.where} is slow."
            return Check(
                "publisher",
                "warning",
                f"{why} {waiting}",
                "Nothing is lost: events go out when it answers again.",
            )
        return Check("publisher", "ok", f"Pusher at {publisher.where}: {rows} events wait.")

    return check
