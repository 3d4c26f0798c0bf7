"""GET /api/jobs and GET /api/jobs/{job_id}."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, from_rfc3339, to_rfc3339
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import channel
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.ports import ObjectInfo
from lambdas.common.documents import read_document
from lambdas.common.ports import DocumentStore
from lambdas.jobs_api.ports import ApiSettings, LookedAt, StatusReader
from lambdas.jobs_api.results import ResultFiles
from lambdas.jobs_api.tickets import make_ticket

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_PAGES = 50
"""50,000 jobs of one owner are listed; beyond that the answer says `truncated`."""

_STATUS_FIELDS: Mapping[str, Any] = {
    "status": None,
    "seq": 0,
    "stage": None,
    "stage_index": None,
    "stage_count": None,
    "node": None,
    "node_title": None,
    "progress": None,
    "eta_s": None,
    "message": "",
    "attempt": None,
    "host_id": None,
    "updated_at": None,
    "error": None,
}


class JobReading:
    """Shows callers their own jobs. Thread-safe; whoever calls has checked the owner."""

    def __init__(
        self,
        store: DocumentStore,
        status: StatusReader,
        settings: ApiSettings,
        pool: Executor,
        clock: Clock,
        looked_at: LookedAt,
    ) -> None:
        self._store = store
        self._status = status
        self._settings = settings
        self._pool = pool
        self._clock = clock
        self._looked_at = looked_at
        self._results = ResultFiles(store, settings.url_ttl_s)

    def page(self, owner_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A page of the owner's jobs, newest first; raises RequestError(400) for a bad query."""
        limit = _limit(query.get("limit"))
        after = _read_cursor(query["cursor"]) if query.get("cursor") else None
        records, truncated = self._records(owner_id)
        # newest first; the key settles ties, so that pages neither repeat nor skip
        records.sort(key=lambda info: (-info.last_modified.timestamp(), info.key))
        if after is not None:
            moment, job_id = after
            first = (-moment.timestamp(), keys.index_key(owner_id, job_id))
            records = [r for r in records if (-r.last_modified.timestamp(), r.key) > first]
        shown = records[:limit]
        items = list(self._pool.map(self._item, shown))
        cursor = _make_cursor(shown[-1]) if len(records) > limit else None
        answer: dict[str, Any] = {
            "items": [item for item in items if item is not None],
            "next_cursor": cursor,
        }
        return {**answer, "truncated": True} if truncated else answer

    def one(self, owner_id: str, job_id: str) -> dict[str, Any]:
        """One job with its files; one that the index has no record of has no title."""
        found = read_document(self._store, keys.index_key(owner_id, job_id))
        record = {"job_id": job_id} if found is None else found[0]
        status = self._status(job_id)
        expires_at = self._clock() + timedelta(seconds=self._settings.ticket_ttl_s)
        return {
            **_flat(record, status),
            "channel": channel(job_id, private=owner_id.startswith("user:")),
            "ticket": make_ticket(self._settings.secret, job_id, owner_id, expires_at),
            "files": self._results.of(job_id, status),
            **self._preview(job_id, status),
        }

    def _preview(self, job_id: str, status: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the node that runs shows; `preview_at` tells two pictures under one key apart."""
        shown: dict[str, Any] = {"preview_url": None, "preview_at": None}
        if status is None or status.get("status") != JobStatus.RUNNING:
            return shown
        self._looked_at(job_id)
        found = self._store.head(keys.preview_key(job_id))
        if found is not None:
            shown["preview_url"] = self._store.presign_get(found.key, self._settings.url_ttl_s)
            shown["preview_at"] = to_rfc3339(found.last_modified)
        return shown

    def _records(self, owner_id: str) -> tuple[list[ObjectInfo], bool]:
        prefix = keys.index_prefix(owner_id)
        records: list[ObjectInfo] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            page = self._store.page(prefix, after=after)
            records += [info for info in page.objects if is_job_id(_job_id(info))]
            after = page.next_after
            if after is None:
                return records, False
        return records, True

    def _item(self, info: ObjectInfo) -> dict[str, Any] | None:
        found = read_document(self._store, info.key)
        if found is None:  # deleted since the listing
            return None
        return _flat(found[0], self._status(_job_id(info)))


def _flat(record: Mapping[str, Any], status: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the index says of a job and the fields of status.json beside each other."""
    known = status or {}
    return {
        "version": 1,
        "job_id": record["job_id"],
        "title": record.get("title", ""),
        "workflows": record.get("workflows", []),
        "created_at": known.get("created_at") or record.get("created_at"),
        **{name: known.get(name, default) for name, default in _STATUS_FIELDS.items()},
    }


def _job_id(info: ObjectInfo) -> str:
    return info.key.rpartition("/")[2].removesuffix(".json")


def _limit(text: str | None) -> int:
    if text is None or text == "":
        return DEFAULT_LIMIT
    digits = text.lstrip("0")
    is_number = text.isascii() and text.isdecimal() and 0 < len(digits) <= len(str(MAX_LIMIT))
    if not is_number or int(digits) > MAX_LIMIT:
        raise RequestError(400, "bad_limit", f"limit is 1 to {MAX_LIMIT}.", field="limit")
    return int(digits)


def _make_cursor(info: ObjectInfo) -> str:
    plain = f"{info.last_modified.isoformat()}|{_job_id(info)}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, str]:
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        moment, _, job_id = plain.decode().partition("|")
        at = from_rfc3339(moment)
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor() from error
    if not is_job_id(job_id):
        raise _bad_cursor()
    return at, job_id


def _bad_cursor() -> RequestError:
    return RequestError(400, "bad_cursor", "cursor is not one of ours.", field="cursor")
