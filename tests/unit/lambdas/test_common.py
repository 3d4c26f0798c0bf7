"""The environment, the sender, Pusher over HTTP, and the desk reached from afar."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pusher.signature import sign as pusher_sign  # type: ignore[import-untyped]

from jigdesk.domain import keys
from jigdesk.domain.errors import PublishError, RequestError, SetupError
from jigdesk.domain.limits import PUBLIC
from jigdesk.ports import Message
from lambdas.common.delivery import Desks
from lambdas.common.env import read_environment
from lambdas.common.ports import WebhookUnreachable
from lambdas.common.pusher_rest import PusherRest, PusherSettings, SilentPublisher
from lambdas.common.sender import HttpWebhookSender, _retry_after
from lambdas.jobs_api.remote import RegisteredWorkflows, WebhookCommander
from tests.fakes.api_world import WORKFLOWS
from tests.fakes.lambda_parts import JOB, SECRET, register, soon
from tests.fakes.memory_store import MemoryStore, TickingClock
from tests.fakes.webhook_receiver import webhook_receiver
from tests.harness.waiting import PATIENCE_S


class TestEnvironment:
    def test_what_is_unset_or_empty_has_its_default(self) -> None:
        found = read_environment({"JIGDESK_PUSHER_KEY": "", "JIGDESK_WEBHOOK_URL": ""})
        assert (found.bucket, found.webhook_url, found.pusher) == ("jig-react", None, None)
        assert found.limits == PUBLIC
        assert isinstance(found.publisher(), SilentPublisher)
        with pytest.raises(SetupError, match="JIGDESK_WEBHOOK_SECRET"):
            found.sender()

    def test_everything_is_read(self) -> None:
        found = read_environment(
            {
                "JIGDESK_BUCKET": "b",
                "JIGDESK_WEBHOOK_URL": "https://a.example",
                "JIGDESK_WEBHOOK_SECRET": SECRET,
                "JIGDESK_PUSHER_APP_ID": "app",
                "JIGDESK_PUSHER_KEY": "k",
                "JIGDESK_PUSHER_SECRET": "s",
                "JIGDESK_PUSHER_CLUSTER": "eu",
                "JIGDESK_SUPABASE_URL": "https://x.supabase.co",
                "JIGDESK_LIMITS__OWNER_JOBS_PER_DAY": "7",
                "JIGDESK_LIMITS__FILE_BYTES": "0",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_REGION": "eu-central-1",
            }
        )
        assert found.pusher == PusherSettings("app", "k", "s", "api-eu.pusher.com", 443, ssl=True)
        assert (found.limits.owner.jobs_per_day, found.limits.file_bytes) == (7, 0)
        assert (found.endpoint_url, found.region) == ("http://127.0.0.1:9", "eu-central-1")
        assert SECRET not in repr(found)
        assert "secret='s'" not in repr(found)

    def test_a_host_of_ones_own_beats_the_cluster(self) -> None:
        found = read_environment(
            {
                "JIGDESK_PUSHER_APP_ID": "1",
                "JIGDESK_PUSHER_KEY": "k",
                "JIGDESK_PUSHER_SECRET": "s",
                "JIGDESK_PUSHER_HOST": "127.0.0.1",
                "JIGDESK_PUSHER_PORT": "6001",
                "JIGDESK_PUSHER_SSL": "false",
            }
        )
        assert found.pusher == PusherSettings("1", "k", "s", "127.0.0.1", 6001, ssl=False)

    @pytest.mark.parametrize(
        ("variables", "name"),
        [
            ({"JIGDESK_WEBHOOK_URL": "a.example"}, "JIGDESK_WEBHOOK_URL"),
            ({"JIGDESK_PUSHER_KEY": "k"}, "JIGDESK_PUSHER_KEY"),
            ({"JIGDESK_LIMITS__FILE_BYTES": "-1"}, "JIGDESK_LIMITS__FILE_BYTES"),
        ],
    )
    def test_a_bad_variable_is_named(self, variables: dict[str, str], name: str) -> None:
        with pytest.raises(SetupError) as failure:
            read_environment(variables)
        assert failure.value.field == name

    @pytest.mark.parametrize(
        ("name", "value"), [("SSL", "perhaps"), ("PORT", "x"), ("PORT", "0"), ("PORT", "70000")]
    )
    def test_a_bad_pusher_variable_is_named(self, name: str, value: str) -> None:
        pusher = {f"JIGDESK_PUSHER_{each}": "1" for each in ("APP_ID", "KEY", "SECRET")}
        with pytest.raises(SetupError, match=f"JIGDESK_PUSHER_{name}"):
            read_environment({**pusher, f"JIGDESK_PUSHER_{name}": value})

    def test_a_secret_that_is_not_one_is_not_said(self) -> None:
        with pytest.raises(SetupError) as failure:
            read_environment({"JIGDESK_WEBHOOK_SECRET": "hunter2!"}).sender()
        assert "hunter2" not in str(failure.value)


class TestSender:
    def test_a_redirect_is_an_answer_and_not_followed(self) -> None:
        with webhook_receiver(SECRET) as desk:
            desk.answer = lambda _: (302, {})
            sender = HttpWebhookSender(SECRET)
            assert sender.send(f"{desk.url}/webhooks/job-created", "a-1", b"{}").status == 302
            assert len(desk.received) == 1

    def test_retry_after_is_read(self) -> None:
        with webhook_receiver(SECRET) as desk:
            desk.answer = lambda _: (503, {})
            answer = HttpWebhookSender(SECRET).send(f"{desk.url}/x", "a-1", b"{}")
            assert (answer.status, answer.retry_after_s) == (503, 7)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [(None, None), ("soon", None), (" 7 ", 7), ("86400", 3600), ("9" * 5_000, 3600)],
    )
    def test_retry_after_is_bounded(self, header: str | None, seconds: int | None) -> None:
        assert _retry_after(header) == seconds

    def test_a_listener_that_never_answers_is_given_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
            with pytest.raises(WebhookUnreachable, match="did not answer"):
                HttpWebhookSender(SECRET, timeout_s=0.2).send(url, "a-1", b"{}")

    def test_what_does_not_speak_http_is_unreachable(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"SSH-2.0-x\r\n\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
            with pytest.raises(WebhookUnreachable):
                HttpWebhookSender(SECRET, timeout_s=PATIENCE_S).send(url, "a-1", b"{}")
            thread.join()


@contextmanager
def _pusher_server(status: int = 200) -> Iterator[tuple[PusherSettings, list[dict[str, Any]]]]:
    """Takes batches whose signature is the one that Pusher's own SDK computes."""
    batches: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, strict_parsing=True))
            signature = query.pop("auth_signature")
            plain = "&".join(f"{name}={query[name]}" for name in sorted(query))
            good = signature == pusher_sign("ps", f"POST\n{parts.path}\n{plain}")
            digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
            answer = status if good and digest == query["body_md5"] else 401
            if answer == 200:
                batches.append(json.loads(body))
            self.send_response(answer)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    port = server.server_address[1]
    try:
        yield PusherSettings("app-1", "pk", "ps", "127.0.0.1", port, ssl=False), batches
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestPusher:
    def test_batches_keep_their_order_and_size(self) -> None:
        with _pusher_server() as (settings, batches):
            messages = [
                Message(f"job-{JOB}", "job:inputs", {"seq": n, "x": "ü"}) for n in range(23)
            ]
            PusherRest(settings).publish(messages)
            assert [len(batch["batch"]) for batch in batches] == [10, 10, 3]
            events = [event for batch in batches for event in batch["batch"]]
            assert [json.loads(event["data"])["seq"] for event in events] == list(range(23))
            assert {(event["channel"], event["name"]) for event in events} == {
                (f"job-{JOB}", "job:inputs")
            }

    def test_a_refusal_is_said_without_the_secret(self) -> None:
        with _pusher_server() as (settings, _):
            wrong = PusherSettings(
                "app-1", "pk", "wrong-secret", settings.host, settings.port, False
            )
            with pytest.raises(PublishError, match="401") as failure:
                PusherRest(wrong).publish([Message("c", "e", {})])
            assert "wrong-secret" not in str(failure.value)

    def test_nobody_listening_is_a_publish_error(self) -> None:
        settings = PusherSettings("1", "k", "s", "127.0.0.1", 1, ssl=False)
        with pytest.raises(PublishError, match="did not answer"):
            PusherRest(settings).publish([Message("c", "e", {})])

    def test_the_servers_check_can_fail(self) -> None:
        assert pusher_sign("ps", "a") == hmac.new(b"ps", b"a", hashlib.sha256).hexdigest()


class TestRemote:
    @pytest.fixture
    def clock(self) -> TickingClock:
        return TickingClock()

    @pytest.fixture
    def store(self, clock: TickingClock) -> MemoryStore:
        return MemoryStore(clock)

    def _desks(self, store: MemoryStore, clock: TickingClock, url: str | None = None) -> Desks:
        return Desks(
            store, HttpWebhookSender(SECRET, timeout_s=PATIENCE_S), fallback_url=url, clock=clock
        )

    def _offer(self, store: MemoryStore, host_id: str, *names: str, title: str = "") -> None:
        items = [{**WORKFLOWS[0], "name": name, "title": title or name} for name in names]
        document = {"version": 1, "workflows": [*items, {"name": "../x"}, 7]}
        store.put(keys.host_workflows_key(host_id), json.dumps(document).encode())

    def test_workflows_of_all_fresh_desks_once_each(
        self, store: MemoryStore, clock: TickingClock
    ) -> None:
        later = soon(clock.now)
        register(store, "old", None, later, accepting=False)
        clock.forward(seconds=5)
        register(store, "new", "https://a.example", soon(clock.now))
        register(store, "bad", "https://a.example", soon(clock.now))
        register(store, "gone", "https://a.example", clock.now)
        self._offer(store, "old", "blur", "invert", title="old")
        self._offer(store, "new", "blur", title="new")
        self._offer(store, "gone", "animate")
        store.put(keys.host_workflows_key("bad"), b"{")
        found = RegisteredWorkflows(store, self._desks(store, clock))()
        assert [(item["name"], item["title"]) for item in found] == [
            ("blur", "new"),
            ("invert", "old"),
        ]

    def test_while_no_desk_is_there_the_last_offer_stands(
        self, store: MemoryStore, clock: TickingClock
    ) -> None:
        workflows = RegisteredWorkflows(store, self._desks(store, clock))
        assert workflows() == []
        register(store, "gone", "https://a.example", clock.now)
        self._offer(store, "gone", "blur")
        clock.forward(seconds=5)
        self._offer(store, "stopped", "blur", "invert", title="last")
        assert [(item["name"], item["title"]) for item in workflows()] == [
            ("blur", "last"),
            ("invert", "last"),
        ]

    def test_a_command_goes_to_the_jobs_own_desk(
        self, store: MemoryStore, clock: TickingClock
    ) -> None:
        with webhook_receiver(SECRET) as desk:
            desk.answer = lambda _: (202, {"status": "cancelled"})
            register(store, "desk-1", desk.url, soon(clock.now), accepting=False)
            status = json.dumps({"version": 1, "host_id": "desk-1"}).encode()
            store.put(keys.status_key(JOB), status)
            commander = WebhookCommander(self._desks(store, clock), clock)
            assert commander.cancel(JOB) == "cancelled"
            commander.retry(JOB)
            first, second = desk.received
            assert (first.path, first.body["command"]) == ("/webhooks/job-command", "cancel")
            assert second.body["command"] == "retry"
            assert first.webhook_id != second.webhook_id

    @pytest.mark.parametrize(
        ("answer", "status", "code"),
        [(404, 409, "not_accepted"), (409, 409, "not_possible"), (503, 503, "desk_unavailable")],
    )
    def test_what_the_desk_refuses_is_said(
        self, store: MemoryStore, clock: TickingClock, answer: int, status: int, code: str
    ) -> None:
        with webhook_receiver(SECRET) as desk:
            desk.answer = lambda _: (answer, {})
            with pytest.raises(RequestError) as failure:
                WebhookCommander(self._desks(store, clock, desk.url), clock).retry(JOB)
            assert (failure.value.status, failure.value.code) == (status, code)

    def test_without_any_desk_the_caller_is_asked_to_come_back(
        self, store: MemoryStore, clock: TickingClock
    ) -> None:
        with pytest.raises(RequestError) as failure:
            WebhookCommander(self._desks(store, clock), clock).cancel(JOB)
        assert (failure.value.status, failure.value.retry_after_s) == (503, 10)
