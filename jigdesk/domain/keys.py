"""Object keys: the layout of the bucket, and the only place that spells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from jigdesk.domain.ids import is_job_id

REQUEST = "request.json"
INSTRUCTIONS = "instructions.txt"
MAX_KEY_BYTES = 1024
MAX_NAME_BYTES = 255
MAX_DEPTH = 16

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WINDOWS_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('\\:*?"<>|')


def inputs_prefix(job_id: str) -> str:
    """Where a browser uploads media and the manifest."""
    return f"inputs/{job_id}/"


def input_key(job_id: str, path: str) -> str:
    """The key of one uploaded file; `path` must have passed `is_safe_path`."""
    return f"inputs/{job_id}/{path}"


def request_key(job_id: str) -> str:
    """The job's manifest."""
    return input_key(job_id, REQUEST)


def instructions_key(job_id: str) -> str:
    """The manifest in command-line form."""
    return input_key(job_id, INSTRUCTIONS)


def job_key(job_id: str, name: str) -> str:
    """A document of the desk about a job: status.json, state.json, manifest.json, graph.json."""
    return f"jobs/{job_id}/{name}"


def status_key(job_id: str) -> str:
    """What a browser shows."""
    return job_key(job_id, "status.json")


def state_key(job_id: str) -> str:
    """The desk's claim and idempotency markers."""
    return job_key(job_id, "state.json")


def manifest_key(job_id: str) -> str:
    """The normalised plan."""
    return job_key(job_id, "manifest.json")


def graph_key(job_id: str) -> str:
    """Nodes and edges of all stages, for drawing and branching."""
    return job_key(job_id, "graph.json")


def thumb_key(job_id: str, stage: str, file: str) -> str:
    """The small picture of a result."""
    return job_key(job_id, f"thumbs/{stage}/{file}")


def preview_key(job_id: str) -> str:
    """What the node that runs shows now."""
    return job_key(job_id, "preview.jpg")


def outputs_prefix(job_id: str) -> str:
    """Where results go."""
    return f"outputs/{job_id}/"


def output_key(job_id: str, stage: str, file: str) -> str:
    """One result file of a stage."""
    return f"outputs/{job_id}/{stage}/{file}"


def output_json_key(job_id: str) -> str:
    """The commit marker: written last of all."""
    return f"outputs/{job_id}/output.json"


def error_json_key(job_id: str) -> str:
    """Written on failure, instead of output.json."""
    return f"outputs/{job_id}/error.json"


def index_prefix(owner_id: str) -> str:
    """One object a job of this owner."""
    return f"job-index/by-client/{owner_id}/"


def index_key(owner_id: str, job_id: str) -> str:
    """The record that says who owns a job."""
    return f"job-index/by-client/{owner_id}/{job_id}.json"


def index_pointer_key(job_id: str) -> str:
    """Names a signed-in owner's index record before request.json is there to claim it.

    Written by the jobs API beside the record and never believed without it.
    """
    return f"job-index/by-job/{job_id}.json"


def index_usage_prefix(subject: str) -> str:
    """What one owner or address asked for lately, one object a job, named by its time.

    `subject` is a keyed digest. Written only while a limit is on, to count without reading.
    """
    return f"job-index/usage/{subject}/"


def watching_key(job_id: str) -> str:
    """Whether browsers look at a job that shows previews: see `jigdesk.domain.watching`."""
    return f"job-index/watching/{job_id}.json"


def host_key(host_id: str) -> str:
    """A desk's registration."""
    return f"hosts/{host_id}.json"


def host_workflows_key(host_id: str) -> str:
    """The templates that a desk offers."""
    return f"hosts/{host_id}/workflows.json"


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """An object key under `inputs/` or `outputs/`, taken apart."""

    area: Literal["inputs", "outputs"]
    job_id: str
    path: str


def parse_key(key: str) -> ParsedKey | None:
    """Take an `inputs/` or `outputs/` key apart; None for every other or unsafe key."""
    area, _, rest = key.partition("/")
    job_id, _, path = rest.partition("/")
    if area not in ("inputs", "outputs") or not is_job_id(job_id) or not is_safe_path(path):
        return None
    return ParsedKey("inputs" if area == "inputs" else "outputs", job_id, path)


def is_safe_path(path: object) -> bool:
    """Whether `path` may be a file's path below a job's folder, on every platform.

    Forward slashes only, no empty, `.` or `..` part, no control character, no drive letter or
    Windows device name, no part that ends in a dot or a space, at most 255 bytes a part
    and 16 parts.
    """
    if not isinstance(path, str) or not path or _CONTROL.search(path):
        return False
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError:
        return False
    if size_bytes > MAX_KEY_BYTES - 64 or any(char in _FORBIDDEN for char in path):
        return False
    parts = path.split("/")
    return len(parts) <= MAX_DEPTH and all(_is_safe_part(part) for part in parts)


def _is_safe_part(part: str) -> bool:
    return (
        part not in ("", ".", "..")
        and not part.endswith((".", " "))
        and not part.startswith(" ")
        and len(part.encode()) <= MAX_NAME_BYTES
        and _WINDOWS_RESERVED.fullmatch(part) is None
    )
