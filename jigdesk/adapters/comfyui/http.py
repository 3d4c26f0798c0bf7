"""ComfyUI's HTTP routes: bounded, with deadlines, and with aiohttp's exceptions translated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from jigdesk.adapters.comfyui.decode import read_json
from jigdesk.adapters.comfyui.queue_state import QueueState, read_queue
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.adapters.comfyui.transfer import save_stream
from jigdesk.domain.engine import EngineFile, Graph
from jigdesk.domain.errors import (
    EngineError,
    EngineUnavailable,
    ErrorCode,
    JobError,
    ObjectNotFound,
)
from jigdesk.files import room_for
from jigdesk.ports import FileDigest

UPLOAD_SUBFOLDER = "jigdesk"
_SMALL_BYTES = 1024 * 1024
_ENTRY_BYTES = 64 * 1024 * 1024
_CLASSES_BYTES = 256 * 1024 * 1024
_PARSE_IN_THREAD_BYTES = 1024 * 1024
_OK, _BAD_REQUEST, _NOT_FOUND, _NOT_ALLOWED, _TOO_LARGE = 200, 400, 404, 405, 413


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """The answer to POST /prompt: 200, or a 400 that says why not."""

    status: int
    body: Mapping[str, Any]


class ComfyHttp:
    """One engine's routes. Every method raises EngineUnavailable when it does not answer so.

    Cancelling any method is safe; a cancelled `post_prompt` may have been taken all the same.
    """

    def __init__(self, session: aiohttp.ClientSession, base_url: str, timing: Timing) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._timing = timing

    def move_to(self, base_url: str) -> None:
        """Ask there from now on."""
        self._base = base_url.rstrip("/")

    async def post_prompt(self, prompt_id: str, graph: Graph, client_id: str) -> PostAnswer:
        """Queue a prompt. The server takes the same id twice: look before posting again."""
        payload = {"prompt": graph, "client_id": client_id, "prompt_id": prompt_id}
        async with self._open("POST", "/prompt", self._timing.post_s, json=payload) as response:
            if response.status not in (_OK, _BAD_REQUEST):
                raise _unexpected(response)
            body = await self._json(response, _ENTRY_BYTES)
        return PostAnswer(response.status, body)

    async def queue(self) -> QueueState:
        """What runs and what waits."""
        queue = read_queue(await self._get("/queue", _ENTRY_BYTES))
        if queue is None:
            raise EngineUnavailable("The engine's port answers, but not as ComfyUI does.")
        return queue

    async def history(self, prompt_id: str) -> Mapping[str, Any] | None:
        """A prompt's entry; None for queued, running and unknown ones alike."""
        body = await self._get(f"/history/{prompt_id}", _ENTRY_BYTES)
        entry = body.get(prompt_id)
        return entry if isinstance(entry, dict) else None

    async def interrupt(self, prompt_id: str) -> None:
        """Stop this prompt if it runs; takes effect at the next node or step."""
        await self._post("/interrupt", {"prompt_id": prompt_id})

    async def delete(self, prompt_id: str) -> None:
        """Take this prompt out of the queue if it waits."""
        await self._post("/queue", {"delete": [prompt_id]})

    async def has_jobs_routes(self) -> bool:
        """Whether this server has the newer `/api/jobs` routes."""
        async with self._open("GET", "/api/jobs?limit=1", self._timing.request_s) as response:
            if response.status == _OK:
                return response.content_type == "application/json"
            if response.status in (_NOT_FOUND, _NOT_ALLOWED):
                return False
            raise _unexpected(response)

    async def cancel_job(self, prompt_id: str) -> bool:
        """Cancel by the newer route, pending or running; False when it does not know the job."""
        path = f"/api/jobs/{prompt_id}/cancel"
        async with self._open("POST", path, self._timing.request_s) as response:
            if response.status in (_NOT_FOUND, _NOT_ALLOWED):
                return False
            if response.status != _OK:
                raise _unexpected(response)
            body = await self._json(response, _SMALL_BYTES)
        return body.get("cancelled") is True

    async def object_info(self) -> Mapping[str, Any]:
        """Every node class with its inputs: megabytes, so callers keep it."""
        return await self._get("/object_info", _CLASSES_BYTES)

    async def system_stats(self) -> Mapping[str, Any]:
        """Versions, argv and devices."""
        return await self._get("/system_stats", _SMALL_BYTES)

    async def knock(self) -> None:
        """Ask for what costs the server next to nothing; any status counts as an answer."""
        async with self._open("GET", "/prompt", self._timing.request_s):
            pass

    async def features(self) -> Mapping[str, Any]:
        """The server's feature flags."""
        return await self._get("/features", _SMALL_BYTES)

    async def free(self) -> None:
        """Ask for models and memory to be freed before the next prompt."""
        await self._post("/free", {"unload_models": True, "free_memory": True})

    async def upload(self, path: Path, name: str) -> str:
        """Upload a file; returns the value for a Load node's input, as the server named it.

        Raises EngineError when the server refuses the name, JobError(INPUT_TOO_LARGE) when it
        refuses the size.
        """
        source = await asyncio.to_thread(path.open, "rb")
        with source:
            form = aiohttp.FormData()
            form.add_field("type", "input")
            form.add_field("subfolder", UPLOAD_SUBFOLDER)
            form.add_field("overwrite", "true")
            form.add_field("image", source, filename=name, content_type="application/octet-stream")
            timeout = self._timing.transfer_s
            async with self._open("POST", "/upload/image", timeout, data=form) as response:
                if response.status == _TOO_LARGE:
                    raise JobError(
                        ErrorCode.INPUT_TOO_LARGE,
                        f"The file {name} is larger than the engine takes.",
                    )
                if response.status == _BAD_REQUEST:
                    raise EngineError("upload_refused", f"The engine refused the file {name}.")
                if response.status != _OK:
                    raise _unexpected(response)
                body = await self._json(response, _SMALL_BYTES)
        return _load_value(body)

    async def view(self, file: EngineFile, path: Path, max_bytes: int) -> FileDigest:
        """Stream a file into `path` by way of a `.part` file, hashing it on the way.

        Raises ObjectNotFound when the engine has it no more, JobError(EXECUTION_ERROR) when it
        is larger than `max_bytes`, DiskFull when there is no room for it. Cancelled or failed:
        neither `path` nor the part remains.
        """
        query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        timeout = self._timing.transfer_s
        async with self._open("GET", "/view", timeout, params=query) as response:
            if response.status == _NOT_FOUND:
                raise ObjectNotFound(f"{file.subfolder}/{file.filename}".lstrip("/"))
            if response.status != _OK:
                raise _unexpected(response)
            if (response.content_length or 0) > max_bytes:
                raise too_large(file, max_bytes)
            chunks = response.content.iter_chunked(256 * 1024)
            with room_for(path):
                digest = await save_stream(chunks, path, max_bytes)
        if digest is None:
            raise too_large(file, max_bytes)
        return digest

    async def _get(self, path: str, max_bytes: int) -> Mapping[str, Any]:
        async with self._open("GET", path, self._timing.request_s) as response:
            if response.status != _OK:
                raise _unexpected(response)
            return await self._json(response, max_bytes)

    async def _post(self, path: str, payload: Mapping[str, Any]) -> None:
        async with self._open("POST", path, self._timing.request_s, json=payload) as response:
            if response.status != _OK:
                raise _unexpected(response)

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, total_s: float, **kwargs: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timing = self._timing
        timeout = aiohttp.ClientTimeout(
            total=total_s,
            sock_connect=timing.connect_s,
            sock_read=min(total_s, max(timing.transfer_idle_s, timing.request_s)),
        )
        try:
            async with self._session.request(
                method, self._base + path, timeout=timeout, allow_redirects=False, **kwargs
            ) as response:
                yield response
        except TimeoutError as error:
            raise EngineUnavailable(f"The engine did not answer {path} in time.") from error
        except aiohttp.ClientError as error:
            reason = type(error).__name__
            raise EngineUnavailable(f"The engine cannot be reached ({reason}).") from error

    async def _json(self, response: aiohttp.ClientResponse, max_bytes: int) -> Mapping[str, Any]:
        body = bytearray()
        async for chunk in response.content.iter_chunked(256 * 1024):
            body += chunk
            if len(body) > max_bytes:
                raise EngineUnavailable("The engine's answer is larger than the client takes.")
        try:
            if len(body) > _PARSE_IN_THREAD_BYTES:
                parsed = await asyncio.to_thread(read_json, bytes(body))
            else:
                parsed = read_json(bytes(body))
        except (ValueError, RecursionError) as error:
            raise EngineUnavailable(
                "The engine's port answers, but not as ComfyUI does."
            ) from error
        if not isinstance(parsed, dict):
            raise EngineUnavailable("The engine's port answers, but not as ComfyUI does.")
        return parsed


def too_large(file: EngineFile, max_bytes: int) -> JobError:
    """The JobError for a result over the limit: no retry makes it smaller."""
    return JobError(
        ErrorCode.EXECUTION_ERROR,
        f"The result {file.filename} is larger than the {max_bytes} bytes allowed.",
    )


def _load_value(body: Mapping[str, Any]) -> str:
    name, subfolder = body.get("name"), body.get("subfolder") or ""
    kind = body.get("type") or "input"
    if not isinstance(name, str) or not name or not isinstance(subfolder, str):
        raise EngineUnavailable("The engine took a file without saying what it is called.")
    value = f"{subfolder}/{name}" if subfolder else name
    return value if kind == "input" else f"{value} [{kind}]"


def _unexpected(response: aiohttp.ClientResponse) -> EngineUnavailable:
    return EngineUnavailable(
        f"The engine answered {response.status} to {response.method} {response.url.path}."
    )
