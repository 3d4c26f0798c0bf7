"""Logs: nothing secret gets into them."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest

from jigdesk.domain.errors import SetupError
from jigdesk.logs import _SHAPES, BLACK, Redactor, logging_to
from jigdesk.settings import load_settings
from tests.harness.cost import assert_linear

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
        ("GET /?x=own%2Fsecret%3Dtext&y=1", "own%2Fsecret%3Dtext", "&y=1"),
        # what custom nodes and their libraries print
        ("using hf_abcdefghijklmnopqrstuv for it", "abcdefghijklmnop", "for it"),
        ("HF_TOKEN=hf_abcdefghijklmnopqrstuv", "abcdefghijklmnop", "HF_TOKEN"),
        ("key sk-1234567890abcdef used", "1234567890abcdef", "used"),
        ("sk-proj-AbCd_efgh-ijkl0mnop: quota", "efgh-ijkl", "quota"),
        (
            "clone https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/x",
            "16C7e42F",
            "com/x",
        ),
        ("github_pat_11ABCDEFG0_abcdefghijklmnop!", "11ABCDEFG0", "!"),
        ("key=AIzaSyA-1234567890_abcdefghijklmnopqrs", "SyA-123456", "key="),
        ("api_key=sk-1234567890abcdef", "1234567890", "api_key="),
        ("{'apikey': 'abcdefgh123', 'n': 3}", "abcdefgh123", "'n': 3"),
        ('{\\"api_key\\": \\"abcdefgh123\\"}', "abcdefgh123", "api_key"),
        ("GET /models?apiKey=abcdefgh123&limit=5", "abcdefgh123", "&limit=5"),
        ("X-Api-Key: abcdefgh123", "abcdefgh123", "X-Api-Key"),
        ("x-auth-token: abcdefgh123", "abcdefgh123", "x-auth-token"),
        ("https://civitai.com/api/download/models/1?token=abc123def&type=x", "abc123def", "type=x"),
        ("CIVITAI_TOKEN=abc123def456 set", "abc123def456", "set"),
        ('{"civitai_token": "abc123def456", "n": 3}', "abc123def456", '"n": 3'),
        ("comfy --set-civitai-api-token abc123def456 launch", "abc123def456", "launch"),
        ("Authorization: Token abc123def456 end", "abc123def456", "end"),
        ("Cookie: session=abcdefgh; theme=dark", "abcdefgh", "Cookie"),
        ('set-cookie: id="a b"; Path=/; HttpOnly', "a b", "set-cookie"),
        ("{'Cookie': 'session=abcdefgh; x=1', 'Host': 'h'}", "abcdefgh", "'Host': 'h'"),
        ("[('Set-Cookie', 'session=abcdefgh'), ('Host', 'h')]", "abcdefgh", "('Host', 'h')"),
        ("cookies={'session': 'abcdefgh'}", "abcdefgh", "cookies="),
        ("https://user:hunter22@host/x?y=1", "hunter22", "https://user:"),
        ("postgres://a:b12345@h", "b12345", "@h"),
        ("proxy http://:hunter22@host:3128", "hunter22", "@host:3128"),
        ("passwd: hunter22", "hunter22", "passwd"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAK\n-----END RSA", "MIIEpAIBAAK", "END RSA"),
    ],
)
def test_what_looks_secret_goes_and_the_rest_stays(text: str, gone: str, kept: str) -> None:
    redacted = Redactor(["own-secret-text", "own/secret=text", "abc"])(text)
    assert gone not in redacted
    assert BLACK in redacted
    assert kept in redacted


@pytest.mark.parametrize(
    "line",
    [
        "job 7d1f0c3e-0000-4000-8000-0000000000e2: upscale 40 % (3 of 5 nodes)",
        "prompt_id=8b7c6f0a-1b1e-5c3e-9d3e-0123456789ab ended",
        "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "key=outputs/7d1f0c3e-0000-4000-8000-0000000000e2/blur/result_00001_.png",
        "loading hf_realistic_vision_v51.safetensors and sk-style-of-a-long-file-name.ckpt",
        "disk-usage1234567890123456 task-0123456789abcdefg.png risk-0123456789abcdef",
        "the cookies.txt of cookie_monster_v2.safetensors, secret_sauce.pt, api_key_node.py",
        "max_tokens=77, tokens: 77, tokenizer.json, KeyError: 'token', Invalid token: x",
        "To see the GUI go to: http://127.0.0.1:8188/prompt (user@example.com)",
        "ssh://git@github.com/x and http://[::1]:8188/ws?clientId=0123456789abcdef0123456789abcdef",
        "comfy --secret --token --api-key",
    ],
)
def test_a_plain_line_stays_as_it_is(line: str) -> None:
    assert Redactor(["hunter2222"])(line) == line


@pytest.mark.parametrize(
    "piece",
    [
        "a", " ", "-", "--", "sk-", "sk-a", "hf_", "_sk-", "://", "://:", "://a:b", "cookie",
        "cookie ", "cookie:", "cookie'", "set-cookie' ", "api_key", "api_key ", "secret\t", "eyJ.",
        "eyJ", "eyJa.", "--token", "--a", "token='", "token' ", "authorization: a ", "bearer ",
        "authorization:", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "\\'", "@", ":a", "whsec_",
    ],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    redact = Redactor(["hunter2222"])
    words = " ".join(word for words, _ in _SHAPES for word in words)  # no pattern is spared
    assert_linear(lambda size: redact(piece * (size // len(piece)) + f"\n{words}"), 20_000)


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
