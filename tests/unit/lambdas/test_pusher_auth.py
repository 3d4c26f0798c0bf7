from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pusher  # type: ignore[import-untyped]
import pytest

from tests.fakes.api_world import ApiWorld, api_world, token_for
from tests.fakes.lambda_parts import CLIENT, JOB


@pytest.fixture
def world() -> Iterator[ApiWorld]:
    with api_world() as made:
        yield made


def _form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def test_the_owner_gets_the_signature_that_the_sdk_makes(world: ApiWorld) -> None:
    job_id = world.create(token=token_for("u1")).data["job_id"]
    channel = f"private-job-{job_id}"
    body = _form(socket_id="123.456", channel_name=channel)
    answer = world.ask("POST", "/api/pusher/auth", body, token=token_for("u1"))
    sdk = pusher.Pusher(app_id="1", key="pk", secret="ps")
    assert (answer.status, answer.data) == (200, sdk.authenticate(channel, "123.456"))


def test_nobody_else_does(world: ApiWorld) -> None:
    job_id = world.create(token=token_for("u1")).data["job_id"]
    body = _form(socket_id="1.2", channel_name=f"private-job-{job_id}", client_id=CLIENT)
    assert world.ask("POST", "/api/pusher/auth", body, token=token_for("u2")).status == 404
    assert world.ask("POST", "/api/pusher/auth", body).status == 404
    nobody = _form(socket_id="1.2", channel_name=f"private-job-{job_id}")
    assert world.ask("POST", "/api/pusher/auth", nobody).status == 400


@pytest.mark.parametrize(
    "channel", ["", f"job-{JOB}", f"presence-job-{JOB}", f"private-job-{JOB}", "private-job-*"]
)
def test_no_other_channel_is_signed(world: ApiWorld, channel: str) -> None:
    body = _form(socket_id="1.2", channel_name=channel, client_id=CLIENT)
    assert world.ask("POST", "/api/pusher/auth", body).status == 404


@pytest.mark.parametrize(
    "socket_id", ["", "1", "1.2:private-job-x", "a.b", "1.2\n", "\u0661.\u0662"]
)
def test_a_socket_id_that_would_blur_what_is_signed_is_refused(
    world: ApiWorld, socket_id: str
) -> None:
    body = _form(socket_id=socket_id, channel_name=f"private-job-{JOB}", client_id=CLIENT)
    assert world.ask("POST", "/api/pusher/auth", body).error[0] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff", 400),
        (b"socket_id=%ff", 400),
        (b"socket_id=1.2&socket_id=1.3", 400),
        (b"&".join(b"a%d=1" % index for index in range(50)), 400),
        (b"x" * 5000, 413),
    ],
)
def test_a_bad_form_is_refused(world: ApiWorld, body: bytes, status: int) -> None:
    assert world.ask("POST", "/api/pusher/auth", body).status == status
