"""What the Lambda S3ToComfyUI announces, over the same server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from jigdesk.domain import keys
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import PublishError
from jigdesk.ports import Message
from lambdas.common.delivery import Desks
from lambdas.common.pusher_rest import PusherRest, PusherSettings
from lambdas.common.records import RecordsFailed
from lambdas.common.sender import HttpWebhookSender
from lambdas.s3_to_comfyui.logic import S3ToComfyUI
from tests.fakes.lambda_parts import JOB, request_json, s3_event
from tests.fakes.lambda_parts import SECRET as WEBHOOK_SECRET
from tests.fakes.memory_store import MemoryStore
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.realparts.soketi_server import APP_ID, KEY, SECRET, Soketi, subscriber

pytestmark = pytest.mark.realparts


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with webhook_receiver(WEBHOOK_SECRET) as desk:
        yield desk


def _publisher(soketi: Soketi, secret: str = SECRET) -> PusherRest:
    return PusherRest(PusherSettings(APP_ID, KEY, secret, "127.0.0.1", soketi.port, ssl=False))


async def test_uploads_are_announced_and_the_desk_is_told(
    soketi: Soketi, receiver: WebhookReceiver
) -> None:
    store = MemoryStore(utc_now)
    desks = Desks(store, HttpWebhookSender(WEBHOOK_SECRET), fallback_url=receiver.url)
    logic = S3ToComfyUI(store, _publisher(soketi), desks)
    photo, request = keys.input_key(JOB, "a b.png"), keys.request_key(JOB)
    async with subscriber(soketi.port) as page:
        await page.follow(f"job-{JOB}")
        store.put(photo, b"png")
        await asyncio.to_thread(logic.handle, s3_event(photo))
        store.put(request, request_json(JOB, "a b.png"))
        await asyncio.to_thread(logic.handle, s3_event(request))
        await page.until(lambda: len(page.heard(f"job-{JOB}")) == 2)
        assert [(line["event"], line["data"]) for line in page.heard(f"job-{JOB}")] == [
            ("job:inputs", {"job_id": JOB, "seq": 0, "keys_changed": [key]})
            for key in (photo, request)
        ]
    assert [one.body["type"] for one in receiver.received] == ["JobCreated"]


async def test_wrong_credentials_fail_the_event_and_the_desk_is_told_all_the_same(
    soketi: Soketi, receiver: WebhookReceiver
) -> None:
    wrong = _publisher(soketi, "not-the-secret")
    message = Message(f"job-{JOB}", "job:inputs", {"job_id": JOB, "seq": 0, "keys_changed": []})
    with pytest.raises(PublishError, match="401") as failed:
        await asyncio.to_thread(wrong.publish, [message])
    assert "not-the-secret" not in failed.value.message

    store = MemoryStore(utc_now)
    desks = Desks(store, HttpWebhookSender(WEBHOOK_SECRET), fallback_url=receiver.url)
    store.put(keys.request_key(JOB), request_json(JOB))
    logic = S3ToComfyUI(store, wrong, desks)
    with pytest.raises(RecordsFailed, match="401"):
        await asyncio.to_thread(logic.handle, s3_event(keys.request_key(JOB)))
    assert [one.body["type"] for one in receiver.received] == ["JobCreated"]


async def test_what_does_not_fit_and_batches_over_ten(soketi: Soketi) -> None:
    messages = [
        Message(f"job-{JOB}", "job:inputs", {"job_id": JOB, "seq": 0, "keys_changed": [str(n)]})
        for n in range(25)
    ]
    async with subscriber(soketi.port) as page:
        await page.follow(f"job-{JOB}")
        await asyncio.to_thread(_publisher(soketi).publish, messages)
        await page.until(lambda: len(page.heard(f"job-{JOB}")) == 25)
        heard = [line["data"]["keys_changed"] for line in page.heard(f"job-{JOB}")]
    assert heard == [[str(n)] for n in range(25)]
    large = Message(f"job-{JOB}", "job:inputs", {"keys_changed": ["x" * 11_000]})
    with pytest.raises(PublishError, match="413"):
        await asyncio.to_thread(_publisher(soketi).publish, [large])
