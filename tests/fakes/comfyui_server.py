"""A ComfyUI on loopback that plays recordings back, with the faults that the field knows.

It keeps a queue, a history and files like the real one; only what nodes compute is recorded.
A posted graph is answered with the recording of the same graph, its prompt id replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_faults import Faults, with_faults
from tests.fakes.comfyui_recordings import Frame, Recording
from tests.harness.ports import free_port

FileKey = tuple[str, str, str]
"""type, subfolder, filename"""


@dataclass(eq=False, slots=True)
class Queued:
    """A prompt in the queue."""

    number: int
    prompt_id: str
    graph: dict[str, Any]
    client_id: str | None
    recording: Recording

    def row(self) -> list[Any]:
        extra = {"client_id": self.client_id} if self.client_id is not None else {}
        return [self.number, self.prompt_id, self.graph, extra, []]


class FakeComfyServer:
    """The server's state and routes; `open_server` starts it."""

    def __init__(self, *, jobs_routes: bool = False) -> None:
        self.faults = Faults()
        self.url = ""
        self.pending: list[Queued] = []
        self.running: Queued | None = None
        self.history: dict[str, Any] = {}
        self.files: dict[FileKey, bytes] = {}
        self.posts: list[str] = []
        self.requests: Counter[str] = Counter()
        self.interrupted: list[str] = []
        self.deleted: list[str] = []
        self.freed: list[Mapping[str, Any]] = []
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.open_sockets: Counter[str] = Counter()
        self.most_open_sockets = 0
        self.connections = 0
        self.first_messages: list[Any] = []
        self.prefer: str | None = None
        """The recording to play where several have the posted graph (`image_cached`)."""
        self.hold_after: int | None = None
        self.released = asyncio.Event()
        self.held = asyncio.Event()
        self._jobs_routes = jobs_routes
        self._number = 0
        self._wake = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._requests: list[web.Request] = []
        self._last_node: str | None = None

    # --- routes -------------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application(client_max_size=100 * 1024 * 1024, middlewares=[self._troubled])
        app.router.add_get("/ws", self._ws)
        app.router.add_post("/prompt", self._post_prompt)
        app.router.add_get("/queue", self._get_queue)
        app.router.add_post("/queue", self._post_queue)
        app.router.add_get("/history/{prompt_id}", self._get_history)
        app.router.add_post("/interrupt", self._post_interrupt)
        app.router.add_get("/view", self._view)
        app.router.add_post("/upload/image", self._upload)
        app.router.add_get("/object_info", self._object_info)
        app.router.add_get("/system_stats", self._canned("system_stats"))
        app.router.add_get("/features", self._canned("GET /features", "json"))
        app.router.add_post("/free", self._free)
        if self._jobs_routes:
            app.router.add_get("/api/jobs", self._get_jobs)
            app.router.add_post("/api/jobs/{prompt_id}/cancel", self._cancel_job)
        return app

    @web.middleware
    async def _troubled(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests[f"{request.method} {request.path}"] += 1
        answers = self.faults.status_codes.get(request.path)
        if answers:
            status = answers.pop(0)
            if status == 0:
                assert request.transport is not None
                request.transport.abort()
            return web.Response(status=status or 500, text="500 Internal Server Error")
        if self.faults.http_delay_s and request.path != "/ws":
            await asyncio.sleep(self.faults.http_delay_s)
        response = await handler(request)
        assert isinstance(response, web.StreamResponse)
        return response

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        if self.faults.no_socket:
            return web.Response(status=404)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        sid = request.query.get("clientId") or f"anonymous-{self.connections}"
        self.connections += 1
        self.open_sockets[sid] += 1
        self.most_open_sockets = max(self.most_open_sockets, self.open_sockets[sid])
        self.sockets[sid] = socket
        self._requests.append(request)
        try:
            await self._send(socket, _status(self.queue_remaining, sid))
            if self.running and self.running.client_id == sid and self._last_node is not None:
                await self._send(socket, {"type": "executing", "data": {"node": self._last_node}})
            is_first = True
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    data = json.loads(message.data)
                    if is_first:
                        self.first_messages.append(data)
                        flags = recordings.load("http_answers").data["GET /features"]["json"]
                        await self._send(socket, {"type": "feature_flags", "data": flags})
                    is_first = False
        finally:
            # as in the real one: a late close takes whoever has the id now with it (#16010)
            self.sockets.pop(sid, None)
            self.open_sockets[sid] -= 1
            self._requests.remove(request)
        return socket

    async def _post_prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        recording = _recording_of(body["prompt"], self.prefer)
        status, answer = recording.response
        if status != 200:
            return web.json_response(answer, status=status)
        prompt_id = body.get("prompt_id") or answer["prompt_id"]
        self.posts.append(prompt_id)
        self.enqueue(recording, prompt_id, body.get("client_id"), body["prompt"])
        await self._tell_queue()
        if self.faults.post_is_taken_unanswered:
            assert request.transport is not None
            request.transport.abort()
        answer = {
            "prompt_id": prompt_id,
            "number": self._number,
            "node_errors": self.faults.node_errors or {},
        }
        return web.json_response(answer)

    async def _get_queue(self, _: web.Request) -> web.Response:
        running = [self.running.row()] if self.running else []
        pending = [item.row() for item in self.pending]
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def _post_queue(self, request: web.Request) -> web.Response:
        for prompt_id in (await request.json()).get("delete", []):
            self._delete(prompt_id)
        await self._tell_queue()
        return web.Response()

    async def _get_history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["prompt_id"]
        entry = self.history.get(prompt_id)
        return web.json_response({prompt_id: entry} if entry is not None else {})

    async def _post_interrupt(self, request: web.Request) -> web.Response:
        prompt_id = (await request.json()).get("prompt_id")
        if self.running and prompt_id in (None, self.running.prompt_id):
            self._stop_running()
        return web.Response()

    async def _get_jobs(self, _: web.Request) -> web.Response:
        return web.json_response({"jobs": [], "pagination": {"total": 0}})

    async def _cancel_job(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["prompt_id"]
        if self.running and self.running.prompt_id == prompt_id:
            self._stop_running()
        elif not self._delete(prompt_id):
            return web.json_response({"cancelled": False})
        await self._tell_queue()
        return web.json_response({"cancelled": True})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        key = (query.get("type", "output"), query.get("subfolder", ""), query["filename"])
        if key not in self.files:
            return web.Response(status=404)
        response = web.StreamResponse()  # chunked, as for a file that is still written
        await response.prepare(request)
        body = self.files[key]
        for start in range(0, len(body), 64 * 1024):
            await response.write(body[start : start + 64 * 1024])
        await response.write_eof()
        return response

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        image, subfolder = form["image"], str(form.get("subfolder", ""))
        assert isinstance(image, web.FileField)
        if ".." in subfolder or ".." in image.filename:
            return web.Response(status=400)
        name, body = image.filename, image.file.read()
        stem, dot, ending = name.rpartition(".")
        count = 1
        while (
            form.get("overwrite") not in ("true", "1") and ("input", subfolder, name) in self.files
        ):
            name = f"{stem} ({count}){dot}{ending}"
            count += 1
        self.files["input", subfolder, name] = body
        return web.json_response({"name": name, "subfolder": subfolder, "type": "input"})

    async def _object_info(self, _: web.Request) -> web.Response:
        answers = recordings.load("http_answers").data
        classes: dict[str, Any] = {}
        for route in ("GET /object_info/SaveImage", "GET /object_info/KSampler"):
            classes |= answers[route]["json"]
        classes |= {name: {"input": {}} for name in ("LoadImage", "NoSuchNode2", "ImageBlur")}
        return web.json_response(classes)

    async def _free(self, request: web.Request) -> web.Response:
        self.freed.append(await request.json())
        return web.Response()

    def _canned(self, name: str, part: str | None = None) -> Any:
        async def answer(_: web.Request) -> web.Response:
            body = recordings.load("http_answers").data[name]
            return web.json_response(body[part] if part else body)

        return answer

    # --- what tests do ------------------------------------------------------------------------

    @property
    def queue_remaining(self) -> int:
        return len(self.pending) + (1 if self.running else 0)

    def enqueue(
        self,
        recording: Recording,
        prompt_id: str,
        client_id: str | None,
        graph: dict[str, Any] | None = None,
    ) -> None:
        """Put a prompt on the queue, as POST /prompt does; a stranger's has another client id."""
        self._number += 1
        graph = graph if graph is not None else recording.graph
        self.pending.append(Queued(self._number, prompt_id, graph, client_id, recording))
        self._wake.set()

    def hold(self, after: int) -> None:
        """Stop each prompt after so many of its frames, until `release`."""
        self.hold_after = after
        self.released.clear()
        self.held.clear()

    def release(self) -> None:
        """Let held prompts, and those to come, go on."""
        self.hold_after = None
        self.released.set()

    def wipe(self) -> None:
        """Forget queue and history and cut the sockets, as a crash and a restart do."""
        self.faults.silent = True
        self.pending.clear()
        self.history.clear()
        if self.running is not None:
            self._stop_running()
        self.faults.lost_history = True
        self.drop_sockets()

    def drop_sockets(self) -> None:
        """Cut every socket without a close frame."""
        for request in self._requests:
            if request.transport is not None:
                request.transport.abort()

    # --- the worker ---------------------------------------------------------------------------

    async def work(self) -> None:
        """Run prompts one after the other until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.pending and not self.faults.dead_worker:
                self.running = self.pending.pop(0)
                self._interrupt.clear()
                await self._tell_queue()
                await self._execute(self.running)

    async def _execute(self, item: Queued) -> None:
        sent = 0
        self._last_node = None
        for frame in with_faults(item.recording.frames, self.faults):
            if frame.kind in ("status", "feature_flags"):
                continue  # this server sends its own
            if sent == self.hold_after:
                self.held.set()
                await self._until_released()
            is_stopped = self._interrupt.is_set()
            if is_stopped and frame.kind not in ("execution_start", "execution_cached"):
                await self._end_interrupted(item)
                return
            if frame.kind == "executing_null":
                await self._end(item, _replaced(item, item.recording.entry))
                return
            if isinstance(frame.payload, dict) and frame.kind == "executing":
                self._last_node = frame.payload["data"]["node"]
            await self._send_to(item, frame)
            sent += 1
            if sent == self.faults.drop_socket_after:
                self.faults.drop_socket_after = None
                self.drop_sockets()

    async def _until_released(self) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self.released, self._interrupt)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _end_interrupted(self, item: Queued) -> None:
        data = {
            "prompt_id": item.prompt_id,
            "node_id": self._last_node,
            "node_type": "KSampler",
            "executed": [],
        }
        await self._send_to(item, Frame({"type": "execution_interrupted", "data": data}))
        entry = _replaced(item, item.recording.entry) | {
            "outputs": {},
            "status": {
                "status_str": "error",
                "completed": False,
                "messages": [
                    ["execution_start", {"prompt_id": item.prompt_id}],
                    ["execution_interrupted", data],
                ],
            },
        }
        await self._end(item, entry)

    async def _end(self, item: Queued, entry: dict[str, Any]) -> None:
        faults = self.faults
        self.running = None
        self._last_node = None
        if faults.late_history_s:
            loop = asyncio.get_running_loop()
            loop.call_later(faults.late_history_s, self.history.__setitem__, item.prompt_id, entry)
        elif not faults.lost_history:
            self.history[item.prompt_id] = entry
        for output in entry["outputs"].values():
            for files in output.values():
                for file in files if isinstance(files, list) else ():
                    if isinstance(file, dict):
                        key = (file["type"], file["subfolder"], file["filename"])
                        self.files.setdefault(key, f"content of {file['filename']}".encode() * 9)
        await self._tell_queue()
        null = {"type": "executing", "data": {"node": None, "prompt_id": item.prompt_id}}
        await self._send_to(item, Frame(null))

    def _stop_running(self) -> None:
        assert self.running is not None
        self.interrupted.append(self.running.prompt_id)
        self._interrupt.set()

    def _delete(self, prompt_id: str) -> bool:
        kept = [item for item in self.pending if item.prompt_id != prompt_id]
        was_there = len(kept) < len(self.pending)
        self.pending[:] = kept
        if was_there:
            self.deleted.append(prompt_id)
        return was_there

    # --- sending ------------------------------------------------------------------------------

    async def _send_to(self, item: Queued, frame: Frame) -> None:
        if frame.kind in self.faults.lost_kinds or self.faults.silent:
            return
        if item.client_id is None or self.faults.forget_sockets:
            return
        socket = self.sockets.get(item.client_id)
        if socket is not None:
            await self._send(socket, _replaced(item, frame.payload))
        # one frame a turn of the loop: the client reads while the worker works
        await asyncio.sleep(0)

    async def _tell_queue(self) -> None:
        if self.faults.forget_sockets:
            return
        for socket in tuple(self.sockets.values()):
            await self._send(socket, _status(self.queue_remaining))

    async def _send(self, socket: web.WebSocketResponse, payload: dict[str, Any] | bytes) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            if isinstance(payload, bytes):
                await socket.send_bytes(payload)
            elif "raw" in payload:
                await socket.send_str(payload["raw"])
            else:
                await socket.send_str(json.dumps(payload))


@asynccontextmanager
async def open_server(*, jobs_routes: bool = False) -> AsyncIterator[FakeComfyServer]:
    """A fake on a free loopback port, with its worker at work."""
    server = FakeComfyServer(jobs_routes=jobs_routes)
    async with serve(server.app()) as url:
        server.url = url
        worker = asyncio.create_task(server.work())
        try:
            yield server
        finally:
            worker.cancel()
            await asyncio.wait({worker})
    if not worker.cancelled():
        worker.result()


@asynccontextmanager
async def serve(app: web.Application, port: int | None = None) -> AsyncIterator[str]:
    """Serve an application on loopback, at a free port where None is given; yields its URL."""
    port = port or free_port()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def _recording_of(graph: dict[str, Any], prefer: str | None) -> Recording:
    found = [
        name
        for name in recordings.names()
        if recordings.load(name).data.get("request", {}).get("prompt") == graph
    ]
    if not found:
        raise web.HTTPNotImplemented(text="no recording has this graph")
    return recordings.load(prefer if prefer in found else found[-1])


def _replaced(item: Queued, payload: Any) -> Any:
    """The payload with the recording's prompt id replaced by the posted one."""
    old, new = item.recording.prompt_id, item.prompt_id
    if isinstance(payload, bytes):
        return payload.replace(old.encode(), new.encode())
    return json.loads(json.dumps(payload).replace(old, new))


def _status(remaining: int, sid: str | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return {"type": "status", "data": data | ({"sid": sid} if sid is not None else {})}
