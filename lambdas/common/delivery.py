"""Which desk a webhook goes to, and what its answer means.

A new job goes to the registered desk that spoke last and takes jobs; when that one is busy or
gone, to the next (two desks that both took a job settle it by the claim in state.json, so
trying another is safe). JIGDESK_WEBHOOK_URL is used when no fresh registration takes jobs.
News about a job goes to the desk that its status.json names, while that one is registered.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError, ObjectNotFound, StoreError, TransientError
from jigdesk.domain.host import (
    MAX_HOST_BYTES,
    HostRegistration,
    WebhookRoute,
    is_host_id,
    newest_first,
    parse_host,
    webhook_target,
)
from lambdas.common.documents import decode_object, encode, read_document
from lambdas.common.ports import DocumentStore, WebhookSender

MAX_HOSTS = 20
MAX_TRIES = 3
_OK = frozenset({200, 202})
_BUSY = frozenset({408, 425, 429})
_NOT_FOUND = 404
_FIRST_SERVER_ERROR = 500
_log = logging.getLogger(__name__)


class DeliveryRefused(JigDeskError):
    """A desk refused a webhook for good: `status` is its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("webhook_refused", message)
        self.status = status


class DeskBusy(TransientError):
    """Every desk that was tried is full, shutting down, or answers with an error of its own."""

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__("desk_busy", message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Delivered:
    """A desk has it on disk; `reply` is its JSON answer, empty when it was no JSON object."""

    url: str
    reply: Mapping[str, Any]


class Desks:
    """The registered desks and the way to them."""

    def __init__(
        self,
        store: DocumentStore,
        sender: WebhookSender,
        *,
        fallback_url: str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._sender = sender
        self._fallback_url = fallback_url or None
        self._clock = clock

    def registered(self) -> tuple[HostRegistration, ...]:
        """Every registration that can be read, of at most the 20 newest; fresh or not."""
        # With the delimiter the listing leaves hosts/{host_id}/workflows.json out.
        page = self._store.page("hosts/", limit=1000, delimiter="/")
        newest = sorted(page.objects, key=lambda info: info.last_modified, reverse=True)
        found = (self._read(info.key) for info in newest[:MAX_HOSTS])
        return tuple(host for host in found if host is not None)

    def fresh(self) -> tuple[HostRegistration, ...]:
        """The registrations that have not expired."""
        now = self._clock()
        return tuple(host for host in self.registered() if host.is_fresh(now))

    def for_new_job(self) -> tuple[str, ...]:
        """Base URLs to try for a new job, best first; empty when nobody takes jobs."""
        takers = newest_first(self.registered(), self._clock())
        urls = [host.webhook_url for host in takers if host.webhook_url is not None]
        if not urls and self._fallback_url is not None:
            urls = [self._fallback_url]
        return tuple(dict.fromkeys(urls))[:MAX_TRIES]

    def for_job(self, job_id: str) -> tuple[str, ...]:
        """Base URLs to try for news about a job: its own desk alone while that is registered."""
        own = self._own_desk(job_id)
        return (own,) if own is not None else self.for_new_job()

    def deliver(
        self,
        base_urls: Sequence[str],
        route: WebhookRoute,
        webhook_id: str,
        document: Mapping[str, Any],
    ) -> Delivered:
        """Send one webhook to the first desk that takes it.

        Raises DeliveryRefused when one refuses it for good (a 404, which is how another desk
        says that it does not know the job, only when all of them do), DeskBusy when none took
        it and one may later.
        """
        body = encode(document)
        trouble: list[str] = []
        unknown: DeliveryRefused | None = None
        retry_after_s: int | None = None
        for base_url in base_urls:
            url = webhook_target(base_url, route)
            where = urlsplit(url).netloc
            try:
                answer = self._sender.send(url, webhook_id, body)
            except TransientError as error:
                trouble.append(error.message)
                continue
            if answer.status in _OK:
                return Delivered(base_url, _reply(answer.body))
            text = f"{where} answered {route} with {answer.status}: {_excerpt(answer.body)}"
            if answer.status not in _BUSY and answer.status < _FIRST_SERVER_ERROR:
                refused = DeliveryRefused(answer.status, text)
                if answer.status != _NOT_FOUND:
                    raise refused
                unknown = refused
                continue
            trouble.append(text)
            retry_after_s = retry_after_s or answer.retry_after_s
        if unknown is not None and not trouble:
            raise unknown
        raise DeskBusy("; ".join(trouble) or "no desk is registered", retry_after_s)

    def _own_desk(self, job_id: str) -> str | None:
        status = read_document(self._store, keys.status_key(job_id))
        host_id = status[0].get("host_id") if status is not None else None
        if not is_host_id(host_id):
            return None
        host = self._read(keys.host_key(str(host_id)))
        if host is None or not host.is_fresh(self._clock()):
            return None
        return host.webhook_url

    def _read(self, key: str) -> HostRegistration | None:
        try:
            return parse_host(self._store.get(key, MAX_HOST_BYTES)[0])
        except ObjectNotFound:
            return None
        except (ValueError, RecursionError, StoreError) as error:
            # one bad registration must not keep jobs from the other desks
            _log.warning("registration %s cannot be read: %s", key, error)
            return None


def _reply(body: bytes) -> Mapping[str, Any]:
    try:
        return decode_object(body)
    except ValueError:
        return {}


def _excerpt(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace")
