from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from jigdesk.domain.errors import StoreUnavailable
from jigdesk.domain.limits import Limits, Quota
from tests.fakes.api_world import PHOTO, api_world, token_for


def test_open_jobs_of_an_owner_are_held_to_the_limit() -> None:
    with api_world(Limits(owner=Quota(open_jobs=2))) as world:
        first = world.create().data["job_id"]
        world.clock.forward(minutes=1)
        assert world.create().status == 201
        refused = world.create()
        assert refused.error[:2] == (429, "too_many_open_jobs")
        assert refused.headers["retry-after"] == "60"
        assert world.create(client_id="client-9999").status == 201

        world.write_status(first, status="completed")
        assert world.create().status == 201


def test_a_refused_job_leaves_nothing_behind() -> None:
    with api_world(Limits(owner=Quota(jobs_per_day=1), address=Quota(jobs_per_day=9))) as world:
        world.create()
        before = world.store.all_keys()
        assert world.create().error[:2] == (429, "too_many_jobs")
        assert world.store.all_keys() == before


def test_a_job_that_never_came_is_open_for_a_day() -> None:
    with api_world(Limits(owner=Quota(open_jobs=1))) as world:
        world.create()
        world.clock.forward(hours=23)
        assert world.create().status == 429
        world.clock.forward(hours=2)
        assert world.create().status == 201


def test_an_accepted_job_stays_open_until_it_ends() -> None:
    with api_world(Limits(owner=Quota(open_jobs=1))) as world:
        job_id = world.create().data["job_id"]
        world.write_status(job_id, status="queued")
        world.clock.forward(hours=50)
        assert world.create().status == 429
        world.write_status(job_id, status="failed")
        assert world.create().status == 201


def test_jobs_and_bytes_are_counted_over_24_hours() -> None:
    with api_world(Limits(owner=Quota(jobs_per_day=3, bytes_per_day=10))) as world:
        assert world.create(files=[{**PHOTO, "size_bytes": 6}]).status == 201
        world.clock.forward(hours=12)
        assert world.create(files=[{**PHOTO, "size_bytes": 5}]).error[1] == "too_many_bytes"
        assert world.create(files=[{**PHOTO, "size_bytes": 4}]).status == 201
        assert world.create(files=[{**PHOTO, "size_bytes": 0}]).status == 201
        assert world.create(files=[{**PHOTO, "size_bytes": 0}]).error[1] == "too_many_jobs"
        world.clock.forward(hours=13)
        assert world.create(files=[{**PHOTO, "size_bytes": 6}]).status == 201


def test_fresh_client_ids_do_not_get_around_the_address() -> None:
    with api_world(Limits(address=Quota(jobs_per_day=2))) as world:
        assert world.create(client_id="client-0001").status == 201
        assert world.create(client_id="client-0002", source="203.0.113.7").status == 201
        assert world.create(client_id="client-0003").status == 429
        assert world.create(client_id=None, token=token_for("u1")).status == 429
        assert world.create(client_id="client-0003", source="203.0.113.8").status == 201


def test_one_site_is_one_address_and_no_address_is_kept_in_the_clear() -> None:
    with api_world(Limits(address=Quota(jobs_per_day=1))) as world:
        assert world.create(source="2001:db8:1:2::1").status == 201
        assert world.create(source="2001:db8:1:2:ffff::9").status == 429
        kept = [key.encode() + world.store.get(key, 10_000)[0] for key in world.store.all_keys()]
        assert not any(b"2001:db8" in each for each in kept)


def test_many_requests_at_once_never_pass_the_limit() -> None:
    with api_world(Limits(owner=Quota(jobs_per_day=5))) as world, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: world.create().status, range(24)))
        assert statuses.count(201) <= 5
        assert set(statuses) <= {201, 429}
        jobs = [key for key in world.store.all_keys() if "/by-client/" in key]
        assert len(jobs) == statuses.count(201)


def test_a_job_that_could_not_be_written_down_is_not_counted() -> None:
    with api_world(Limits(owner=Quota(jobs_per_day=1))) as world:

        def away(operation: str, key: str) -> None:
            if operation == "put" and "/by-client/" in key:
                raise StoreUnavailable("away")

        world.store.before = away
        assert world.create().status == 503
        world.store.before = lambda _operation, _key: None
        assert world.create().status == 201


def test_nothing_is_counted_while_limits_are_off() -> None:
    with api_world() as world:
        world.create()
        assert not any("usage" in key for key in world.store.all_keys())
        assert json.loads(world.store.get(world.store.all_keys()[0], 10_000)[0])["size_bytes"] == 3
