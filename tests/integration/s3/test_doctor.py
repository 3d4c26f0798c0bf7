"""What the health and the doctor say of a real S3 server, and of one that is set up wrongly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jigdesk.adapters.store.s3_client import open_s3
from jigdesk.adapters.store.threaded import ThreadedStore
from jigdesk.app.health import Health
from jigdesk.app.store_checks import clock_check, cors_check, store_check, urls_check
from jigdesk.domain.check import Check
from jigdesk.domain.clock import utc_now
from tests.harness.serving import command, environment
from tests.integration.s3.cloud import Bucket
from tests.integration.s3.conftest import S3Desk, s3_env
from tests.realparts.seaweedfs import Seaweed

SITE = "https://www.example.com"


@pytest.fixture
def store(seaweed: Seaweed) -> Iterator[ThreadedStore]:
    made = open_s3(
        bucket=seaweed.bucket,
        region=seaweed.region,
        endpoint_url=seaweed.endpoint_url,
        access_key_id=seaweed.access_key_id,
        secret_access_key=seaweed.secret_access_key,
    )
    threaded = ThreadedStore(made)
    yield threaded
    asyncio.run(threaded.close())
    made.close()


def _doctor(home: Path, env: Mapping[str, str]) -> tuple[int, dict[str, dict[str, Any]]]:
    home.mkdir(exist_ok=True)
    ended = command(home, "doctor", "--json", env=environment(home, env))
    said = json.loads(ended.stdout)
    assert "Traceback" not in ended.stderr
    return ended.returncode, {one["name"]: one for one in said["checks"]}


async def test_a_running_desk_checks_all_of_it(s3: S3Desk, bucket: Bucket) -> None:
    core = s3.desk.core
    await core.engine.ready()
    async with s3.desk.browser.http.get(
        f"{core.local_url}/control/health",
        headers={"Authorization": f"Bearer {core.control_token}"},
    ) as answer:
        checks = {one["name"]: one for one in (await answer.json())["checks"]}
    assert {"engine", "store", "urls", "cors", "clock", "disk", "memory", "queue", "outbox"} <= set(
        checks
    )
    for name in ("store", "urls", "cors", "clock"):
        assert checks[name]["level"] == "ok", checks[name]
    assert bucket.keys(f"hosts/{core.host_id}/") <= {f"hosts/{core.host_id}/workflows.json"}


def test_the_doctor_opens_the_store_when_no_desk_runs(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket
) -> None:
    env = {**s3_env(seaweed), "JIGDESK_SERVER__ALLOWED_ORIGINS": json.dumps([SITE])}
    code, checks = _doctor(tmp_path / "home", env)
    for name in ("desk", "store", "urls", "cors", "clock"):
        assert checks[name]["level"] == "ok", checks[name]
    assert SITE in checks["cors"]["message"]
    assert code == 0
    assert bucket.keys() == set()  # nothing is left behind


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"JIGDESK_STORE__SECRET_ACCESS_KEY": "wrong"}, "secret access key"),
        ({"JIGDESK_STORE__ACCESS_KEY_ID": "NOBODY"}, "access key id"),
        ({"JIGDESK_STORE__ENDPOINT_URL": "http://127.0.0.1:1"}, "cannot be reached"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_store(
    tmp_path: Path, seaweed: Seaweed, changed: dict[str, str], says: str
) -> None:
    env = {**s3_env(seaweed), **changed}
    code, checks = _doctor(tmp_path / "home", env)
    assert code == 1
    assert checks["store"]["level"] == "error"
    assert says in checks["store"]["message"]
    assert checks["store"]["remedy"]
    text = json.dumps(checks)
    assert env["JIGDESK_STORE__SECRET_ACCESS_KEY"] not in text.replace("wrong with", "")


async def _answer(check: Any) -> Check:
    health = Health()
    health.add("x", check)
    return (await health.look())[0]


async def test_a_site_that_may_not_use_the_bucket(
    store: ThreadedStore, bucket: Bucket, seaweed: Seaweed
) -> None:
    def allow(origin: str, *methods: str) -> None:
        rule = {
            "AllowedMethods": list(methods),
            "AllowedOrigins": [origin],
            "AllowedHeaders": ["*"],
        }
        bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [rule]})

    try:
        allow("https://other.example", "GET", "PUT")
        found = await _answer(cors_check(store, "desk-1", (SITE,)))
        assert found.level == "error"
        assert SITE in found.message
        assert "CORS" in found.remedy
        allow(SITE, "GET", "PUT")
        assert (await _answer(cors_check(store, "desk-1", (SITE,)))).level == "ok"
    finally:
        allow("*", "GET", "HEAD", "PUT")


@pytest.mark.parametrize(
    ("ahead_s", "level", "says"),
    [
        (0, "ok", "agrees"),
        (-60, "warning", "behind"),
        (60, "warning", "ahead of"),
        (-600, "error", "behind"),
        (600, "error", "ahead of"),
    ],
)
async def test_a_clock_that_is_wrong(
    store: ThreadedStore, ahead_s: int, level: str, says: str
) -> None:
    clock = clock_check(store, "desk-1", lambda: utc_now() + timedelta(seconds=ahead_s))
    found = await _answer(clock)
    assert (found.level, says in found.message) == (level, True), found


async def test_many_looks_at_once_do_not_disturb_each_other(
    store: ThreadedStore, bucket: Bucket
) -> None:
    check = store_check(store, "desk-1")
    answers = await asyncio.gather(*(check() for _ in range(8)))
    assert {answer.level for answer in answers} == {"ok"}
    assert (await urls_check(store, "desk-1")()).level == "ok"
    assert bucket.keys() == set()
