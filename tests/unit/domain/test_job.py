"""The table of legal moves, and what status.json says of a job."""

from datetime import UTC, datetime

import pytest

from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import (
    FINAL,
    MOVES,
    Failure,
    IllegalMove,
    Job,
    JobStatus,
    check_move,
    status_document,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def test_every_state_has_its_moves_and_every_active_one_may_end() -> None:
    assert set(MOVES) == set(JobStatus)
    for status in set(JobStatus) - FINAL:
        assert {JobStatus.FAILED, JobStatus.CANCELLED} <= MOVES[status]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_an_end_changes_only_by_a_new_attempt(status: JobStatus) -> None:
    assert MOVES[status] == {JobStatus.ACCEPTED}
    for other in JobStatus:
        if other not in (status, JobStatus.ACCEPTED):
            with pytest.raises(IllegalMove):
                check_move(status, other)


def test_only_a_confirmed_job_is_completed() -> None:
    assert [s for s in JobStatus if JobStatus.COMPLETED in MOVES[s]] == [JobStatus.CONFIRMING]


def test_staying_is_no_move() -> None:
    for status in JobStatus:
        check_move(status, status)


def test_status_json_has_every_field_and_no_private_one() -> None:
    failure = Failure(ErrorCode.INTERNAL, "Sorry.", True, traceback="secret path")
    job = Job("j", "b", JobStatus.FAILED, 9, 2, NOW, NOW, failure=failure)
    document = status_document(job, "host-1")
    assert set(document) == {
        "version",
        "job_id",
        "status",
        "seq",
        "stage",
        "stage_index",
        "stage_count",
        "node",
        "node_title",
        "progress",
        "eta_s",
        "message",
        "attempt",
        "host_id",
        "created_at",
        "updated_at",
        "error",
    }
    assert document["created_at"] == "2026-03-01T12:00:00.123Z"
    assert document["error"] == {"code": "internal", "message": "Sorry.", "retryable": True}
    assert "secret" not in str(document)
