"""ComfyUI's HTTP routes but for files."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from jigdesk import __version__
from jigdesk.demo.executor import Workshop
from jigdesk.demo.queue import Json, PromptQueue, QueueFull
from jigdesk.demo.schema import Catalogue
from jigdesk.demo.sockets import FEATURES, Sockets
from jigdesk.demo.validation import validate

MAX_JSON_BYTES = 16 * 1024 * 1024
SERVER_ERROR = "500 Internal Server Error\n\nServer got itself in trouble"


@dataclass(slots=True)
class PromptRoutes:
    """The routes; runs on the loop, reads folders in threads."""

    queue: PromptQueue
    workshop: Workshop
    sockets: Sockets
    argv: tuple[str, ...]
    next_number: int = 0

    def table(self) -> list[web.RouteDef]:
        """The routes to add, each also below `/api`."""
        routes: list[tuple[str, str, Callable[[web.Request], Any]]] = [
            ("GET", "/ws", self.websocket),
            ("GET", "/prompt", self.get_prompt),
            ("POST", "/prompt", self.post_prompt),
            ("GET", "/queue", self.get_queue),
            ("POST", "/queue", self.post_queue),
            ("POST", "/interrupt", self.post_interrupt),
            ("POST", "/free", self.post_free),
            ("GET", "/history", self.get_history),
            ("GET", "/history/{prompt_id}", self.get_history_of),
            ("POST", "/history", self.post_history),
            ("GET", "/object_info", self.get_object_info),
            ("GET", "/object_info/{name}", self.get_object_info_of),
            ("GET", "/system_stats", self.get_system_stats),
            ("GET", "/features", self.get_features),
        ]
        return [
            web.route(method, prefix + path, handler)
            for prefix in ("", "/api")
            for method, path, handler in routes
        ]

    def queue_info(self) -> Json:
        """What `status` frames carry."""
        return {"exec_info": {"queue_remaining": self.queue.remaining()}}

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Every event."""
        return await self.sockets.serve(request, self.queue_info)

    async def get_prompt(self, request: web.Request) -> web.Response:
        """How many prompts wait or run."""
        return web.json_response(self.queue_info())

    async def post_prompt(self, request: web.Request) -> web.Response:
        """Validate a graph and queue it."""
        self.workshop.log.line("got prompt")
        body = await read_json(request)
        number = self._number(body)
        if "prompt" not in body:
            error = {
                "type": "no_prompt",
                "message": "No prompt provided",
                "details": "No prompt provided",
                "extra_info": {},
            }
            return web.json_response({"error": error, "node_errors": {}}, status=400)
        graph = body["prompt"]
        extra_data = body.get("extra_data", {})
        if not _is_graph(graph) or not isinstance(extra_data, dict):
            server_error()
        verdict = await asyncio.to_thread(validate, graph, self.workshop.catalogue)
        if verdict.error is not None:
            self.workshop.log.line(f"invalid prompt: {verdict.error}")
            answer = {"error": verdict.error, "node_errors": verdict.node_errors}
            return web.json_response(answer, status=400)
        if isinstance(body.get("client_id"), str):
            extra_data["client_id"] = body["client_id"]
        prompt_id = str(body.get("prompt_id", uuid.uuid4()))
        try:
            self.queue.put(number, prompt_id, graph, extra_data, verdict.outputs)
        except QueueFull:
            raise web.HTTPServiceUnavailable(text="The demo engine's queue is full.") from None
        return web.json_response(
            {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
        )

    def _number(self, body: Json) -> float:
        if "number" in body:
            try:
                number = float(body["number"])
            except (TypeError, ValueError):
                server_error()
            return number if math.isfinite(number) else server_error()
        number = -self.next_number if body.get("front") else self.next_number
        self.next_number += 1
        return number

    async def get_queue(self, request: web.Request) -> web.Response:
        """What runs and what waits."""
        return web.json_response(self.queue.listed())

    async def post_queue(self, request: web.Request) -> web.Response:
        """Forget prompts that wait."""
        body = await read_json(request)
        if body.get("clear"):
            self.queue.clear()
        for prompt_id in _ids(body):
            self.queue.delete(prompt_id)
        return web.Response()

    async def post_interrupt(self, request: web.Request) -> web.Response:
        """End what runs; with an id only when it is that."""
        try:
            body = await request.json()
        except json.JSONDecodeError:
            body = {}
        prompt_id = body.get("prompt_id") if isinstance(body, dict) else None
        if not prompt_id:
            self.workshop.log.line("Global interrupt (no prompt_id specified)")
            self.workshop.interrupt.ask()
        elif self.queue.runs(prompt_id):
            self.workshop.log.line(f"Interrupting prompt {prompt_id}")
            self.workshop.interrupt.ask()
        else:
            self.workshop.log.line(f"Prompt {prompt_id} is not currently running")
        return web.Response()

    async def post_free(self, request: web.Request) -> web.Response:
        """Forget cached results between prompts; there are no models to unload."""
        body = await read_json(request)
        if body.get("free_memory"):
            self.queue.free_memory()
        return web.Response()

    async def get_history(self, request: web.Request) -> web.Response:
        """Prompts that ended, oldest first."""
        try:
            max_items = int(request.query["max_items"]) if "max_items" in request.query else None
            offset = int(request.query.get("offset", "-1"))
        except ValueError:
            server_error()
        if max_items is not None and max_items < 0:
            server_error()
        return web.json_response(self.queue.history(max_items, offset))

    async def get_history_of(self, request: web.Request) -> web.Response:
        """One prompt that ended; `{}` for any other."""
        return web.json_response(self.queue.history_of(request.match_info["prompt_id"]))

    async def post_history(self, request: web.Request) -> web.Response:
        """Forget prompts that ended."""
        body = await read_json(request)
        if body.get("clear"):
            self.queue.forget_all()
        for prompt_id in _ids(body):
            self.queue.forget(prompt_id)
        return web.Response()

    async def get_object_info(self, request: web.Request) -> web.Response:
        """Every node class."""
        return web.json_response(await asyncio.to_thread(_infos, self.workshop.catalogue))

    async def get_object_info_of(self, request: web.Request) -> web.Response:
        """One node class; `{}` for one that is not there."""
        name = request.match_info["name"]
        catalogue = self.workshop.catalogue
        found = {name: catalogue[name]} if name in catalogue else {}
        return web.json_response(await asyncio.to_thread(_infos, found))

    async def get_features(self, request: web.Request) -> web.Response:
        """What the server supports."""
        return web.json_response(FEATURES)

    async def get_system_stats(self, request: web.Request) -> web.Response:
        """The machine, and how the engine was started."""
        total, free = await asyncio.to_thread(_memory_bytes)
        system = {
            "os": os.name,
            "ram_total": total,
            "ram_free": free,
            "comfyui_version": f"demo-{__version__}",
            "required_frontend_version": None,
            "installed_templates_version": None,
            "required_templates_version": None,
            "python_version": sys.version,
            "pytorch_version": "none",
            "embedded_python": False,
            "argv": list(self.argv),
        }
        device = {
            "name": "demo engine (cpu)",
            "type": "cpu",
            "index": None,
            "vram_total": total,
            "vram_free": free,
            "torch_vram_total": total,
            "torch_vram_free": free,
        }
        return web.json_response({"system": system, "devices": [device]})


async def read_json(request: web.Request) -> Json:
    """The body as an object; what ComfyUI trips over (bad JSON, no object) is a 500 here too.

    A body above MAX_JSON_BYTES is a 413.
    """
    if (request.content_length or 0) > MAX_JSON_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_JSON_BYTES, request.content_length or 0)
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):  # ValueError: not JSON, or not UTF-8
        server_error()
    return body if isinstance(body, dict) else server_error()


def server_error() -> NoReturn:
    """Answer as aiohttp does for an exception that escaped a handler."""
    raise web.HTTPInternalServerError(text=SERVER_ERROR)


def _is_graph(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(node, dict) and isinstance(node.get("class_type", ""), str)
        for node in value.values()
    )


def _ids(body: Json) -> list[str]:
    ids = body.get("delete", [])
    return [each for each in ids if isinstance(each, str)] if isinstance(ids, list) else []


def _infos(catalogue: Catalogue) -> Json:
    return {name: node_class.info() for name, node_class in catalogue.items()}


def _memory_bytes() -> tuple[int, int]:
    import psutil  # noqa: PLC0415 - not needed to start

    memory = psutil.virtual_memory()
    return memory.total, memory.available
