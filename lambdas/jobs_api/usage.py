"""Counting what an owner and an address asked for lately, to hold them to the limits.

Each counted job leaves one small object whose name says when it was asked for and how large
it is, so a day is counted by listing alone. The job is written down first and counted with
the others afterwards: of two requests at once both see both, so a limit is never passed
(near it both may be refused). Nothing is written or read while a limit is off.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, to_rfc3339
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.job import FINAL
from jigdesk.domain.limits import Quota, Usage, address_group, check_quota
from lambdas.common.documents import encode
from lambdas.common.ports import DocumentStore
from lambdas.jobs_api.ports import ApiSettings, StatusReader

_DAY = timedelta(hours=24)
_OPEN_WINDOW = timedelta(days=7)
_MAX_READ = 400
_MAX_PAGES = 20
_CHUNK = 16
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)-([0-9a-f-]{36})-([0-9]{1,15})\.json")


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    at: datetime
    job_id: str
    size_bytes: int


class UsageCounter:
    """Admits jobs within the limits. Thread-safe.

    Open jobs are counted among the newest 400 of the last 7 days; a job that was never
    accepted stops being open after 24 hours, when nobody waits for its files any more.
    """

    def __init__(
        self,
        store: DocumentStore,
        status: StatusReader,
        settings: ApiSettings,
        pool: Executor,
        clock: Clock,
    ) -> None:
        self._store = store
        self._status = status
        self._settings = settings
        self._pool = pool
        self._clock = clock

    def admit(self, job_id: str, owner_id: str, source: str, size_bytes: int) -> tuple[str, ...]:
        """Count a new job; returns the keys to delete should it come to nothing.

        Raises RequestError(429) when it is one too many; then nothing of it is left.
        """
        limits = self._settings.limits
        counted = [
            (quota, self._prefix(subject), who)
            for quota, subject, who in (
                (limits.owner, f"owner\n{owner_id}", "You"),
                (limits.address, f"address\n{address_group(source)}", "Your network"),
            )
            if quota.is_on
        ]
        now = self._clock()
        name = f"{now:%Y%m%dT%H%M%SZ}-{job_id}-{size_bytes}.json"
        written: list[str] = []
        try:
            for _, prefix, _ in counted:
                record = {"version": 1, "job_id": job_id, "created_at": to_rfc3339(now)}
                self._store.put(prefix + name, encode(record), create_only=True)
                written.append(prefix + name)
            for quota, prefix, who in counted:
                check_quota(quota, self._usage(quota, prefix, now), who)
        except JigDeskError:
            self._store.delete(written)
            raise
        return tuple(written)

    def _prefix(self, subject: str) -> str:
        """Addresses are not kept in the clear: the name is a keyed digest."""
        digest = hmac.new(
            self._settings.secret, f"jigdesk-usage\n{subject}".encode(), hashlib.sha256
        )
        return keys.index_usage_prefix(digest.hexdigest()[:40])

    def _usage(self, quota: Quota, prefix: str, now: datetime) -> Usage:
        entries = list(self._entries(prefix, now - _OPEN_WINDOW))
        day = [entry for entry in entries if entry.at > now - _DAY]
        return Usage(
            open_jobs=self._open(entries[-_MAX_READ:], quota.open_jobs, now)
            if quota.open_jobs
            else 0,
            jobs_per_day=len(day),
            bytes_per_day=sum(entry.size_bytes for entry in day),
        )

    def _entries(self, prefix: str, since: datetime) -> Iterator[_Entry]:
        """Oldest first: the names begin with the time, so the listing can begin there too."""
        after: str | None = f"{prefix}{since:%Y%m%dT%H%M%SZ}"
        for _ in range(_MAX_PAGES):
            page = self._store.page(prefix, after=after)
            for info in page.objects:
                match = _NAME.fullmatch(info.key.removeprefix(prefix))
                if match is not None:
                    at = datetime.fromisoformat(match[1])
                    yield _Entry(info.key, at, match[2], int(match[3]))
            after = page.next_after
            if after is None:
                return

    def _open(self, entries: Sequence[_Entry], enough: int, now: datetime) -> int:
        """How many are open, newest first; stops counting once there are more than `enough`."""
        newest = list(reversed(entries))
        found = 0
        for start in range(0, len(newest), _CHUNK):
            chunk = newest[start : start + _CHUNK]
            statuses = self._pool.map(self._status, [entry.job_id for entry in chunk])
            for entry, status in zip(chunk, statuses, strict=True):
                if status is None:
                    found += entry.at > now - _DAY
                else:
                    found += status.get("status") not in FINAL
            if found > enough:
                break
        return found
