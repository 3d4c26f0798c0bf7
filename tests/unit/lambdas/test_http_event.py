"""One request from each shape of event that AWS sends."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from jigdesk.domain.errors import RequestError
from lambdas.jobs_api.http import ApiRequest
from lambdas.jobs_api.http_event import read_request

HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer x"}
BODY = '{"client_id": "ünïcode1"}'
READ = ApiRequest(
    method="POST",
    path="/api/jobs",
    query={"limit": "2", "cursor": "", "q": "a b"},
    headers={"content-type": "application/json", "authorization": "Bearer x"},
    body=BODY.encode(),
    source="203.0.113.7",
)


def function_url(**change: Any) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/api/jobs",
        "rawQueryString": "limit=2&cursor=&q=a%20b",
        "headers": HEADERS,
        "requestContext": {
            "stage": "$default",
            "http": {"method": "POST", "path": "/api/jobs", "sourceIp": "203.0.113.7"},
        },
        "body": BODY,
        "isBase64Encoded": False,
        **change,
    }


def rest_api(**change: Any) -> dict[str, Any]:
    query = {"limit": "2", "cursor": "", "q": "a b"}
    return {
        "resource": "/{proxy+}",
        "path": "/api/jobs",
        "httpMethod": "POST",
        "headers": HEADERS,
        "multiValueHeaders": {name: [value] for name, value in HEADERS.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "pathParameters": {"proxy": "api/jobs"},
        "stageVariables": None,
        "requestContext": {
            "stage": "prod",
            "path": "/prod/api/jobs",
            "httpMethod": "POST",
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": BODY,
        "isBase64Encoded": False,
        **change,
    }


def test_every_shape_reads_the_same() -> None:
    named_stage = function_url(
        rawPath="/prod/api/jobs",
        requestContext={
            "stage": "prod",
            "http": {"method": "post", "path": "/prod/api/jobs", "sourceIp": "203.0.113.7"},
        },
    )
    encoded = base64.b64encode(BODY.encode()).decode()
    for event in (
        function_url(),
        named_stage,
        function_url(body=encoded, isBase64Encoded=True),
        rest_api(),
        rest_api(body=encoded, isBase64Encoded=True),
        rest_api(multiValueQueryStringParameters=None, multiValueHeaders=None),
        rest_api(headers=None, queryStringParameters=None),
        rest_api(path="/prod/api/jobs", version="1.0"),
    ):
        assert read_request(event) == READ, event


def test_what_may_be_null_is_empty() -> None:
    bare = {
        "headers": None,
        "queryStringParameters": None,
        "multiValueHeaders": None,
        "multiValueQueryStringParameters": None,
        "body": None,
    }
    assert read_request({"httpMethod": "GET", "path": "/api/workflows"} | bare) == ApiRequest(
        method="GET", path="/api/workflows"
    )
    assert read_request(rest_api(**bare)).source == "203.0.113.7"
    from_the_url = function_url(rawQueryString="", headers=None, body=None)
    assert read_request(from_the_url).query == {}


def test_a_stage_called_api_is_left_out_once() -> None:
    context = {"stage": "api", "identity": {}}
    assert read_request(rest_api(requestContext=context)).path == "/api/jobs"
    http = {"method": "GET", "path": "/api/api/jobs"}
    named = function_url(rawPath="/api/api/jobs", requestContext={"stage": "api", "http": http})
    assert read_request(named).path == "/api/jobs"


@pytest.mark.parametrize(
    "event",
    [
        function_url(rawQueryString="limit=1&limit=2"),
        rest_api(multiValueQueryStringParameters={"limit": ["1", "2"]}),
        rest_api(
            queryStringParameters=None,
            multiValueQueryStringParameters={str(i): ["x"] for i in range(40)},
        ),
        rest_api(body="%%%", isBase64Encoded=True),
    ],
)
def test_what_no_server_sends_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        read_request(event)
    assert caught.value.status == 400


def test_no_http_event_is_a_fault() -> None:
    with pytest.raises(KeyError):
        read_request({"Records": []})
