"""The environment of the Lambdas as one frozen value, and the parts that are built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from jigdesk.domain.errors import SetupError
from jigdesk.domain.host import webhook_target
from jigdesk.domain.limits import PUBLIC, Limits, Quota
from lambdas.common.ports import EventPublisher
from lambdas.common.pusher_rest import PusherRest, PusherSettings, SilentPublisher
from lambdas.common.sender import HttpWebhookSender

DEFAULT_BUCKET = "jig-react"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Environment:
    """What the Lambdas are told; None where a variable is unset or empty.

    `endpoint_url` and `region` are boto3's own variables: with an endpoint of one's own the
    store is no AWS and its URLs stay as they are.
    """

    bucket: str
    webhook_url: str | None
    webhook_secret: str | None = field(repr=False)
    pusher: PusherSettings | None
    supabase_url: str | None
    supabase_jwt_secret: str | None = field(repr=False)
    endpoint_url: str | None
    region: str | None
    limits: Limits

    def sender(self) -> HttpWebhookSender:
        """The signed webhooks' way out; raises SetupError without a usable secret."""
        if self.webhook_secret is None:
            raise SetupError("JIGDESK_WEBHOOK_SECRET is not set.", field="JIGDESK_WEBHOOK_SECRET")
        try:
            return HttpWebhookSender(self.webhook_secret)
        except ValueError as error:
            raise SetupError(
                f"JIGDESK_WEBHOOK_SECRET: {error}.", field="JIGDESK_WEBHOOK_SECRET"
            ) from error

    def publisher(self) -> EventPublisher:
        """Where events go: nowhere when no Pusher key is set."""
        return PusherRest(self.pusher) if self.pusher is not None else SilentPublisher()


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read `os.environ` or what stands for it; raises SetupError that names the variable."""
    webhook_url = variables.get("JIGDESK_WEBHOOK_URL") or None
    if webhook_url is not None:
        try:
            webhook_target(webhook_url, "job-created")
        except ValueError as error:
            raise SetupError(
                f"JIGDESK_WEBHOOK_URL: {error}.", field="JIGDESK_WEBHOOK_URL"
            ) from error
    return Environment(
        bucket=variables.get("JIGDESK_BUCKET") or DEFAULT_BUCKET,
        webhook_url=webhook_url,
        webhook_secret=variables.get("JIGDESK_WEBHOOK_SECRET") or None,
        pusher=_pusher(variables),
        supabase_url=variables.get("JIGDESK_SUPABASE_URL") or None,
        supabase_jwt_secret=variables.get("JIGDESK_SUPABASE_JWT_SECRET") or None,
        endpoint_url=variables.get("AWS_ENDPOINT_URL_S3")
        or variables.get("AWS_ENDPOINT_URL")
        or None,
        region=variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or None,
        limits=_limits(variables),
    )


def _pusher(variables: Mapping[str, str]) -> PusherSettings | None:
    key = variables.get("JIGDESK_PUSHER_KEY")
    if not key:
        return None
    app_id = variables.get("JIGDESK_PUSHER_APP_ID")
    secret = variables.get("JIGDESK_PUSHER_SECRET")
    if not app_id or not secret:
        raise SetupError(
            "JIGDESK_PUSHER_KEY needs JIGDESK_PUSHER_APP_ID and JIGDESK_PUSHER_SECRET beside it.",
            field="JIGDESK_PUSHER_KEY",
        )
    host = variables.get("JIGDESK_PUSHER_HOST")
    if not host:
        host = f"api-{variables.get('JIGDESK_PUSHER_CLUSTER') or 'mt1'}.pusher.com"
    ssl = _flag(variables, "JIGDESK_PUSHER_SSL", default=True)
    port = _number(variables, "JIGDESK_PUSHER_PORT", 443 if ssl else 80)
    if not 0 < port <= _MAX_PORT:
        raise SetupError("JIGDESK_PUSHER_PORT is 1 to 65535.", field="JIGDESK_PUSHER_PORT")
    return PusherSettings(app_id=app_id, key=key, secret=secret, host=host, port=port, ssl=ssl)


def _limits(variables: Mapping[str, str]) -> Limits:
    """What the jobs API checks, named as in the desk's settings, with the public defaults.

    Pixels and seconds are the desk's to check: it alone opens the files.
    """

    def quota(who: str, default: Quota) -> Quota:
        return Quota(
            **{
                item.name: _number(
                    variables,
                    f"JIGDESK_LIMITS__{who}_{item.name.upper()}",
                    getattr(default, item.name),
                )
                for item in fields(Quota)
            }
        )

    return replace(
        PUBLIC,
        owner=quota("OWNER", PUBLIC.owner),
        address=quota("ADDRESS", PUBLIC.address),
        file_bytes=_number(variables, "JIGDESK_LIMITS__FILE_BYTES", PUBLIC.file_bytes),
    )


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    text = variables.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal():
        raise SetupError(f"{name} is a whole number from 0, not {text!r:.40}.", field=name)
    return int(text)


def _flag(variables: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = variables.get(name, "").strip().lower()
    if not text:
        return default
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise SetupError(f"{name} is true or false, not {text!r:.40}.", field=name)
