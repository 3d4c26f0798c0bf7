"""A signature counts when it is ours, fresh and over these very bytes; nothing else does."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from standardwebhooks import Webhook

from jigdesk.adapters.http.signature import check_webhook_id, prove_signature
from jigdesk.domain.errors import RequestError
from jigdesk.domain.signature import sign
from tests.fakes.http_desk import OLD_SECRET, SECRET

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
BODY = b'{"version":1}'


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


def signed(secret: str = SECRET, body: bytes = BODY, stamp: int = STAMP) -> dict[str, str]:
    return sign(secret, "msg_1", stamp, body)


def prove(given: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    return prove_signature(headers(*given.items()), body, [SECRET, OLD_SECRET], now)


def test_what_the_library_signs_is_proven() -> None:
    signature = Webhook(SECRET).sign("msg_1", NOW, BODY.decode())
    assert (
        prove(
            {
                "webhook-id": "msg_1",
                "webhook-timestamp": str(STAMP),
                "webhook-signature": signature,
            }
        )
        == "msg_1"
    )


def test_what_the_desk_signs_the_library_takes() -> None:
    now = datetime.now(UTC)
    own = sign(SECRET, "msg_1", int(now.timestamp()), BODY)
    assert Webhook(SECRET).verify(BODY, own) == {"version": 1}


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_both_secrets_count_during_a_rotation(secret: str) -> None:
    assert prove(signed(secret)) == "msg_1"


@given(body=st.binary(max_size=200))
def test_any_bytes_can_be_signed_and_one_flipped_bit_tells(body: bytes) -> None:
    mine = signed(body=body)
    assert prove(mine, body) == "msg_1"
    with pytest.raises(RequestError) as refused:
        prove(mine, body + b"\0")
    assert refused.value.status == 401


def test_one_good_signature_among_bad_ones_is_enough() -> None:
    good = signed()["webhook-signature"]
    words = f"nocomma v1, v1,%%% v1a,{good[3:]} v2,x,y v1,AAAA {good}"
    assert prove(signed() | {"webhook-signature": words}) == "msg_1"


GOOD = signed()["webhook-signature"]
DIGEST = GOOD[3:]
WRONG = {
    "no id": {"webhook-id": ""},
    "no time": {"webhook-timestamp": ""},
    "no signature": {"webhook-signature": ""},
    "another id": {"webhook-id": "msg_2"},
    "id not ascii": {"webhook-id": "msg_\udcff"},
    "another time": {"webhook-timestamp": str(STAMP + 1)},
    "time in words": {"webhook-timestamp": "noon"},
    "time as a float": {"webhook-timestamp": f"{STAMP}.0"},
    "time as an exponent": {"webhook-timestamp": "1e9"},
    "time not a number": {"webhook-timestamp": "nan"},
    "time without end": {"webhook-timestamp": "9" * 400},
    "time negative": {"webhook-timestamp": f"-{STAMP}"},
    "time with blanks": {"webhook-timestamp": f" {STAMP}"},
    "time in other digits": {"webhook-timestamp": "١٧٧٢٣٦٦٤٠٠"},
    "no comma": {"webhook-signature": DIGEST},
    "only a version": {"webhook-signature": "v1,"},
    "not base64": {"webhook-signature": "v1,!!!!"},
    "base64 with noise": {"webhook-signature": f"v1,{DIGEST[:10]}*{DIGEST[10:]}"},
    "not ascii": {"webhook-signature": "v1,ééé"},
    "another version": {"webhook-signature": f"v2,{DIGEST}"},
    "upper case version": {"webhook-signature": f"V1,{DIGEST}"},
    "two commas": {"webhook-signature": f"v1,{DIGEST},"},
    "half of it": {
        "webhook-signature": f"v1,{base64.b64encode(base64.b64decode(DIGEST)[:16]).decode()}"
    },
    "zeroes": {"webhook-signature": f"v1,{base64.b64encode(bytes(32)).decode()}"},
    "another secret": sign("whsec_" + base64.b64encode(b"x" * 32).decode(), "msg_1", STAMP, BODY),
    "blanks only": {"webhook-signature": "   "},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_every_wrong_way_is_a_401(wrong: dict[str, str]) -> None:
    with pytest.raises(RequestError) as refused:
        prove(signed() | wrong)
    assert (refused.value.status, refused.value.code) == (401, "bad_signature")
    assert SECRET not in refused.value.message


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_or_stands_twice_is_a_401(name: str) -> None:
    mine = signed()
    without = [pair for pair in mine.items() if pair[0] != name]
    for pairs in (without, [*mine.items(), (name, mine[name])]):
        with pytest.raises(RequestError) as refused:
            prove_signature(headers(*pairs), BODY, [SECRET], NOW)
        assert refused.value.status == 401
        assert name in refused.value.message


@pytest.mark.parametrize(
    ("seconds", "fresh"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_five_minutes_either_way(seconds: int, fresh: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    if fresh:
        assert prove(signed(), now=now) == "msg_1"
    else:
        with pytest.raises(RequestError) as refused:
            prove(signed(), now=now)
        assert refused.value.status == 401


@pytest.mark.parametrize(
    "webhook_id", ["m", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "a/b:c-1", "x" * 128]
)
def test_ids_that_can_be_kept(webhook_id: str) -> None:
    assert check_webhook_id(webhook_id) == webhook_id


@pytest.mark.parametrize("webhook_id", ["", "x" * 129, "a b", "a.b", "é", "a\x7f"])
def test_ids_that_cannot_be_kept(webhook_id: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_webhook_id(webhook_id)
    assert refused.value.status == 422
