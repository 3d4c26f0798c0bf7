"""Signing private channels for pusher-js.

Source: https://pusher.com/docs/channels/library_auth_reference/auth-signatures/
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import parse_qsl

from jigdesk.domain.errors import RequestError
from lambdas.jobs_api.callers import Callers
from lambdas.jobs_api.http import Request, not_found
from lambdas.jobs_api.ports import ApiSettings

_PREFIX = "private-job-"
_SOCKET_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")
_MAX_FORM_BYTES = 4096
_MAX_FIELDS = 16


def authorise_channel(request: Request, callers: Callers, settings: ApiSettings) -> dict[str, str]:
    """`{"auth": "key:signature"}` for the owner's own channel; else RequestError 400, 401, 404."""
    if settings.pusher_key is None or settings.pusher_secret is None:
        raise RequestError(404, "no_pusher", "This host publishes nothing over Pusher.")
    form = _form(request.body)
    socket_id, channel = form.get("socket_id", ""), form.get("channel_name", "")
    if _SOCKET_ID.fullmatch(socket_id) is None:
        raise RequestError(400, "bad_socket_id", "socket_id is not one.", field="socket_id")
    client_id = form.get("client_id", request.query.get("client_id"))
    if not channel.startswith(_PREFIX):
        callers.owner(request.headers, client_id)
        raise not_found()
    callers.own_job(request.headers, client_id, channel.removeprefix(_PREFIX))
    signature = hmac.new(
        settings.pusher_secret.encode(), f"{socket_id}:{channel}".encode(), hashlib.sha256
    )
    return {"auth": f"{settings.pusher_key}:{signature.hexdigest()}"}


def _form(body: bytes) -> dict[str, str]:
    if len(body) > _MAX_FORM_BYTES:
        raise RequestError(413, "too_large", "The form is too large.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise RequestError(400, "bad_form", "The form cannot be read.") from error
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in form:
            raise RequestError(400, "bad_form", "This field is given twice.", field=name[:60])
        form[name] = value
    return form
