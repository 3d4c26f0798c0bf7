from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.errors import RequestError
from jigdesk.domain.watching import watching_document
from tests.fakes.api_world import ApiWorld, api_world, token_for
from tests.fakes.lambda_parts import CLIENT, JOB, OTHER

BEFORE_TIME = base64.urlsafe_b64encode(f"0001-01-01T00:00:00+14:00|{JOB}".encode()).decode()
"""A cursor whose time is before the year 1 in UTC."""


@pytest.fixture
def world() -> Iterator[ApiWorld]:
    with api_world() as made:
        yield made


def test_a_job_answers_from_its_201_on(world: ApiWorld) -> None:
    job_id = world.create().data["job_id"]
    answer = world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT)
    assert answer.status == 200
    assert (answer.data["status"], answer.data["seq"], answer.data["files"]) == (None, 0, [])
    assert answer.data["job_id"] == job_id
    assert answer.data["channel"] == f"job-{job_id}"
    assert answer.headers["cache-control"] == "no-store"


def test_the_fields_of_status_stand_flat(world: ApiWorld) -> None:
    job_id = world.create().data["job_id"]
    world.write_status(job_id, status="running", seq=7, progress=0.5, secret="not shown")
    data = world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT).data
    assert (data["status"], data["seq"], data["progress"]) == ("running", 7, 0.5)
    assert "secret" not in data


@pytest.mark.parametrize("job_id", [JOB, "x", JOB.upper(), "..", "%2e%2e"])
def test_a_job_that_is_not_there_is_a_404(world: ApiWorld, job_id: str) -> None:
    assert world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT).error[:2] == (404, "not_found")


def test_somebody_elses_job_looks_like_none(world: ApiWorld) -> None:
    anonymous = world.create().data["job_id"]
    users = world.create(token=token_for("u1")).data["job_id"]
    for job_id, who in [
        (anonymous, {"client_id": "client-9999"}),
        (anonymous, {"token": token_for("u1")}),
        (users, {"client_id": CLIENT}),
        (users, {"token": token_for("u2")}),
    ]:
        for method, path in [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")]:
            answer = world.ask(method, f"/api/jobs/{job_id}{path}", **who)
            assert answer.error[:2] == (404, "not_found")
    assert world.commands.asked == []
    assert world.ask("GET", f"/api/jobs/{users}", token=token_for("u1")).status == 200


def test_a_claimed_client_id_stands_and_a_claimed_user_does_not(world: ApiWorld) -> None:
    def claim(job_id: str, **claims: object) -> None:
        body = json.dumps({"version": 1, "task": "blur", **claims}).encode()
        world.store.put(keys.request_key(job_id), body)

    def shown(job_id: str, **who: str) -> int:
        return world.ask("GET", f"/api/jobs/{job_id}", **who).status

    claim(JOB, client_id=CLIENT, user_id="u1")
    world.write_status(JOB, status="completed", attempt=1)
    assert shown(JOB, client_id=CLIENT) == 200
    assert shown(JOB, client_id="client-9999") == 404
    assert shown(JOB, token=token_for("u1")) == 404
    assert world.ask("GET", "/api/jobs", client_id=CLIENT).data["items"] == []
    users = world.create(token=token_for("u1")).data["job_id"]
    for claims in ({}, {"user_id": "u1"}, {"user_id": "u2"}):
        claim(users, client_id=CLIENT, **claims)
        assert shown(users, client_id=CLIENT) == 404, "a signed-in user has it"
    for body in (b"[", b"[]", b"\xff", b"{}", b" " * (1024 * 1024 + 1)):
        world.store.put(keys.request_key(JOB), body)
        assert shown(JOB, client_id=CLIENT) == 404


def test_no_identity_is_a_400_and_a_bad_token_a_401(world: ApiWorld) -> None:
    assert world.ask("GET", "/api/jobs").error == (400, "bad_client_id", "client_id")
    answer = world.ask("GET", "/api/jobs", token="x.y.z", client_id=CLIENT)
    assert answer.error[:2] == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


class TestList:
    def _make(self, world: ApiWorld, count: int) -> list[str]:
        made = []
        for index in range(count):
            made.append(world.create().data["job_id"])
            if index % 3 == 2:  # some share a moment, as S3's whole seconds make them
                world.clock.forward(seconds=1)
        return made

    def test_newest_first_each_once_over_all_pages(self, world: ApiWorld) -> None:
        made = self._make(world, 11)
        world.create(client_id="client-9999")
        seen: list[dict[str, Any]] = []
        query = {"client_id": CLIENT, "limit": "4"}
        while True:
            data = world.ask("GET", "/api/jobs", **query).data
            seen += data["items"]
            if data["next_cursor"] is None:
                break
            query["cursor"] = data["next_cursor"]
        assert sorted(item["job_id"] for item in seen) == sorted(made)
        times = [item["created_at"] for item in seen]
        assert times == sorted(times, reverse=True)

    def test_each_has_its_own_status(self, world: ApiWorld) -> None:
        first, second = self._make(world, 2)
        world.write_status(second, status="completed", seq=12)
        items = world.ask("GET", "/api/jobs", client_id=CLIENT).data["items"]
        found = {item["job_id"]: (item["status"], item["seq"]) for item in items}
        assert found == {first: (None, 0), second: ("completed", 12)}

    def test_a_job_that_comes_meanwhile_moves_no_page(self, world: ApiWorld) -> None:
        made = self._make(world, 6)
        one = world.ask("GET", "/api/jobs", client_id=CLIENT, limit="3").data
        world.clock.forward(seconds=5)
        self._make(world, 1)
        two = world.ask(
            "GET", "/api/jobs", client_id=CLIENT, limit="3", cursor=one["next_cursor"]
        ).data
        seen = [item["job_id"] for item in one["items"] + two["items"]]
        assert sorted(seen) == sorted(made)
        assert two["next_cursor"] is None

    @pytest.mark.parametrize(
        "limit",
        ["0", "101", "-1", "x", "1.5", "٣", "9" * 5000, "0000000101000", "00000001" + "0" * 5000],
    )
    def test_a_bad_limit_is_a_400(self, world: ApiWorld, limit: str) -> None:
        answer = world.ask("GET", "/api/jobs", client_id=CLIENT, limit=limit)
        assert answer.error == (400, "bad_limit", "limit")

    @pytest.mark.parametrize("cursor", ["!", "AAAA", "eHw3", "é", BEFORE_TIME])
    def test_a_bad_cursor_is_a_400(self, world: ApiWorld, cursor: str) -> None:
        answer = world.ask("GET", "/api/jobs", client_id=CLIENT, cursor=cursor)
        assert answer.error == (400, "bad_cursor", "cursor")


class TestFiles:
    def _output(self, job_id: str, attempt: int, *files: dict[str, Any]) -> bytes:
        return json.dumps(
            {"version": 1, "job_id": job_id, "attempt": attempt, "files": list(files)}
        ).encode()

    def test_what_is_there_so_far_is_listed(self, world: ApiWorld) -> None:
        job_id = world.create().data["job_id"]
        world.write_status(job_id, status="running", attempt=1)
        for key in (
            keys.output_key(job_id, "soften", "a.png"),
            keys.output_key(job_id, "soften", "b.webm"),
            keys.output_key(job_id, "mesh", "c.glb"),
            keys.output_json_key(job_id),
            keys.error_json_key(job_id),
        ):
            world.store.put(key, b"{}")
        files = world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT).data["files"]
        assert [(file["stage"], file["kind"]) for file in files] == [
            ("mesh", "model3d"),
            ("soften", "image"),
            ("soften", "video"),
        ]
        assert all(file["url"].endswith(f"{file['key']}?get=3600") for file in files)

    def test_a_completed_job_shows_what_output_json_says(self, world: ApiWorld) -> None:
        job_id = world.create().data["job_id"]
        world.write_status(job_id, status="completed", attempt=2)
        file = {
            "key": keys.output_key(job_id, "soften", "a.png"),
            "stage": "soften",
            "kind": "image",
            "width": 4,
            "thumb_key": keys.job_key(job_id, "thumbs/a.webp"),
        }
        world.store.put(keys.output_json_key(job_id), self._output(job_id, 2, file))
        (shown,) = world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT).data["files"]
        assert (shown["kind"], shown["width"]) == ("image", 4)
        assert shown["thumb_url"].startswith(f"https://store.invalid/jobs/{job_id}/thumbs/a.webp?")

    def test_the_output_of_an_older_attempt_does_not_count(self, world: ApiWorld) -> None:
        job_id = world.create().data["job_id"]
        world.write_status(job_id, status="completed", attempt=2)
        old = {"key": keys.output_key(job_id, "soften", "old.png")}
        world.store.put(keys.output_json_key(job_id), self._output(job_id, 1, old))
        assert world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT).data["files"] == []

    def test_no_foreign_key_is_ever_signed(self, world: ApiWorld) -> None:
        job_id = world.create().data["job_id"]
        world.write_status(job_id, status="completed", attempt=1)
        own = keys.output_key(job_id, "soften", "a.png")
        hostile: list[dict[str, Any]] = [
            {"key": keys.output_key(OTHER, "soften", "a.png")},
            {"key": f"outputs/{job_id}/soften/../../{OTHER}/s/a.png"},
            {"key": keys.request_key(job_id)},
            {"key": keys.output_json_key(job_id)},
            {"key": 7},
            {"key": own, "thumb_key": f"jobs/{OTHER}/thumbs/x"},
            {"key": own, "thumb_key": f"jobs/{job_id}/thumbs/../state.json"},
        ]
        world.store.put(keys.output_json_key(job_id), self._output(job_id, 1, *hostile))
        files = world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT).data["files"]
        assert [file["key"] for file in files] == [own, own]
        assert not any("thumb_url" in file for file in files)


class TestTicket:
    def test_it_lets_its_owner_follow_its_job_for_a_while(self, world: ApiWorld) -> None:
        job_id = world.create(token=token_for("u1")).data["job_id"]
        data = world.ask("GET", f"/api/jobs/{job_id}", token=token_for("u1")).data
        ticket = data["ticket"]
        assert world.api.authorise(job_id, {"ticket": ticket}, {}) == "user:u1"

        world.clock.forward(seconds=599)
        assert world.api.authorise(job_id, {"ticket": ticket}, {}) == "user:u1"
        world.clock.forward(seconds=1)
        assert self._refused(world, job_id, ticket) == 401

    def test_it_opens_no_other_job_and_no_change_survives(self, world: ApiWorld) -> None:
        job_id = world.create(token=token_for("u1")).data["job_id"]
        ticket = world.ask("GET", f"/api/jobs/{job_id}", token=token_for("u1")).data["ticket"]
        assert self._refused(world, JOB, ticket) == 401
        assert self._refused(world, "nonsense", ticket) == 404
        expires, owner, proof = ticket.split(".")
        for changed in (
            f"{int(expires) + 1}.{owner}.{proof}",
            f"{expires}.user:u2.{proof}",
            f"{expires}.{owner}.{proof[:-1]}{'0' if proof[-1] != '0' else '1'}",
            f"{expires}.{owner}",
            f"{expires}.{owner}.{proof}.x",
            "",
            "..",
            "é.é.é",
            "9" * 9000,
            f"{'9' * 100}.{owner}.{proof}",
        ):
            assert self._refused(world, job_id, changed) == 401

    def test_without_one_the_callers_identity_counts(self, world: ApiWorld) -> None:
        job_id = world.create().data["job_id"]
        assert world.api.authorise(job_id, {"client_id": CLIENT}, {}) == f"client:{CLIENT}"
        with pytest.raises(RequestError) as failure:
            world.api.authorise(job_id, {"client_id": "client-9999"}, {})
        assert failure.value.status == 404

    def _refused(self, world: ApiWorld, job_id: str, ticket: str) -> int:
        with pytest.raises(RequestError) as failure:
            world.api.authorise(job_id, {"ticket": ticket}, {})
        return failure.value.status


def test_workflows_are_told_as_they_are(world: ApiWorld) -> None:
    data = world.ask("GET", "/api/workflows").data
    assert [item["name"] for item in data["items"]] == ["blur", "invert"]
    assert data["items"][0]["params"]["properties"]["radius"]["maximum"] == 31
    assert data["next_cursor"] is None


def test_commands_reach_the_desk(world: ApiWorld) -> None:
    job_id = world.create().data["job_id"]
    answer = world.ask("POST", f"/api/jobs/{job_id}/cancel", client_id=CLIENT)
    assert (answer.status, answer.data) == (202, {"job_id": job_id, "status": "cancelled"})
    answer = world.ask("POST", f"/api/jobs/{job_id}/retry", {"client_id": CLIENT})
    assert answer.data["status"] == "accepted"
    assert world.commands.asked == [("cancel", job_id), ("retry", job_id)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/api/jobs", 405),
        ("PUT", f"/api/jobs/{JOB}", 405),
        ("GET", f"/api/jobs/{JOB}/cancel", 405),
        ("GET", "/api/pusher/auth", 405),
        ("GET", "/api", 404),
        ("GET", "/", 404),
        ("GET", f"/api/jobs/{JOB}/explode", 404),
        ("GET", "/events/x", 404),
    ],
)
def test_other_routes_and_methods(world: ApiWorld, method: str, path: str, status: int) -> None:
    answer = world.ask(method, path)
    assert answer.status == status
    assert ("allow" in answer.headers) == (status == 405)


class TestPreview:
    """The store alone carries it: the desk's picture one way, that somebody looks the other."""

    def _running(self, world: ApiWorld) -> str:
        job_id = str(world.create().data["job_id"])
        world.write_status(job_id, status="running", seq=3)
        return job_id

    def _ask(self, world: ApiWorld, job_id: str) -> Any:
        answer = world.ask("GET", f"/api/jobs/{job_id}", client_id=CLIENT)
        assert answer.status == 200
        return answer.data

    def _mark(self, world: ApiWorld, job_id: str) -> Any:
        return json.loads(world.store.get(keys.watching_key(job_id), 4096)[0])["asked_at"]

    def _desk_marks(self, world: ApiWorld, job_id: str) -> None:
        world.store.put(keys.watching_key(job_id), json.dumps(watching_document(job_id)).encode())

    def test_a_running_jobs_picture_is_signed(self, world: ApiWorld) -> None:
        job_id = self._running(world)
        assert self._ask(world, job_id)["preview_url"] is None
        world.store.put(keys.preview_key(job_id), b"jpeg", "image/jpeg")
        data = self._ask(world, job_id)
        assert data["preview_url"].startswith(f"https://store.invalid/jobs/{job_id}/preview.jpg?")
        assert data["preview_at"] == "2026-03-01T12:00:00.000Z"
        world.write_status(job_id, status="uploading", seq=4)
        data = self._ask(world, job_id)
        assert (data["preview_url"], data["preview_at"]) == (None, None)

    def test_that_somebody_looks_is_noted_at_most_every_ten_seconds(self, world: ApiWorld) -> None:
        job_id = self._running(world)
        self._desk_marks(world, job_id)
        puts: list[str] = []
        world.store.before = lambda operation, key: puts.append(key) if operation == "put" else None
        noted = []
        for _ in range(26):
            self._ask(world, job_id)
            noted.append(self._mark(world, job_id))
            world.clock.forward(seconds=1)
        assert puts == [keys.watching_key(job_id)] * 3
        assert sorted(set(noted)) == [f"2026-03-01T12:00:{s:02}.000Z" for s in (0, 10, 20)]

    def test_a_clock_that_was_ahead_does_not_hold_it_up(self, world: ApiWorld) -> None:
        job_id = self._running(world)
        self._desk_marks(world, job_id)
        world.clock.forward(hours=1)
        self._ask(world, job_id)
        world.clock.forward(hours=-1)
        self._ask(world, job_id)
        assert self._mark(world, job_id) == "2026-03-01T12:00:00.000Z"

    def test_without_the_desks_mark_nothing_is_written(self, world: ApiWorld) -> None:
        job_id = self._running(world)
        before = world.store.all_keys()
        self._ask(world, job_id)
        assert world.store.all_keys() == before

    @pytest.mark.parametrize("status", ["queued", "uploading", "completed", "failed"])
    def test_a_job_that_does_not_run_costs_nothing(self, world: ApiWorld, status: str) -> None:
        job_id = self._running(world)
        self._desk_marks(world, job_id)
        world.write_status(job_id, status=status, seq=9)
        asked: list[str] = []
        world.store.before = lambda _, key: asked.append(key)
        self._ask(world, job_id)
        assert not {keys.watching_key(job_id), keys.preview_key(job_id)} & set(asked)

    def test_a_mark_that_goes_meanwhile_does_not_come_back(self, world: ApiWorld) -> None:
        job_id = self._running(world)
        self._desk_marks(world, job_id)
        key = keys.watching_key(job_id)

        def ends(operation: str, at: str) -> None:
            if (operation, at) == ("put", key):
                world.store.before = lambda _operation, _key: None
                world.store.delete([key])

        world.store.before = ends
        self._ask(world, job_id)
        assert key not in world.store.all_keys()

    @pytest.mark.parametrize("body", [b"no JSON", b'{"version": 7}', b"x" * 5000])
    def test_a_strange_mark_costs_no_answer(self, world: ApiWorld, body: bytes) -> None:
        job_id = self._running(world)
        world.store.put(keys.watching_key(job_id), body)
        self._ask(world, job_id)

    def test_another_owners_look_is_none(self, world: ApiWorld) -> None:
        job_id = self._running(world)
        self._desk_marks(world, job_id)
        assert world.ask("GET", f"/api/jobs/{job_id}", client_id="client-9999").status == 404
        assert self._mark(world, job_id) is None
