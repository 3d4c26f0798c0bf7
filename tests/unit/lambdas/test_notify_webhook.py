from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from jigdesk.domain import keys
from lambdas.common.delivery import Desks
from lambdas.common.records import RecordsFailed
from lambdas.common.sender import HttpWebhookSender
from lambdas.notify_webhook_on_s3_upload.logic import NotifyWebhook
from tests.fakes.lambda_parts import JOB, OTHER, SECRET, THIRD, register, s3_event, soon
from tests.fakes.memory_store import MemoryStore, TickingClock
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.harness.waiting import PATIENCE_S


class World:
    """A bucket with results, a desk, and the Lambda between them."""

    def __init__(self, desk: WebhookReceiver) -> None:
        self.desk = desk
        self.clock = TickingClock()
        self.store = MemoryStore(self.clock)
        self.with_url(desk.url)

    def with_url(self, url: str | None) -> None:
        sender = HttpWebhookSender(SECRET, timeout_s=PATIENCE_S)
        desks = Desks(self.store, sender, fallback_url=url, clock=self.clock)
        self.logic = NotifyWebhook(self.store, desks)

    def name_desk(self, job_id: str, host_id: str) -> None:
        status = {"version": 1, "job_id": job_id, "host_id": host_id}
        self.store.put(keys.status_key(job_id), json.dumps(status).encode())


@pytest.fixture
def world() -> Iterator[World]:
    with webhook_receiver(SECRET) as desk:
        yield World(desk)


def test_the_new_files_of_a_job_go_out_together(world: World) -> None:
    files = [keys.output_key(JOB, "soften", "a b.png"), keys.output_json_key(JOB)]
    assert world.logic.handle(s3_event(*files, keys.output_key(OTHER, "s", "x.png"))) == 2
    first, second = world.desk.received
    assert first.path == "/webhooks/job-output"
    assert first.body["type"] == "JobOutput"
    assert first.body["new_files"] == files
    assert second.body["job_id"] == OTHER


@pytest.mark.parametrize(
    "key",
    [f"inputs/{JOB}/a.png", f"jobs/{JOB}/status.json", "outputs/x/y", f"outputs/{JOB}/../a"],
)
def test_foreign_keys_are_ignored(world: World, key: str) -> None:
    assert world.logic.handle(s3_event(key)) == 0
    assert world.desk.received == []


def test_a_retry_has_the_same_id_and_a_rewritten_file_another(world: World) -> None:
    key = keys.output_json_key(JOB)
    for sequencer in ("01", "01", "02"):
        world.logic.handle(s3_event(key, sequencer=sequencer))
    first, again, rewritten = (one.webhook_id for one in world.desk.received)
    assert first == again != rewritten


def test_the_desk_that_has_the_job_is_told_though_it_drains(world: World) -> None:
    world.with_url("http://127.0.0.1:1")
    later = soon(world.clock.now)
    register(world.store, "newest", "http://127.0.0.1:1", later + timedelta(seconds=9))
    register(world.store, "desk-1", world.desk.url, later, state="draining", accepting=False)
    world.name_desk(JOB, "desk-1")
    world.logic.handle(s3_event(keys.output_json_key(JOB)))
    assert len(world.desk.received) == 1


@pytest.mark.parametrize("host_id", ["gone", "../secrets", ""])
def test_a_desk_that_is_not_registered_any_more_is_passed_over(world: World, host_id: str) -> None:
    world.name_desk(JOB, host_id)
    world.logic.handle(s3_event(keys.output_json_key(JOB)))
    assert len(world.desk.received) == 1


def test_a_registration_that_has_expired_does_not_count(world: World) -> None:
    register(world.store, "desk-1", "http://127.0.0.1:1", world.clock.now)
    world.name_desk(JOB, "desk-1")
    world.logic.handle(s3_event(keys.output_json_key(JOB)))
    assert len(world.desk.received) == 1


def test_a_desk_that_does_not_know_the_job_is_not_the_last_one_asked(world: World) -> None:
    with webhook_receiver(SECRET) as stranger:
        stranger.answer = lambda _: (404, {})
        later = soon(world.clock.now)
        register(world.store, "stranger", stranger.url, later + timedelta(seconds=9))
        register(world.store, "desk-1", world.desk.url, later)
        world.logic.handle(s3_event(keys.output_json_key(JOB)))
        assert len(stranger.received) == len(world.desk.received) == 1

        world.desk.answer = lambda _: (404, {})
        with pytest.raises(RecordsFailed, match="404"):
            world.logic.handle(s3_event(keys.output_json_key(JOB)))


def test_every_record_is_processed_before_one_fails_the_event(world: World) -> None:
    world.desk.answer = lambda one: (503 if one.body["job_id"] == JOB else 202, {})
    event = s3_event(*(keys.output_json_key(job_id) for job_id in (JOB, OTHER, THIRD)))
    with pytest.raises(RecordsFailed) as failure:
        world.logic.handle(event)
    assert len(failure.value.failures) == 1
    assert len(world.desk.received) == 3


def test_with_nobody_to_tell_the_event_fails(world: World) -> None:
    world.with_url(None)
    with pytest.raises(RecordsFailed, match="No desk"):
        world.logic.handle(s3_event(keys.output_json_key(JOB)))


def test_a_great_many_files_are_sent_in_batches(world: World) -> None:
    names = [keys.output_key(JOB, "s", f"{index:05}.png") for index in range(4500)]
    world.logic.handle(s3_event(*names))
    sent = [key for one in world.desk.received for key in one.body["new_files"]]
    assert sent == names
    assert len({one.webhook_id for one in world.desk.received}) == len(world.desk.received) == 3
