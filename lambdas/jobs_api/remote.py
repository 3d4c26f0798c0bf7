"""The jobs API's parts when the desk is far away: reached through the store and by webhooks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, to_rfc3339, utc_now
from jigdesk.domain.described import read_described
from jigdesk.domain.errors import RequestError, StoreError
from jigdesk.domain.webhooks import Command, JobCommand
from lambdas.common.delivery import MAX_HOSTS, DeliveryRefused, DeskBusy, Desks
from lambdas.common.documents import read_document
from lambdas.common.ports import DocumentStore

_NOT_FOUND = 404
_CONFLICT = 409
_log = logging.getLogger(__name__)


class RegisteredWorkflows:
    """What the registered desks offer: `hosts/{host_id}/workflows.json`."""

    def __init__(self, store: DocumentStore, desks: Desks) -> None:
        self._store = store
        self._desks = desks

    def __call__(self) -> Sequence[Mapping[str, Any]]:
        """Every workflow once, by name; the desk that spoke last wins.

        While no desk is there, what they offered last stands, also after a clean stop: a job
        may wait for its desk.
        """
        found: dict[str, Mapping[str, Any]] = {}
        for key in self._fresh() or self._last():
            for item in self._of(key):
                workflow = read_described(item)
                if workflow is not None:
                    found.setdefault(workflow.name, item)
        return [found[name] for name in sorted(found)]

    def _fresh(self) -> Sequence[str]:
        """Where the desks that are there keep their offers, the newest registration first."""
        hosts = sorted(self._desks.fresh(), key=lambda host: host.expires_at, reverse=True)
        return [keys.host_workflows_key(host.host_id) for host in hosts]

    def _last(self) -> Sequence[str]:
        """Every desk's offer, the newest first; of at most the 20 newest."""
        page = self._store.page("hosts/", limit=1000)
        offers = [info for info in page.objects if info.key.endswith("/workflows.json")]
        offers.sort(key=lambda info: info.last_modified, reverse=True)
        return [info.key for info in offers[:MAX_HOSTS]]

    def _of(self, key: str) -> Sequence[Any]:
        try:
            document = read_document(self._store, key)
        except StoreError as error:
            # one desk's bad document must not hide the other desks' workflows
            _log.warning("%s cannot be read: %s", key, error.message)
            return []
        items = document[0].get("workflows") if document is not None else None
        return items if isinstance(items, list) else []


class WebhookCommander:
    """Sends JobCommand webhooks to the desk that has the job."""

    def __init__(self, desks: Desks, clock: Clock = utc_now) -> None:
        self._desks = desks
        self._clock = clock

    def cancel(self, job_id: str) -> str:
        """End a job; raises RequestError (409 or 503)."""
        return self._send(job_id, "cancel")

    def retry(self, job_id: str) -> str:
        """Start a new attempt of a final job; raises RequestError (409 or 503)."""
        return self._send(job_id, "retry")

    def _send(self, job_id: str, command: Command) -> str:
        webhook = JobCommand(job_id, command, to_rfc3339(self._clock()))
        # every click is a command of its own, so the id is random; a desk tried in vain never
        # saw it
        webhook_id = f"command-{job_id}-{uuid4()}"
        try:
            delivered = self._desks.deliver(
                self._desks.for_job(job_id), "job-command", webhook_id, webhook.to_dict()
            )
        except DeliveryRefused as error:
            if error.status == _NOT_FOUND:
                raise RequestError(
                    409, "not_accepted", "No GPU machine has taken this job yet."
                ) from error
            if error.status == _CONFLICT:
                raise RequestError(
                    409, "not_possible", f"The job cannot {command} as it stands."
                ) from error
            raise
        except DeskBusy as error:
            raise RequestError(
                503,
                "desk_unavailable",
                "The GPU machine cannot be reached now; try again soon.",
                retry_after_s=error.retry_after_s or 10,
            ) from error
        return str(delivered.reply.get("status", ""))
