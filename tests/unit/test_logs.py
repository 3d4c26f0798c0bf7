"""Logs: nothing secret gets into them."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest

from jigdesk.domain.errors import SetupError
from jigdesk.logs import BLACK, Redactor, logging_to
from jigdesk.settings import load_settings

WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("text", "gone", "kept"),
    [
        (f"secret is {WEBHOOK_SECRET}.", WEBHOOK_SECRET, "secret is"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi", "Authorization"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz", "Authorization"),
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE", "used"),
        ("GET /a?X-Amz-Signature=0badc0de&x=1", "0badc0de", "&x=1"),
        ("/files/a.png?expires=1&sig=deadbeef00 HTTP/1.1", "deadbeef00", "expires=1"),
        ("/events/1?ticket=abcdef&last=2", "abcdef", "last=2"),
        ("auth_signature=0011aabb&auth_key=k", "0011aabb", "auth_key=k"),
        ("jwt eyJhbGciOi.eyJzdWIi.c2ln end", "eyJzdWIi", "end"),
        (
            "webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
            "K5oZfzN",
            "webhook",
        ),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI", "aws_secret"),
        ("the configured one: own-secret-text", "own-secret-text", "configured"),
    ],
)
def test_what_looks_secret_goes_and_the_rest_stays(text: str, gone: str, kept: str) -> None:
    redacted = Redactor(["own-secret-text", "abc"])(text)
    assert gone not in redacted
    assert BLACK in redacted
    assert kept in redacted


def test_a_plain_line_stays_as_it_is() -> None:
    line = "job 7d1f0c3e-0000-4000-8000-0000000000e2: upscale 40 % (3 of 5 nodes)"
    assert Redactor(["hunter2222"])(line) == line


def test_the_log_holds_no_secret_and_no_traceback_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"JIGDESK_HOME": str(tmp_path), "JIGDESK_SERVER__WEBHOOK_SECRET": WEBHOOK_SECRET}
    settings = load_settings(env)
    log = logging.getLogger("jigdesk.example")
    with logging_to(settings) as redact:
        log.info("configured %s", WEBHOOK_SECRET)
        redact.add(["drawn-later-secret"])
        try:
            int("drawn-later-secret")
        except ValueError:
            log.exception("it failed")
    written = settings.paths.log_file.read_text()
    for text in (written, capsys.readouterr().err):
        assert "configured [redacted]" in text
        assert "ValueError: invalid literal for int() with base 10: '[redacted]'" in text
        assert WEBHOOK_SECRET not in text
        assert "drawn-later-secret" not in text


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("botocore").level)
    with logging_to(load_settings({"JIGDESK_HOME": str(tmp_path)}), verbose=True):
        assert root.level == logging.DEBUG
    assert (list(root.handlers), root.level, logging.getLogger("botocore").level) == before


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with (
        pytest.raises(SetupError, match="cannot be written"),
        logging_to(load_settings({"JIGDESK_HOME": str(tmp_path)})),
    ):
        pass
