"""A browser whose jobs API is the Lambda: its handler, called as a Function URL calls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from lambdas.jobs_api import handler as jobs_api
from tests.harness.browser import Browser


class FarBrowser(Browser):
    """Never speaks to the desk."""

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
        http = {"method": method, "path": path, "sourceIp": "203.0.113.7"}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": f"client_id={self.client_id}",
            "headers": {"content-type": "application/json"},
            "requestContext": {"stage": "$default", "http": http},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = await asyncio.to_thread(jobs_api.handler, event, None)
        return int(answer["statusCode"]), dict(json.loads(answer["body"]))
