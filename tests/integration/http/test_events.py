"""Event streams over real sockets from a real journal: replay, live, and every way to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jigdesk.adapters.http.events import PAGE, StreamTimes
from jigdesk.domain.changes import Change
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import MAX_DATA_BYTES, EventDraft
from jigdesk.domain.job import JobStatus
from tests.fakes.http_desk import JOB_ID, HttpDesk, Wishes, http_desk
from tests.harness.waiting import PATIENCE_S

OTHER = "7d1f0c3e-0000-4000-8000-0000000000e3"


@dataclass(frozen=True)
class Heard:
    """One event as a browser gets it."""

    name: str
    id: int
    data: dict[str, Any]


class Reader:
    """Reads a stream event by event; comments are counted."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.comments = 0

    async def next(self) -> Heard | None:
        """The next event; None when the stream ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.answer.content.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                elif fields:
                    return Heard(fields["event"], int(fields["id"]), json.loads(fields["data"]))
        return None

    async def rest(self) -> list[Heard]:
        """Every event until the stream ends."""
        found = []
        while (event := await self.next()) is not None:
            found.append(event)
        return found


@asynccontextmanager
async def listening(
    client: aiohttp.ClientSession, desk: HttpDesk, query: str = "", job_id: str = JOB_ID, **kw: Any
) -> AsyncIterator[Reader]:
    async with client.get(f"{desk.local.url}/events/{job_id}{query}", **kw) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield Reader(answer)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for sends no signal
            await asyncio.sleep(0.005)


async def finish(desk: HttpDesk, job_id: str = JOB_ID) -> None:
    """Walk a job to completed."""
    for status in ("preparing", "queued", "running", "uploading", "confirming"):
        await desk.journal.apply(job_id, Change(to=JobStatus(status)))
    data = {"files": [{"key": "outputs/a.png", "kind": "image"}]}
    drafts = (EventDraft("job:completed", data), EventDraft("job_done", data))
    await desk.journal.apply(job_id, Change(to=JobStatus.COMPLETED, events=drafts))


async def test_replays_then_follows_then_ends(
    desk: HttpDesk, web_client: aiohttp.ClientSession
) -> None:
    await desk.accept()
    async with listening(web_client, desk, "?client_id=browser-1") as reader:
        first = await reader.next()
        assert first is not None
        assert first.name == "job:accepted"
        assert first.data == {
            "job_id": JOB_ID,
            "seq": first.id,
            "status": "accepted",
            "position": 1,
        }
        await desk.emit("job:new_files", key="outputs/a.png", stage="blur")
        live = await reader.next()
        assert live is not None
        assert (live.name, live.data["url"]) == ("job:new_files", "https://cdn.example/x")
        await finish(desk)
        assert [event.name for event in await reader.rest()] == ["job:completed", "job_done"]
        assert live.id > first.id
    await until(lambda: desk.hub.open_streams == 0)


async def test_a_job_that_nobody_accepted_yet_gets_its_head_at_once(
    desk: HttpDesk, web_client: aiohttp.ClientSession
) -> None:
    async with listening(web_client, desk) as reader:
        await desk.journal.record_event(JOB_ID, EventDraft("job:inputs", {"keys_changed": ["k"]}))
        heard = await reader.next()
        assert heard is not None
        assert heard.name == "job:inputs"
        await desk.accept()
        assert (await reader.next()) is not None


@pytest.mark.parametrize("way", ["header", "query", "both"])
async def test_a_reader_that_comes_back_misses_and_repeats_nothing(
    desk: HttpDesk, web_client: aiohttp.ClientSession, way: str
) -> None:
    await desk.accept()
    for number in range(3):
        await desk.emit("job:new_files", stage=f"s{number}")
    await finish(desk)
    async with listening(web_client, desk) as reader:
        whole = await reader.rest()
    last = str(whole[1].id)
    query = {"header": "", "query": f"?last_event_id={last}", "both": "?last_event_id=0"}[way]
    headers = {} if way == "query" else {"Last-Event-ID": last}
    async with listening(web_client, desk, query, headers=headers) as reader:
        assert await reader.rest() == whole[2:]
    async with listening(web_client, desk, "?last_event_id=0") as reader:
        assert await reader.rest() == whole
    url = f"{desk.local.url}/events/{JOB_ID}?last_event_id={whole[-1].id}"
    async with web_client.get(url) as answer:
        assert answer.status == 204  # an EventSource stops asking


async def test_a_long_history_comes_whole_and_in_order(
    desk: HttpDesk, web_client: aiohttp.ClientSession
) -> None:
    await desk.accept()
    drafts = tuple(EventDraft("job:new_files", {"stage": f"s{n}"}) for n in range(3 * PAGE))
    await desk.journal.apply(JOB_ID, Change(events=drafts))
    await desk.fail()
    async with listening(web_client, desk) as reader:
        heard = await reader.rest()
    ids = [event.id for event in heard]
    assert ids == sorted(set(ids))
    assert len(ids) == 3 * PAGE + 3


async def test_the_end_of_an_old_attempt_ends_nothing_while_a_new_one_runs(
    desk: HttpDesk, web_client: aiohttp.ClientSession
) -> None:
    await desk.accept()
    await desk.fail()
    again = (EventDraft("job:accepted", {"status": "accepted", "position": 1}),)
    change = Change(to=JobStatus.ACCEPTED, new_attempt=True, events=again)
    await desk.journal.apply(JOB_ID, change)
    async with listening(web_client, desk) as reader:
        names = [event.name for _ in range(4) if (event := await reader.next())]
        assert names == ["job:accepted", "job:failed", "job_error", "job:accepted"]
        await finish(desk)
        assert [event.name for event in await reader.rest()] == ["job:completed", "job_done"]


async def test_other_jobs_wake_nobody_and_leak_nothing(
    desk: HttpDesk, web_client: aiohttp.ClientSession
) -> None:
    await desk.accept()
    await desk.accept(OTHER)
    async with (
        listening(web_client, desk) as mine,
        listening(web_client, desk, job_id=OTHER) as theirs,
    ):
        await desk.emit("job:new_files", stage="mine")
        await desk.fail()
        await finish(desk, OTHER)
        heard = [*await mine.rest(), *await theirs.rest()]
    assert {event.data["job_id"] for event in heard[:4]} == {JOB_ID}
    assert {event.data["job_id"] for event in heard[4:]} == {OTHER}


async def test_silence_is_broken_by_comments(
    tmp_path: Path, web_client: aiohttp.ClientSession
) -> None:
    async with http_desk(tmp_path, Wishes(times=StreamTimes(ping_s=0.05))) as desk:
        await desk.accept()
        async with listening(web_client, desk) as reader:
            assert await reader.next() is not None
            reading = asyncio.create_task(reader.next())
            await until(lambda: reader.comments >= 3)
            await desk.fail()
            heard = await reading
            assert heard is not None
            assert heard.name == "job:failed"


async def test_what_is_too_large_is_cut_and_says_so(
    desk: HttpDesk, web_client: aiohttp.ClientSession
) -> None:
    await desk.accept()
    files = [{"key": f"outputs/{n:03}" + "é" * 100, "kind": "image"} for n in range(200)]
    await desk.emit("job:new_files", stage="blur", new_files=files)
    await desk.fail()
    async with listening(web_client, desk) as reader:
        cut = (await reader.rest())[1]
    assert cut.data["truncated"] is True
    assert 0 < len(cut.data["new_files"]) < 200
    assert len(json.dumps(cut.data, ensure_ascii=False).encode()) < MAX_DATA_BYTES * 1.1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{JOB_ID}?client_id=somebody-else", 404),
        (f"{OTHER}", 401),
        ("not-a-job", 404),
        (JOB_ID.upper(), 404),
        (f"{JOB_ID}?last_event_id=-1", 400),
        (f"{JOB_ID}?last_event_id=x", 400),
        (f"{JOB_ID}?last_event_id=" + "9" * 30, 400),
        (f"{JOB_ID}?ticket=a&ticket=b", 400),
    ],
)
async def test_who_and_what_is_refused(
    desk: HttpDesk, web_client: aiohttp.ClientSession, path: str, status: int
) -> None:
    desk.refused[OTHER] = RequestError(401, "bad_ticket", "The ticket is too old.")
    async with web_client.get(f"{desk.local.url}/events/{path}") as answer:
        assert answer.status == status
        assert (await answer.json())["error"]["code"]
    assert desk.hub.open_streams == 0


async def test_too_many_streams_are_refused_and_places_come_back(
    tmp_path: Path, web_client: aiohttp.ClientSession
) -> None:
    async with http_desk(tmp_path, Wishes(max_streams=3, max_per_job=2)) as desk:

        async def status(job_id: str) -> int:
            async with web_client.get(f"{desk.local.url}/events/{job_id}") as answer:
                return answer.status

        async with listening(web_client, desk), listening(web_client, desk):
            assert await status(JOB_ID) == 503
            async with listening(web_client, desk, job_id=OTHER):
                assert await status(OTHER) == 503
        # readers that went away are noticed without waiting for a ping
        await until(lambda: desk.hub.open_streams == 0)
        async with listening(web_client, desk):
            assert desk.hub.open_streams == 1


async def test_a_reader_that_stalls_is_dropped_and_holds_nothing(tmp_path: Path) -> None:
    times = StreamTimes(ping_s=60, send_s=1)
    async with http_desk(tmp_path, Wishes(times=times)) as desk:
        await desk.accept()
        # more than the kernel's buffers on both sides take
        drafts = tuple(EventDraft("job:new_files", {"stage": "x" * 9_000}) for _ in range(1_500))
        await desk.journal.apply(JOB_ID, Change(events=drafts))
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.local.port, limit=1024)
        writer.write(f"GET /events/{JOB_ID} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        await until(lambda: desk.hub.open_streams == 0)
        writer.transport.abort()


async def test_shutdown_ends_the_streams(tmp_path: Path, web_client: aiohttp.ClientSession) -> None:
    async with http_desk(tmp_path) as desk:
        await desk.accept()
        async with listening(web_client, desk) as reader:
            assert await reader.next() is not None
            async with asyncio.timeout(PATIENCE_S):
                await desk.local.stop()
            assert await reader.next() is None


async def test_a_render_that_fails_breaks_the_stream_off(
    tmp_path: Path, web_client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with http_desk(tmp_path) as desk:
        await desk.accept()
        async with listening(web_client, desk) as reader:
            assert await reader.next() is not None
            # not JSON: a bug of whoever rendered it
            desk.broken.add("job:new_files")
            await desk.emit("job:new_files", stage="blur")
            with pytest.raises(aiohttp.ClientPayloadError):
                await reader.next()
    assert "a bug in render" in caplog.text
