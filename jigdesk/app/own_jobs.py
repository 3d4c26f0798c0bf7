"""The host's own jobs: sent over loopback through the same doors as everybody's."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from filelock import FileLock

from jigdesk.domain.clock import to_rfc3339, utc_now
from jigdesk.domain.errors import JigDeskError, RequestError, SetupError, TransientError
from jigdesk.domain.ids import is_client_id
from jigdesk.files import write_whole
from jigdesk.settings import Paths

CALL_TIMEOUT = aiohttp.ClientTimeout(total=30)
TRANSFER_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
CHUNK_BYTES = 256 * 1024
LOCK_S = 10.0
_HTTP_ERROR = 400


@dataclass(frozen=True, slots=True)
class OwnJob:
    """What the host asks for: `request` as POST /api/jobs takes it, `files` by the name in it."""

    request: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)


async def send_own_job(
    local_url: str,
    client_id: str,
    wanted: OwnJob,
    progress: Callable[[int, int], None] = lambda sent, whole: None,
) -> str:
    """Create the job, upload its files and, last, its request.json; returns the job id.

    `progress` hears the bytes sent and the bytes of all files. Raises RequestError for what the
    desk refuses, JigDeskError for a file that cannot be read. Cancelled: a job without a
    manifest is left, which the desk never runs.
    """
    sizes = {name: await _size(path) for name, path in wanted.files.items()}
    body = {
        "client_id": client_id,
        "request": wanted.request,
        "files": [
            {
                "name": name,
                "size_bytes": size_bytes,
                "content_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            }
            for name, size_bytes in sizes.items()
        ],
    }
    sent, whole = 0, sum(sizes.values())

    def passed(count: int) -> None:
        nonlocal sent
        sent += count
        progress(sent, whole)

    try:
        async with aiohttp.ClientSession(timeout=CALL_TIMEOUT) as session:
            async with session.post(f"{local_url}/api/jobs", json=body) as answer:
                created = await _answer(answer)
            for upload in created["uploads"]:
                name = upload["name"]
                source = _chunks(wanted.files[name], passed)
                await _put(session, upload, source, sizes[name])
            manifest = {
                "version": 1,
                "job_id": created["job_id"],
                "client_id": client_id,
                "created_at": to_rfc3339(utc_now()),
                **wanted.request,
            }
            document = json.dumps(manifest).encode()
            await _put(session, created["manifest_upload"], document, len(document))
    except (aiohttp.ClientError, TimeoutError) as broken:
        raise TransientError(
            "busy", f"The desk did not take the job ({type(broken).__name__}). Try again."
        ) from broken
    return str(created["job_id"])


def own_client_id(paths: Paths) -> str:
    """The client id under which this home sends its own jobs, drawn once. Blocks.

    The window and commands may ask at once: all get the same. Raises SetupError when it cannot
    be kept.
    """
    path = paths.state_dir / "client.id"
    try:
        if kept := _kept_client_id(path):
            return kept
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_S, mode=0o600):
            drawn = _kept_client_id(path) or f"cli-{secrets.token_hex(16)}"
            write_whole(path, f"{drawn}\n")
    except OSError as exc:
        raise SetupError(f"{path} cannot be read or written: {exc.strerror or exc}.") from exc
    return drawn


def _kept_client_id(path: Path) -> str | None:
    try:
        kept = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    return kept if is_client_id(kept) else None


async def _size(path: Path) -> int:
    def look() -> int:
        with path.open("rb") as file:  # it can be read: said before anything is created
            return file.seek(0, os.SEEK_END)

    try:
        return await asyncio.to_thread(look)
    except OSError as error:
        raise _unreadable(path, error) from error


async def _chunks(path: Path, passed: Callable[[int], None]) -> Any:
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
            passed(len(chunk))
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        await asyncio.to_thread(file.close)


async def _put(
    session: aiohttp.ClientSession, grant: Mapping[str, Any], source: Any, size_bytes: int
) -> None:
    # the length is said, so that a streamed body is not sent in chunks
    headers = {**grant["headers"], "Content-Length": str(size_bytes)}
    async with session.request(
        grant["method"], grant["url"], data=source, headers=headers, timeout=TRANSFER_TIMEOUT
    ) as answer:
        if answer.status >= _HTTP_ERROR:
            await _answer(answer)


async def _answer(answer: aiohttp.ClientResponse) -> Any:
    try:
        document = await answer.json(content_type=None)
    except ValueError:
        document = None
    if answer.status < _HTTP_ERROR:
        return document
    error = document.get("error") if isinstance(document, Mapping) else None
    if not isinstance(error, Mapping):
        error = {"code": "refused", "message": f"The desk answered {answer.status}."}
    raise RequestError(
        answer.status, str(error.get("code")), str(error.get("message")), field=error.get("field")
    )


def _unreadable(path: Path, error: OSError) -> JigDeskError:
    return JigDeskError("file", f"{path.name} cannot be read: {error.strerror or error}.")
