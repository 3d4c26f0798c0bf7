from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.errors import PublishError, StoreUnavailable
from lambdas.common.delivery import Desks
from lambdas.common.records import RecordsFailed
from lambdas.common.sender import HttpWebhookSender
from lambdas.s3_to_comfyui.logic import S3ToComfyUI
from tests.fakes.lambda_parts import (
    CLIENT,
    JOB,
    OTHER,
    SECRET,
    THIRD,
    KeptMessages,
    register,
    request_json,
    s3_event,
    s3_record,
    soon,
)
from tests.fakes.memory_store import MemoryStore, TickingClock
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.harness.waiting import PATIENCE_S


class World:
    """A bucket, a publisher, a desk, and the Lambda between them."""

    def __init__(self, desk: WebhookReceiver) -> None:
        self.desk = desk
        self.clock = TickingClock()
        self.store = MemoryStore(self.clock)
        self.published = KeptMessages()
        self.with_url(desk.url)

    def with_url(self, url: str | None) -> None:
        sender = HttpWebhookSender(SECRET, timeout_s=PATIENCE_S)
        desks = Desks(self.store, sender, fallback_url=url, clock=self.clock)
        self.logic = S3ToComfyUI(self.store, self.published, desks, self.clock)

    def upload(self, key: str, body: bytes = b"abc") -> int:
        self.store.put(key, body)
        return self.logic.handle(s3_event(key))

    def status(self, job_id: str = JOB) -> dict[str, Any]:
        body, _ = self.store.get(keys.status_key(job_id), 10_000)
        document: dict[str, Any] = json.loads(body)
        return document


@pytest.fixture
def world() -> Iterator[World]:
    with webhook_receiver(SECRET) as desk:
        yield World(desk)


_FILES = {
    keys.input_key(JOB, "photo one.png"): b"1",
    keys.input_key(JOB, "mask/ü+.png"): b"2",
    keys.request_key(JOB): request_json(JOB, "photo one.png", "mask/ü+.png"),
}


@pytest.mark.parametrize("order", list(itertools.permutations(_FILES)))
def test_the_desk_is_told_once_everything_is_there(world: World, order: tuple[str, ...]) -> None:
    for key in order[:-1]:
        world.upload(key, _FILES[key])
    assert world.desk.received == []
    assert world.store.head(keys.status_key(JOB)) is None

    world.upload(order[-1], _FILES[order[-1]])
    (webhook,) = world.desk.received
    assert webhook.path == "/webhooks/job-created"
    assert webhook.webhook_id == f"created-{JOB}"
    assert webhook.body["job_id"] == JOB
    assert webhook.body["bucket"] == "jig-react"
    assert webhook.body["keys"][0] == keys.request_key(JOB)
    assert sorted(webhook.body["keys"]) == sorted(_FILES)
    assert world.status()["status"] == "accepted"
    assert world.status()["seq"] == 0


def test_events_that_run_at_once_lose_no_job(world: World) -> None:
    for number in range(10):
        job_id = f"7d1f0c3e-0000-4000-8000-0000000001{number:02}"
        names = ("a.png", "b.png", "c.png")
        bodies = {keys.input_key(job_id, name): b"1" for name in names}
        bodies[keys.request_key(job_id)] = request_json(job_id, *names)
        start = Barrier(len(bodies))

        def upload(key: str, bodies: dict[str, bytes] = bodies, start: Barrier = start) -> None:
            start.wait(PATIENCE_S)
            world.upload(key, bodies[key])

        with ThreadPoolExecutor(len(bodies)) as pool:
            list(pool.map(upload, bodies))
        sent = [one.webhook_id for one in world.desk.received if one.body["job_id"] == job_id]
        assert set(sent) == {f"created-{job_id}"}


def test_each_event_announces_only_its_own_files(world: World) -> None:
    world.upload(keys.input_key(JOB, "a.png"))
    world.upload(keys.input_key(JOB, "b.png"))
    first, second = world.published.messages
    assert (first.channel, first.event) == (f"job-{JOB}", "job:inputs")
    assert first.data == {"job_id": JOB, "seq": 0, "keys_changed": [f"inputs/{JOB}/a.png"]}
    assert second.data["keys_changed"] == [f"inputs/{JOB}/b.png"]


def test_a_retried_event_sends_the_same_webhook_id_and_leaves_status_alone(world: World) -> None:
    world.upload(keys.request_key(JOB), request_json(JOB))
    first = world.status()
    world.clock.forward(minutes=1)
    world.logic.handle(s3_event(keys.request_key(JOB)))
    assert [one.webhook_id for one in world.desk.received] == [f"created-{JOB}"] * 2
    assert world.status() == first


def test_a_status_that_somebody_else_wrote_stays_and_the_webhook_goes_out(world: World) -> None:
    written = {"version": 1, "job_id": JOB, "status": "running", "seq": 9, "host_id": "desk-1"}
    world.store.put(keys.status_key(JOB), json.dumps(written).encode())
    world.upload(keys.request_key(JOB), request_json(JOB))
    assert world.status() == written
    assert len(world.desk.received) == 1


def test_instructions_are_sent_at_once_but_request_json_rules(world: World) -> None:
    world.upload(keys.instructions_key(JOB), b"blur --image photo.png")
    assert world.desk.received[0].body["keys"] == [keys.instructions_key(JOB)]

    world.store.put(keys.request_key(OTHER), request_json(OTHER, "photo.png"))
    world.upload(keys.instructions_key(OTHER), b"blur")
    assert len(world.desk.received) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"version": 2}',
        b"x" * (1024 * 1024 + 1),
        b'{"version":1,"task":"blur","inputs":{"image":"../../x"}}',
    ],
)
def test_a_manifest_that_cannot_be_read_is_forwarded(world: World, body: bytes) -> None:
    world.upload(keys.request_key(JOB), body)
    assert world.desk.received[0].body["keys"] == [keys.request_key(JOB)]
    assert keys.error_json_key(JOB) not in world.store.all_keys()


@pytest.mark.parametrize(
    "key",
    [
        f"outputs/{JOB}/s/a.png",
        "inputs/not-a-job/a.png",
        f"inputs/{JOB.upper()}/a.png",
        f"inputs/{JOB}/../x",
        f"inputs/{JOB}/",
        f"jobs/{JOB}/status.json",
        f"inputs/{JOB}/a\x00b",
    ],
)
def test_foreign_and_unsafe_keys_are_nobodys_job(world: World, key: str) -> None:
    assert world.logic.handle(s3_event(key)) == 0
    assert world.published.messages == []


def test_other_buckets_removals_and_the_test_event_are_ignored(world: World) -> None:
    key = keys.input_key(JOB, "a.png")
    removed = {**s3_record(key), "eventName": "ObjectRemoved:Delete"}
    assert world.logic.handle(s3_event(key, bucket="other")) == 0
    assert world.logic.handle({"Records": [removed]}) == 0
    assert world.logic.handle({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == 0
    assert world.published.messages == []


def test_one_failed_job_of_three_fails_the_event_after_the_others_went_out(world: World) -> None:
    event = s3_event(*(keys.request_key(job_id) for job_id in (JOB, OTHER, THIRD)))
    for job_id in (JOB, OTHER, THIRD):
        world.store.put(keys.request_key(job_id), request_json(job_id))
    world.desk.answer = lambda one: (500 if one.body["job_id"] == OTHER else 202, {})
    with pytest.raises(RecordsFailed) as failure:
        world.logic.handle(event)
    assert len(failure.value.failures) == 1
    assert OTHER in failure.value.failures[0]
    assert {one.body["job_id"] for one in world.desk.received} == {JOB, OTHER, THIRD}

    world.desk.answer = lambda _: (200, {"duplicate": True})
    assert world.logic.handle(event) == 3


def test_a_fault_of_ours_in_one_record_does_not_cost_the_others_their_turn(world: World) -> None:
    def explode(operation: str, key: str) -> None:
        if operation == "head" and OTHER in key:
            raise RuntimeError("a bug")

    world.store.put(keys.request_key(JOB), request_json(JOB))
    world.store.before = explode
    with pytest.raises(RecordsFailed, match="a bug"):
        world.logic.handle(s3_event(keys.request_key(OTHER), keys.request_key(JOB)))
    assert len(world.desk.received) == 1


def test_a_record_of_no_shape_fails_after_the_others(world: World) -> None:
    event = s3_event(keys.instructions_key(JOB))
    world.store.put(keys.instructions_key(JOB), b"blur")
    event["Records"] = [{"eventName": "ObjectCreated:Put"}, 7, *event["Records"]]
    with pytest.raises(RecordsFailed) as failure:
        world.logic.handle(event)
    assert len(failure.value.failures) == 2
    assert len(world.desk.received) == 1


@pytest.mark.parametrize("answer", [401, 404, 413, 422, 429, 500, 503, 302])
def test_any_other_answer_fails_the_record_and_says_so(world: World, answer: int) -> None:
    world.desk.answer = lambda _: (answer, {"error": {"message": "because"}})
    with pytest.raises(RecordsFailed, match=str(answer)):
        world.upload(keys.request_key(JOB), request_json(JOB))
    assert "not taking jobs" in world.status()["message"]
    assert len(world.desk.received) == 1


def test_a_desk_with_another_secret_refuses(world: World) -> None:
    world.desk.secret = "whsec_" + "B" * 32
    with pytest.raises(RecordsFailed, match="401"):
        world.upload(keys.request_key(JOB), request_json(JOB))
    assert world.desk.refused == 1


def test_nobody_listening_fails_the_record(world: World) -> None:
    world.with_url("http://127.0.0.1:1")
    with pytest.raises(RecordsFailed, match="did not answer"):
        world.upload(keys.request_key(JOB), request_json(JOB))


def test_without_any_desk_the_job_waits_and_says_so(world: World) -> None:
    world.with_url(None)
    world.upload(keys.request_key(JOB), request_json(JOB))
    assert world.status()["status"] == "accepted"
    assert "No GPU machine" in world.status()["message"]

    world.with_url(world.desk.url)
    world.logic.handle(s3_event(keys.request_key(JOB)))
    assert "No GPU machine" not in world.status()["message"]
    assert len(world.desk.received) == 1


def test_a_desk_that_is_faster_keeps_its_status(world: World) -> None:
    world.with_url(None)
    world.upload(keys.request_key(JOB), request_json(JOB))
    by_desk = json.dumps({"version": 1, "host_id": "desk-1", "status": "running"}).encode()

    puts = itertools.count(1)

    def desk_writes(operation: str, key: str) -> None:
        # the second put is the conditional one: the Lambda has read its own document by then
        if operation == "put" and next(puts) == 2:
            world.store.before = lambda _operation, _key: None
            world.store.put(key, by_desk)

    world.with_url(world.desk.url)
    world.store.before = desk_writes
    world.logic.handle(s3_event(keys.request_key(JOB)))
    assert world.status()["status"] == "running"


def test_a_fresh_registration_beats_the_configured_url(world: World) -> None:
    world.with_url("http://127.0.0.1:1")
    register(world.store, "desk-1", world.desk.url, soon(world.clock.now))
    world.store.put(keys.host_workflows_key("desk-1"), b"{}")
    world.upload(keys.request_key(JOB), request_json(JOB))
    assert len(world.desk.received) == 1


@pytest.mark.parametrize("kind", ["expired", "draining", "not accepting", "no tunnel", "garbage"])
def test_a_registration_that_takes_no_jobs_is_passed_over(world: World, kind: str) -> None:
    later = soon(world.clock.now)
    nowhere = "http://127.0.0.1:1"
    if kind == "expired":
        register(world.store, "desk-1", nowhere, world.clock.now - timedelta(seconds=1))
    elif kind == "draining":
        register(world.store, "desk-1", nowhere, later, state="draining")
    elif kind == "not accepting":
        register(world.store, "desk-1", nowhere, later, accepting=False)
    elif kind == "no tunnel":
        register(world.store, "desk-1", None, later)
    else:
        world.store.put(keys.host_key("desk-1"), b'{"version": 1, "webhook_url": 7')
    world.upload(keys.request_key(JOB), request_json(JOB))
    assert len(world.desk.received) == 1


def test_the_next_desk_is_tried_when_the_newest_is_gone(world: World) -> None:
    world.with_url(None)
    register(world.store, "gone", "http://127.0.0.1:1", soon(world.clock.now))
    older = soon(world.clock.now) - timedelta(seconds=20)
    register(world.store, "there", world.desk.url, older)
    world.upload(keys.request_key(JOB), request_json(JOB))
    assert len(world.desk.received) == 1


class TestChannels:
    def test_a_confirmed_user_gets_the_private_channel(self, world: World) -> None:
        world.store.put(keys.index_key("user:u1", JOB), b'{"version": 1}')
        world.upload(keys.request_key(JOB), request_json(JOB, user_id="u1"))
        assert world.published.messages[0].channel == f"private-job-{JOB}"

    def test_so_do_files_that_come_before_request_json(self, world: World) -> None:
        pointer = {"version": 1, "job_id": JOB, "owner_id": "user:u1"}
        world.store.put(keys.index_pointer_key(JOB), json.dumps(pointer).encode())
        world.store.put(keys.index_key("user:u1", JOB), b'{"version": 1}')
        world.upload(keys.input_key(JOB, "a.png"))
        assert world.published.messages[0].channel == f"private-job-{JOB}"

    def test_a_claim_that_the_index_does_not_know_does_not_count(self, world: World) -> None:
        pointer = {"version": 1, "job_id": JOB, "owner_id": "user:u1"}
        world.store.put(keys.index_pointer_key(JOB), json.dumps(pointer).encode())
        world.upload(keys.request_key(JOB), request_json(JOB, user_id="u1", client_id=CLIENT))
        assert world.published.messages[0].channel == f"job-{JOB}"


def test_a_publisher_that_is_down_keeps_no_job_from_the_desk(world: World) -> None:
    world.published.failure = PublishError("Pusher is down")
    with pytest.raises(RecordsFailed, match="Pusher is down"):
        world.upload(keys.request_key(JOB), request_json(JOB))
    assert len(world.desk.received) == 1


def test_a_store_that_is_away_fails_the_record(world: World) -> None:
    def away(operation: str, key: str) -> None:
        raise StoreUnavailable("The store is away.")

    world.store.before = away
    with pytest.raises(RecordsFailed, match="away"):
        world.logic.handle(s3_event(keys.request_key(JOB)))


def test_many_long_keys_are_cut_to_what_a_desk_takes(world: World) -> None:
    for index in range(1200):
        world.store.put(keys.input_key(JOB, f"{'ü' * 120}-{index:04}.png"), b"")
    world.upload(keys.request_key(JOB), request_json(JOB))
    (webhook,) = world.desk.received
    assert webhook.body["keys"][0] == keys.request_key(JOB)
    assert 500 < len(webhook.body["keys"]) < 1201
    assert len(json.dumps(webhook.body, ensure_ascii=False).encode()) <= 256 * 1024


def test_a_long_list_of_new_files_fits_the_event(world: World) -> None:
    names = [keys.input_key(JOB, f"{index:04}.png") for index in range(400)]
    world.logic.handle(s3_event(*names))
    (message,) = world.published.messages
    assert message.data["truncated"] is True
    assert len(json.dumps(message.data).encode()) < 11_000
