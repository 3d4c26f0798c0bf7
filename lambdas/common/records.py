"""S3's notifications: taking them apart, and processing every record before one may fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from jigdesk.domain.clock import to_rfc3339, utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.keys import parse_key

_log = logging.getLogger(__name__)


class RecordsFailed(Exception):
    """Some records of an event failed; raised after all of them were processed.

    S3's asynchronous invocation then runs the whole event again, so processing a record twice
    must do no harm, and sends it to the dead letter queue in the end.
    """

    def __init__(self, failures: Sequence[str]) -> None:
        super().__init__("; ".join(failures))
        self.failures = tuple(failures)


@dataclass(frozen=True, slots=True)
class Arrived:
    """One object that appeared; `version` differs when the same key is written again."""

    job_id: str
    key: str
    path: str
    version: str
    event_time: str


def arrivals(
    event: Mapping[str, Any], bucket: str, area: str
) -> tuple[dict[str, list[Arrived]], list[str]]:
    """The objects under `{area}/{job_id}/` by job, and what could not be read.

    Keys elsewhere, unsafe keys, other buckets, removals and S3's test event are left out:
    they are nobody's job.
    """
    found: dict[str, list[Arrived]] = {}
    unreadable: list[str] = []
    records = event.get("Records", [])
    if not isinstance(records, list):
        return found, ["the event's Records are not a list"]
    for index, record in enumerate(records):
        try:
            arrived = _arrived(record, bucket, area)
        except (KeyError, TypeError, AttributeError, UnicodeError) as error:
            unreadable.append(f"record {index} is not an S3 record: {error!r:.200}")
            continue
        if arrived is not None:
            found.setdefault(arrived.job_id, []).append(arrived)
    return found, unreadable


def _arrived(record: Mapping[str, Any], bucket: str, area: str) -> Arrived | None:
    if not str(record.get("eventName", "ObjectCreated:Put")).startswith("ObjectCreated"):
        return None
    s3 = record["s3"]
    raw_key = s3["object"]["key"]
    key = unquote_plus(raw_key, errors="strict")
    if s3["bucket"]["name"] != bucket:
        _log.warning("ignored %r of the foreign bucket %r", key, s3["bucket"]["name"])
        return None
    parsed = parse_key(key)
    if parsed is None or parsed.area != area:
        _log.info("ignored %r: not a key under %s/", key, area)
        return None
    stored = s3["object"]
    event_time = record.get("eventTime") or to_rfc3339(utc_now())
    version = stored.get("sequencer") or stored.get("eTag") or event_time
    return Arrived(parsed.job_id, key, parsed.path, str(version), str(event_time))


def process(
    jobs: Mapping[str, Sequence[Arrived]],
    one_job: Callable[[str, Sequence[Arrived]], None],
    unreadable: Iterable[str] = (),
) -> int:
    """Call `one_job` for each job; returns how many there were.

    Raises RecordsFailed after the last one when any failed, be it by a fault of ours.
    """
    failures = list(unreadable)
    for job_id, arrived in jobs.items():
        try:
            one_job(job_id, arrived)
        except JigDeskError as error:
            _log.error("job %s: %s", job_id, error.message)
            failures.append(f"job {job_id}: {error.message}")
        except Exception as error:  # noqa: BLE001 - collected, and raised below
            # a fault of ours in one job must not cost the others their turn
            _log.exception("job %s", job_id)
            failures.append(f"job {job_id}: {error!r}")
    if failures:
        raise RecordsFailed(failures)
    return len(jobs)
