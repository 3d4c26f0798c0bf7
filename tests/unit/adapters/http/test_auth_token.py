"""Secrets that the desk draws: once, for nobody else's eyes."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from jigdesk.adapters.http.auth_token import (
    CONTROL_TOKEN,
    WEBHOOK_SECRET,
    control_token,
    webhook_secret,
)
from jigdesk.domain.errors import SetupError
from jigdesk.domain.signature import secret_key

posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def test_drawn_once_and_kept(tmp_path: Path) -> None:
    home = tmp_path / "state"
    token, secret = control_token(home), webhook_secret(home)
    assert (control_token(home), webhook_secret(home)) == (token, secret)
    assert len(token) >= 43
    assert len(secret_key(secret)) == 32
    assert control_token(tmp_path / "other") != token


@posix
@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_mode_is_0600_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        control_token(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / CONTROL_TOKEN).stat().st_mode) == 0o600


@posix
def test_a_wide_mode_is_narrowed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = control_token(tmp_path)
    file = tmp_path / CONTROL_TOKEN
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert control_token(tmp_path) == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "0600" in caplog.text
    assert token not in caplog.text


@posix
def test_a_link_or_a_pipe_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("x" * 40)
    (tmp_path / CONTROL_TOKEN).symlink_to(target)
    with pytest.raises(SetupError):
        control_token(tmp_path)
    os.mkfifo(tmp_path / WEBHOOK_SECRET)
    with pytest.raises(SetupError, match="plain file"):
        webhook_secret(tmp_path)


def test_an_empty_file_of_a_broken_start_is_filled(tmp_path: Path) -> None:
    (tmp_path / CONTROL_TOKEN).touch(mode=0o600)
    assert len(control_token(tmp_path)) >= 43


@pytest.mark.parametrize("text", ["short", "with blanks " * 8, "é" * 40])
def test_a_damaged_token_is_named_and_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / CONTROL_TOKEN).write_text(text)
    with pytest.raises(SetupError, match=CONTROL_TOKEN):
        control_token(tmp_path)
    assert (tmp_path / CONTROL_TOKEN).read_text() == text


@pytest.mark.parametrize("text", ["whsec_AAAA", "whsec_!!", "A" * 44])
def test_a_weak_webhook_secret_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / WEBHOOK_SECRET).write_text(text)
    with pytest.raises(SetupError, match=WEBHOOK_SECRET):
        webhook_secret(tmp_path)
