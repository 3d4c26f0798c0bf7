"""What `/openapi.json` says is what is mounted, and what is answered fits what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from jigdesk.adapters.http.files import file_routes
from jigdesk.adapters.http.openapi import openapi_document
from jigdesk.adapters.http.routes import ROUTES, Side
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner
from tests.fakes.http_desk import JOB_ID, TOKEN, HttpDesk, Wishes, http_desk

METHODS = {"get", "post", "put", "delete", "patch"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def mounted(app: web.Application) -> set[tuple[str, str]]:
    """(method, path) of each route, with parameters named as the document names them."""
    found = set()
    for route in app.router.routes():
        resource = route.resource
        assert resource is not None
        if route.method not in ("HEAD", "OPTIONS"):
            found.add((route.method, resource.canonical))
    return found


def said(side: Side) -> set[tuple[str, str]]:
    return {(route.method, route.path) for route in ROUTES if route.side is side}


async def test_every_route_is_mounted_and_every_mounted_route_is_said(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", "jig-react", UrlSigner(bytes(32)), lambda: "")
    async with http_desk(tmp_path, Wishes(files=file_routes(store))) as desk:
        public = mounted(desk.public.app) - {("*", "/{anything}")}
        local = mounted(desk.local.app)
    assert public == said(Side.PUBLIC)
    # the jobs API is one bridge; what is below it is the logic's own
    assert ("*", "/api/{path}") in local
    api = {entry for entry in said(Side.LOCAL) if entry[1].startswith("/api/")}
    assert local - {("*", "/api/{path}")} == said(Side.LOCAL) - api
    assert api == {
        ("POST", "/api/jobs"),
        ("GET", "/api/jobs"),
        ("GET", "/api/jobs/{job_id}"),
        ("POST", "/api/jobs/{job_id}/cancel"),
        ("POST", "/api/jobs/{job_id}/retry"),
        ("GET", "/api/workflows"),
        ("POST", "/api/pusher/auth"),
    }


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_the_document_is_whole() -> None:
    document = openapi_document()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    used = {part["$ref"] for part in walk(document) if "$ref" in part}
    assert used <= {f"#/components/schemas/{name}" for name in schemas}
    assert {f"#/components/schemas/{name}" for name in schemas} <= used, "an unused schema"
    operations = [
        (path, item, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids)) == len(ROUTES)
    for path, item, operation in operations:
        named = {entry["name"] for entry in item.get("parameters", []) if entry["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))
        assert operation["responses"]
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if int(status) >= 400:
                assert answer["content"]["application/json"]
        for requirement in operation["security"]:
            assert set(requirement) <= set(document["components"]["securitySchemes"])


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any], at: str = "$") -> None:
    """Check the few words of JSON Schema that the document uses."""
    if "$ref" in schema:
        return fits(value, schemas[schema["$ref"].rpartition("/")[2]], schemas, at)
    if "const" in schema:
        assert value == schema["const"], at
    if "enum" in schema:
        assert value in schema["enum"], at
    if "pattern" in schema and isinstance(value, str):
        assert re.search(schema["pattern"], value), at
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(isinstance(value, kinds[kind]) for kind in wanted), (at, value)
    if isinstance(value, dict) and "properties" in schema:
        for name in schema.get("required", []):
            assert name in value, f"{at}.{name} is missing"
        for name, inner in value.items():
            assert name in schema["properties"], f"{at}.{name} is not said"
            fits(inner, schema["properties"][name], schemas, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, inner in enumerate(value):
            fits(inner, schema["items"], schemas, f"{at}[{index}]")
    return None


@pytest.mark.parametrize(
    ("side", "method", "path", "template"),
    [
        ("public", "GET", "/healthz?nonce=0123456789abcdef", "/healthz"),
        ("public", "GET", "/readyz", "/readyz"),
        ("public", "POST", "/webhooks/job-created", "/webhooks/job-created"),
        ("local", "GET", "/control/jobs", "/control/jobs"),
        ("local", "GET", "/control/jobs?limit=x", "/control/jobs"),
        ("local", "GET", f"/control/jobs/{JOB_ID}", "/control/jobs/{job_id}"),
        ("local", "POST", f"/control/jobs/{JOB_ID}/cancel", "/control/jobs/{job_id}/cancel"),
        ("local", "POST", f"/control/jobs/{JOB_ID}/retry", "/control/jobs/{job_id}/retry"),
        ("local", "GET", "/control/health", "/control/health"),
        ("local", "GET", "/control/workflows", "/control/workflows"),
        ("local", "GET", "/control/requests", "/control/requests"),
        ("local", "POST", "/control/queue/pause", "/control/queue/pause"),
        ("local", "POST", "/control/comfyui/stop", "/control/comfyui/stop"),
        ("local", "POST", "/control/requests/x/replay", "/control/requests/{request_id}/replay"),
        ("local", "GET", "/events/x", "/events/{job_id}"),
        ("local", "GET", "/dock", "/dock"),
    ],
)
async def test_answers_fit_what_is_said(
    web_client: aiohttp.ClientSession,
    desk: HttpDesk,
    side: str,
    method: str,
    path: str,
    template: str,
) -> None:
    await desk.accept()
    await desk.fail()
    async with web_client.get(desk.public.url + "/healthz"):
        pass
    async with web_client.get(desk.local.url + "/openapi.json") as answer:
        document = await answer.json()
    base = desk.public.url if side == "public" else desk.local.url
    async with web_client.request(method, base + path, headers=BEARER) as answer:
        operation = document["paths"][template][method.lower()]
        response = operation["responses"][str(answer.status)]
        schema = response["content"]["application/json"]["schema"]
        fits(await answer.json(), schema, document["components"]["schemas"])
