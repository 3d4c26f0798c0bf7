"""Settings that are not in force are tried beside a desk that runs, which stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from jigdesk.app.trial import Part, try_part
from jigdesk.domain.check import Check
from jigdesk.settings.draft import Draft, Origin, survey
from tests.fakes.ngrok_program import fake_ngrok
from tests.integration.desk.conftest import Desk

TOKEN = "2abcDEFghiJKLmnoPQRstu"


async def tried(
    desk: Desk, part: Part, secrets: dict[str, str | None] | None = None, **values: str
) -> Sequence[Check]:
    """Try a part with these keys of its section over what the desk has."""
    draft = Draft({f"{part.value}.{key}": text for key, text in values.items()}, secrets or {})
    found = survey(Origin({"JIGDESK_HOME": str(desk.home)}), draft)
    assert found.settings is not None, found.problems
    return await try_part(desk.core, part, found.settings)


async def test_a_local_store_is_written_and_read_and_left_clean(desk: Desk) -> None:
    before = {path for path in desk.bucket.rglob("*") if path.is_file()}
    (check,) = await tried(desk, Part.STORE)
    assert (check.name, check.level) == ("store", "ok")
    left = {path for path in desk.bucket.rglob("*") if path.is_file()} - before
    assert not [path for path in left if "trial" in path.as_posix()]


async def test_a_store_that_is_not_there_is_said_with_what_to_do(desk: Desk) -> None:
    checks = await tried(
        desk,
        Part.STORE,
        {"store.secret_access_key": "a-secret-key"},
        kind="s3",
        endpoint_url="http://127.0.0.1:1",
        region="eu-central-1",
        access_key_id="somebody",
    )
    store = next(check for check in checks if check.name == "store")
    assert store.level == "error"
    assert store.remedy
    assert "a-secret-key" not in repr(checks)


async def test_a_publisher_that_is_not_there_is_said(desk: Desk) -> None:
    (check,) = await tried(
        desk,
        Part.PUBLISHER,
        {"publisher.secret": "hunter2222"},
        kind="pusher",
        app_id="1",
        key="k",
        host="127.0.0.1",
        port="1",
        ssl="false",
    )
    assert (check.level, "cannot be reached" in check.message) == ("error", True)
    assert "publisher.host" in check.remedy
    (check,) = await tried(desk, Part.PUBLISHER)
    assert check.level == "ok"


async def test_an_address_is_proved_to_reach_this_very_desk(desk: Desk) -> None:
    (check,) = await tried(desk, Part.TUNNEL, kind="static", public_url=desk.core.public_url_local)
    assert (check.level, "reaches this desk" in check.message) == ("ok", True)
    (check,) = await tried(desk, Part.TUNNEL, kind="static", public_url=desk.core.local_url)
    assert (check.level, "somebody else" in check.message) == ("error", True)
    (check,) = await tried(desk, Part.TUNNEL, kind="static", public_url="http://127.0.0.1:1")
    assert (check.level, "did not answer" in check.message) == ("error", True)


@pytest.mark.parametrize(
    ("told", "level", "says"),
    [
        ({}, "ok", "reaches this desk"),
        ({"refusal": "authentication failed ERR_NGROK_105"}, "error", "ngrok"),
    ],
)
async def test_ngrok_is_opened_for_a_moment(
    desk: Desk, tmp_path: Path, told: dict[str, str], level: str, says: str
) -> None:
    program = fake_ngrok(tmp_path / "bin", version=3, **told)
    (check,) = await tried(
        desk, Part.TUNNEL, {"tunnel.authtoken": TOKEN}, kind="ngrok", ngrok_path=str(program)
    )
    assert (check.level, says in check.message) == (level, True), check
    assert not (desk.home / "state" / "trial").exists()
    assert desk.core.tunnel.public_url is None


async def test_an_engine_s_folder_is_looked_at(desk: Desk, tmp_path: Path) -> None:
    (check,) = await tried(desk, Part.COMFYUI)
    assert check.level == "ok"
    (check,) = await tried(desk, Part.COMFYUI, kind="managed", path=str(tmp_path))
    assert check.level == "error"
    assert str(tmp_path) in check.message
