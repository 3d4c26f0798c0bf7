"""The HTTP events that AWS sends: one shape a gateway, one request for the logic.

Payload 2.0 comes from Function URLs and HTTP APIs, payload 1.0 from REST APIs (and HTTP APIs
that ask for it). Source:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from jigdesk.domain.errors import RequestError
from lambdas.jobs_api.http import ApiRequest

_MAX_QUERY_FIELDS = 32
_DEFAULT_STAGE = "$default"


def read_request(event: Mapping[str, Any]) -> ApiRequest:
    """Take an event apart; raises RequestError(400) for what no server sends.

    Raises KeyError for an event that is no HTTP request at all.
    """
    context: Mapping[str, Any] = event.get("requestContext") or {}
    http: Mapping[str, Any] = context.get("http") or {}
    method = http.get("method") or event["httpMethod"]
    path = event.get("rawPath") or http.get("path") or event.get("path") or "/"
    try:
        pairs = _pairs(event)
        body = _body(event)
    except (ValueError, binascii.Error) as error:
        raise RequestError(400, "bad_request", "The request cannot be read.") from error
    identity: Mapping[str, Any] = context.get("identity") or {}
    return ApiRequest(
        method=str(method).upper(),
        path=unquote(_without_stage(str(path), context.get("stage"))),
        query=_once_each(pairs),
        headers=_headers(event),
        body=body,
        source=str(http.get("sourceIp") or identity.get("sourceIp") or ""),
    )


def _without_stage(path: str, stage: object) -> str:
    """Payload 2.0 keeps a named stage in the path, and a REST API's 1.0 does not."""
    if stage is None or stage == _DEFAULT_STAGE or not path.startswith(f"/{stage}/api/"):
        return path
    return path.removeprefix(f"/{stage}")


def _pairs(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "rawQueryString" in event:
        return parse_qsl(
            event["rawQueryString"] or "",
            keep_blank_values=True,
            max_num_fields=_MAX_QUERY_FIELDS,
        )
    # payload 1.0 has them decoded; the second table alone says what is given twice
    several: Mapping[str, Any] = event.get("multiValueQueryStringParameters") or {}
    single: Mapping[str, Any] = event.get("queryStringParameters") or {}
    pairs = [(str(name), str(value)) for name, values in several.items() for value in values]
    pairs += [(str(name), str(value)) for name, value in single.items() if name not in several]
    if len(pairs) > _MAX_QUERY_FIELDS:
        raise ValueError("too many parameters")
    return pairs


def _once_each(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in pairs:
        if name in query:
            raise RequestError(
                400, "bad_request", "This parameter is given twice.", field=name[:60]
            )
        query[name] = value
    return query


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    several: Mapping[str, Any] = event.get("multiValueHeaders") or {}
    headers = {str(name).lower(): ", ".join(map(str, values)) for name, values in several.items()}
    single: Mapping[str, Any] = event.get("headers") or {}
    return headers | {str(name).lower(): str(value) for name, value in single.items()}


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return base64.b64decode(text, validate=True)
    return str(text).encode()
