from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from jigdesk.domain.signature import secret_key, sign
from tests.fakes.lambda_parts import SECRET

_JSON = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=4)


@given(document=_JSON)
def test_the_library_verifies_what_we_sign(document: dict[str, object]) -> None:
    body = json.dumps(document, ensure_ascii=True).encode()
    headers = sign(SECRET, "created-1", int(datetime.now(UTC).timestamp()), body)
    assert Webhook(SECRET).verify(body, headers) == document


@given(data=st.text(st.characters(codec="utf-8"), max_size=200), seconds=st.integers(0, 2**33))
def test_the_signature_is_the_librarys_own(data: str, seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    theirs = Webhook(SECRET).sign("id_1", moment, data)
    assert sign(SECRET, "id_1", seconds, data.encode())["webhook-signature"] == theirs


@pytest.mark.parametrize("webhook_id", ["", "a.b", "ü"])
def test_an_id_that_would_blur_what_is_signed_is_refused(webhook_id: str) -> None:
    with pytest.raises(ValueError, match="webhook id"):
        sign(SECRET, webhook_id, 1, b"{}")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_a"])
def test_a_bad_secret_is_refused_without_being_said(secret: str) -> None:
    with pytest.raises(ValueError, match="base64") as failure:
        secret_key(secret)
    assert "!!!" not in str(failure.value)
