"""A browser's side of the contract, over real HTTP: nothing in here knows the desk's insides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.harness.waiting import PATIENCE_S

CLIENT = "browser-0001"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the stream."""

    name: str
    seq: int
    data: Mapping[str, Any]


class Browser:
    """Talks to the local listener as a visitor's page does."""

    def __init__(
        self, http: aiohttp.ClientSession, local_url: str, client_id: str = CLIENT
    ) -> None:
        self.http = http
        self.local_url = local_url
        self.client_id = client_id

    async def create(
        self, request: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> dict[str, Any]:
        """POST /api/jobs; returns the 201's body."""
        async with self.http.post(
            f"{self.local_url}/api/jobs",
            json={
                "client_id": self.client_id,
                "request": request,
                "files": [
                    {"name": name, "size_bytes": len(body), "content_type": "image/png"}
                    for name, body in files.items()
                ],
            },
        ) as answer:
            body = await answer.json()
            assert answer.status == 201, body
            return dict(body)

    async def upload(self, created: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """PUT every file."""
        for upload in created["uploads"]:
            await self.put(upload, files[upload["name"]])

    async def put(self, grant: Mapping[str, Any], body: bytes) -> None:
        """One presigned PUT."""
        async with self.http.put(grant["url"], data=body, headers=grant["headers"]) as answer:
            assert answer.status == 200, await answer.text()

    async def send_manifest(
        self, created: Mapping[str, Any], request: Mapping[str, Any] | bytes
    ) -> None:
        """The last upload: request.json, with what only the browser knows."""
        if isinstance(request, bytes):
            body = request
        else:
            ids = {"version": 1, "job_id": created["job_id"], "client_id": self.client_id}
            body = json.dumps({**ids, **request}).encode()
        await self.put(created["manifest_upload"], body)

    async def submit(self, request: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
        """All of it; returns the job id."""
        created = await self.create(request, files)
        await self.upload(created, files)
        await self.send_manifest(created, request)
        return str(created["job_id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        """GET /api/jobs/{id}."""
        url = f"{self.local_url}/api/jobs/{job_id}"
        async with self.http.get(url, params={"client_id": self.client_id}) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return dict(body)

    async def command(self, job_id: str, command: str) -> tuple[int, dict[str, Any]]:
        """POST cancel or retry; returns status and body."""
        url = f"{self.local_url}/api/jobs/{job_id}/{command}"
        async with self.http.post(url, json={"client_id": self.client_id}) as answer:
            return answer.status, await answer.json()

    async def events(self, job_id: str, after: int = 0) -> AsyncIterator[Heard]:
        """The event stream until it ends."""
        params = {"client_id": self.client_id, "last_event_id": str(after)}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=PATIENCE_S)
        async with self.http.get(
            f"{self.local_url}/events/{job_id}", params=params, timeout=timeout
        ) as answer:
            assert answer.status == 200, await answer.text()
            name, seq = "", 0
            async for raw in answer.content:
                field, _, value = raw.decode().rstrip("\r\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    seq = int(value)
                elif field == "data":
                    yield Heard(name, seq, json.loads(value))

    async def watch(self, job_id: str, timeout_s: float = PATIENCE_S) -> list[Heard]:
        """Every event until the stream ends."""
        async with asyncio.timeout(timeout_s):
            return [heard async for heard in self.events(job_id)]

    async def until(
        self, job_id: str, *statuses: str, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Wait until the job has one of these statuses, by its events."""
        async with asyncio.timeout(timeout_s):
            async for _ in self.events(job_id):
                job = await self.job(job_id)
                if job["status"] in statuses:
                    return job
        return await self.job(job_id)


BLUR = {"task": "blur", "params": {"radius": 3}, "inputs": {"image": "photo.png"}}


def refine(steps: int = 12) -> dict[str, Any]:
    """A one-stage job on the slow node; 40 ms a step unless the engine is told otherwise."""
    return {"task": "refine", "params": {"steps": steps}, "inputs": {"image": "photo.png"}}


def chain(steps: int = 6) -> dict[str, Any]:
    """Two stages: refine, then enlarge its result."""
    return {
        "stages": [
            {
                "name": "fine",
                "workflow": "refine",
                "params": {"steps": steps},
                "inputs": {"image": {"file": "photo.png"}},
            },
            {
                "name": "big",
                "workflow": "upscale",
                "params": {"scale": 2.0},
                "inputs": {"image": {"stage": "fine"}},
            },
        ]
    }
