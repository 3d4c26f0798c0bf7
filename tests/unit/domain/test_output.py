"""output.json and error.json."""

from __future__ import annotations

import json

import pytest

from jigdesk.domain.changes import ResultFile
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import Failure
from jigdesk.domain.output import Timings, error_document, output_document, read_files

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
FILE = ResultFile(
    key=f"outputs/{JOB}/soften/result_0.png",
    stage="soften",
    output="result",
    node="3",
    index=0,
    kind="image",
    content_type="image/png",
    size_bytes=12,
    sha256="ab" * 32,
    width=4,
    height=3,
)


def test_output_json_both_ways() -> None:
    document = output_document(
        JOB,
        2,
        completed_at="2026-03-01T12:00:00.000Z",
        duration_s=1.23456,
        timings=Timings(0.5, 0.0, 1.23456, 0.25),
        files=[FILE],
    )
    assert json.loads(json.dumps(document)) == {
        "version": 1,
        "job_id": JOB,
        "attempt": 2,
        "completed_at": "2026-03-01T12:00:00.000Z",
        "duration_s": 1.235,
        "timings": {"queued_s": 0.5, "load_s": 0.0, "run_s": 1.235, "upload_s": 0.25},
        "files": [
            {
                "key": FILE.key,
                "stage": "soften",
                "output": "result",
                "node": "3",
                "index": 0,
                "kind": "image",
                "content_type": "image/png",
                "size_bytes": 12,
                "sha256": "ab" * 32,
                "width": 4,
                "height": 3,
                "duration_s": None,
                "partial": False,
                "thumb_key": None,
            }
        ],
    }
    document["files"][0]["later"] = "ignored"
    assert read_files(document) == (FILE,)


@pytest.mark.parametrize(
    "document", [{}, {"version": 2, "files": []}, {"version": 1}, {"version": 1, "files": [{}]}]
)
def test_a_strange_output_json_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"output\.json"):
        read_files(document)


def test_error_json_keeps_the_traceback_to_itself() -> None:
    failure = Failure(
        ErrorCode.EXECUTION_ERROR,
        "The node Blur failed.",
        retryable=False,
        stage="soften",
        node="2",
        node_title="Blur",
        node_type="ImageBlur",
        details="radius",
        traceback="File /home/owner/…",
    )
    document = error_document(JOB, 1, failure, failed_at="2026-03-01T12:00:00.000Z")
    assert document == {
        "version": 1,
        "job_id": JOB,
        "attempt": 1,
        "failed_at": "2026-03-01T12:00:00.000Z",
        "code": "execution_error",
        "message": "The node Blur failed.",
        "stage": "soften",
        "node": "2",
        "node_title": "Blur",
        "node_type": "ImageBlur",
        "details": "radius",
        "retryable": False,
    }
