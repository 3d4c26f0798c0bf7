"""A browser whose jobs API is the Lambda: its handler, called as a Function URL calls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from lambdas.jobs_api import handler as jobs_api
from tests.harness.browser import Browser


class FarBrowser(Browser):
    """Never speaks to the desk; signed in while it has a `token`."""

    token: str | None = None

    async def create(
        self, request: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> dict[str, Any]:
        listed = [
            {"name": name, "size_bytes": len(body), "content_type": "image/png"}
            for name, body in files.items()
        ]
        body = {"client_id": self.client_id, "request": request, "files": listed}
        status, made = await self.ask("POST", "/api/jobs", body)
        assert status == 201, made
        return made

    async def send_whole(self, request: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
        """Upload the files and the manifest that the API answered with; returns the job id."""
        made = await self.create(request, files)
        await self.upload(made, files)
        await self.send_manifest(made, json.dumps(made["request"]).encode())
        return str(made["job_id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        status, body = await self.ask("GET", f"/api/jobs/{job_id}")
        assert status == 200, body
        return body

    async def command(self, job_id: str, command: str) -> tuple[int, dict[str, Any]]:
        return await self.ask("POST", f"/api/jobs/{job_id}/{command}")

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One request; status and body of the answer."""
        headers = {"content-type": "application/json"}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token}"
        http = {"method": method, "path": path, "sourceIp": "203.0.113.7"}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": f"client_id={self.client_id}",
            "headers": headers,
            "requestContext": {"stage": "$default", "http": http},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = await asyncio.to_thread(jobs_api.handler, event, None)
        return int(answer["statusCode"]), dict(json.loads(answer["body"]))
