"""ngrok's errors as sentences."""

from __future__ import annotations

import pytest

from jigdesk.adapters.tunnel.ngrok_errors import error_code, is_of_the_account, translate


@pytest.mark.parametrize(
    ("text", "code", "word", "is_lasting"),
    [
        ("authentication failed: nope\n\nERR_NGROK_105\n", "ERR_NGROK_105", "token", True),
        ("Your account is limited … ERR_NGROK_108", "ERR_NGROK_108", "as many agents", True),
        ("Invalid metadata length … ERR_NGROK_100", "ERR_NGROK_100", "metadata", True),
        ("ERR_NGROK_103", "ERR_NGROK_103", "suspended", True),
        ("an ngrok v1 authtoken … ERR_NGROK_106", "ERR_NGROK_106", "first version", True),
        ("until the email is verified ERR_NGROK_123", "ERR_NGROK_123", "verified", True),
        ("reserved for another account ERR_NGROK_320", "ERR_NGROK_320", "another", True),
        ("ERR_NGROK_3200", "ERR_NGROK_3200", "offline", False),
        ("ERR_NGROK_734", "ERR_NGROK_734", "at once", False),
        ("ERR_NGROK_731", "ERR_NGROK_731", "in a month", True),
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


@pytest.mark.parametrize(
    ("code", "is_limit"),
    [
        ("ERR_NGROK_107", True),
        ("ERR_NGROK_338", True),
        ("ERR_NGROK_702", True),
        ("ERR_NGROK_734", True),
        ("ERR_NGROK_725", True),
        ("ERR_NGROK_727", True),
        ("ERR_NGROK_708", False),  # an address that expired: another agent has another one
        ("ERR_NGROK_724", False),
        ("ERR_NGROK_3200", False),
        ("ERR_NGROK_8012", False),
        (None, False),
    ],
)
def test_what_no_other_agent_changes(code: str | None, is_limit: bool) -> None:
    assert is_of_the_account(code) is is_limit
