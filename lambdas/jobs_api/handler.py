"""AWS Lambda's entry point for the jobs API (a Function URL, or API Gateway).

Cross-origin headers are the Function URL's or the gateway's own business: its configuration
names the allowed origins and answers preflights; one that reaches us all the same gets an
empty 204.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jigdesk.domain.errors import JigDeskError, RequestError
from jigdesk.domain.signature import secret_key
from lambdas.common.delivery import Desks
from lambdas.common.env import Environment, read_environment
from lambdas.jobs_api.http import Response, error_response, json_response
from lambdas.jobs_api.http_event import read_request
from lambdas.jobs_api.logic import JobsApi
from lambdas.jobs_api.ports import ApiSettings
from lambdas.jobs_api.remote import RegisteredWorkflows, WebhookCommander
from lambdas.jobs_api.watching import StoreWatching

_log = logging.getLogger(__name__)


@lru_cache(maxsize=1)  # once a cold start; a changed environment builds anew
def _logic(environment: Environment) -> JobsApi:
    # both are heavy, and a preflight or a bad request should not wait for them
    from lambdas.common.identity import SupabaseIdentity  # noqa: PLC0415
    from lambdas.common.s3_store import S3Store, open_client  # noqa: PLC0415

    store = S3Store(
        open_client(region=environment.region, endpoint_url=environment.endpoint_url),
        environment.bucket,
    )
    desks = Desks(store, environment.sender(), fallback_url=environment.webhook_url)
    pusher = environment.pusher
    return JobsApi(
        store,
        workflows=RegisteredWorkflows(store, desks),
        commander=WebhookCommander(desks),
        identity=SupabaseIdentity(
            jwt_secret=environment.supabase_jwt_secret, supabase_url=environment.supabase_url
        ),
        settings=ApiSettings(
            secret=secret_key(environment.webhook_secret or ""),
            limits=environment.limits,
            pusher_key=pusher.key if pusher else None,
            pusher_secret=pusher.secret if pusher else None,
        ),
        looked_at=StoreWatching(store),
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one HTTP request."""
    try:
        request = read_request(event)
        if request.method == "OPTIONS":
            return {"statusCode": 204, "headers": {"allow": "GET, POST, OPTIONS"}, "body": ""}
        response = _logic(read_environment(os.environ)).handle(request)
    except JigDeskError as error:
        if not isinstance(error, RequestError):
            _log.error("cannot answer: %s", error.message)
        response = error_response(error)
    except Exception:  # noqa: BLE001 - the last line before the caller: logged whole, said as JSON
        _log.exception("cannot answer")
        response = json_response(
            500, {"error": {"code": "internal", "message": "Something went wrong on our side."}}
        )
    return _event_answer(response)


def _event_answer(response: Response) -> dict[str, Any]:
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body.decode(),
        "isBase64Encoded": False,
    }
