"""`/openapi.json`: the OpenAPI 3.1 document of both listeners, made from the table of routes."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from jigdesk import __version__
from jigdesk.adapters.http.routes import ROUTES, Auth, Body, Parameter, Route, Side
from jigdesk.adapters.http.schemas import components
from jigdesk.domain.signature import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER

_PORTS = {Side.PUBLIC: "8765", Side.LOCAL: "8766"}
_IN_PATH = re.compile(r"\{([a-z_]+)\}")

_SECURITY: dict[Auth, list[dict[str, list[str]]]] = {
    Auth.NONE: [],
    Auth.SIGNATURE: [{"webhookId": [], "webhookTimestamp": [], "webhookSignature": []}],
    Auth.TOKEN: [{"controlToken": []}],
    Auth.USER: [{"userJwt": []}, {}],
    Auth.URL: [],
}
"""An empty requirement means: also without (a client id says who asks)."""

_SCHEMES: dict[str, dict[str, str]] = {
    "webhookId": {"type": "apiKey", "in": "header", "name": ID_HEADER},
    "webhookTimestamp": {"type": "apiKey", "in": "header", "name": TIMESTAMP_HEADER},
    "webhookSignature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "Standard Webhooks: `v1,` + base64 HMAC-SHA256 over `id.timestamp.body`.",
    },
    "controlToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The content of control.token in the state directory.",
    },
    "userJwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


def openapi_document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        item = paths.setdefault(route.path, {"servers": [_server(route.side)]})
        if parameters := [_path_parameter(name) for name in _IN_PATH.findall(route.path)]:
            item["parameters"] = parameters
        item[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "JigDesk",
            "version": __version__,
            "description": "The webhooks of the public listener and everything on the local one.",
        },
        "servers": [_server(Side.LOCAL)],
        "paths": paths,
        "components": {"schemas": components(), "securitySchemes": _SCHEMES},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [_tag(route)],
        "security": _SECURITY[route.auth],
        "responses": {
            str(status): _answer(status, body) for status, body in sorted(route.answers.items())
        },
    }
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.takes is not None:
        operation["requestBody"] = {
            "required": route.takes_required,
            "content": _content(route.takes),
        }
    return operation


def _answer(status: int, body: Body | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if body is not None:
        answer["content"] = _content(body)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return answer


def _content(body: Body) -> dict[str, Any]:
    if body.schema is None:
        return {body.media_type: {"schema": {"type": "string"}}}
    return {body.media_type: {"schema": {"$ref": f"#/components/schemas/{body.schema}"}}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": False,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _path_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "job_id":
        schema = {"$ref": "#/components/schemas/JobId"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _tag(route: Route) -> str:
    if route.side is Side.PUBLIC:
        return "webhooks"
    first = route.path.split("/")[1]
    return first if first in ("api", "events", "files", "control") else "pages"


def _server(side: Side) -> dict[str, Any]:
    return {
        "url": "http://{host}:{port}",
        "description": f"The {side.value} listener.",
        "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": _PORTS[side]}},
    }
