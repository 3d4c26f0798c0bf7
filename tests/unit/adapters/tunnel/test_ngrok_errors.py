"""ngrok's errors as sentences."""

from __future__ import annotations

import pytest

from jigdesk.adapters.tunnel.ngrok_errors import error_code, translate


@pytest.mark.parametrize(
    ("text", "code", "word", "is_lasting"),
    [
        ("authentication failed: nope\n\nERR_NGROK_105\n", "ERR_NGROK_105", "token", True),
        ("Your account is limited … ERR_NGROK_108", "ERR_NGROK_108", "as many agents", True),
        ("ERR_NGROK_3200", "ERR_NGROK_3200", "offline", False),
        ("something new: ERR_NGROK_123456", "ERR_NGROK_123456", "something new", True),
        (
            "dial tcp: lookup tunnel.us.ngrok.com on 10.0.0.1:53: no such host",
            None,
            "reached",
            False,
        ),
        ("a riddle", None, "a riddle", False),
        (None, None, "did not say why", False),
    ],
)
def test_each_is_a_sentence(
    text: str | None, code: str | None, word: str, is_lasting: bool
) -> None:
    failure = translate(text)
    assert failure.code == code == error_code(text)
    assert word in failure.message
    assert failure.is_lasting is is_lasting
    if is_lasting:
        assert failure.remedy


def test_a_long_text_is_cut_and_a_token_blacked_out() -> None:
    failure = translate("no: t0ken-of-mine " + "x" * 5000, "t0ken-of-mine")
    assert "t0ken" not in failure.message
    assert len(failure.message) < 400
