"""Runs one prompt after the other in the worker thread and tells the clients about it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from jigdesk.demo.cache import Result, ResultCache
from jigdesk.demo.folders import Folders
from jigdesk.demo.graph import RunOrder, inputs_of, is_link, signatures
from jigdesk.demo.log import Log
from jigdesk.demo.nodes_refine import OutOfMemoryError
from jigdesk.demo.previews import preview_frame
from jigdesk.demo.progress import ProgressStates, node_ids
from jigdesk.demo.queue import Item, Json
from jigdesk.demo.run import Faults, Interrupt, Interrupted, NodeRun
from jigdesk.demo.schema import Catalogue, NodeClass
from jigdesk.demo.sockets import Current, Sockets

OOM_TIP = (
    "The demo engine pretends to have run out of GPU memory, because it was asked to."
    "\n\nIt was started with a fault for tests."
)


@dataclass(frozen=True, slots=True)
class Workshop:
    """All that running a prompt needs; it lives as long as the engine."""

    catalogue: Catalogue
    cache: ResultCache
    folders: Folders
    sockets: Sockets
    current: Current
    interrupt: Interrupt
    faults: Faults
    log: Log
    previews: bool
    step_s: float
    temp_tag: str


def execute(workshop: Workshop, item: Item) -> Json:
    """Run a prompt to its end, whatever that is; returns its history entry but for `prompt`.

    Only WorkerDied comes out of it.
    """
    return _PromptRun(workshop, item).execute()


class _NodeFailed(Exception):
    """A node raised; `error` is the data of `execution_error` that the node knows."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["exception_message"])
        self.error = error


class _PromptRun:
    def __init__(self, workshop: Workshop, item: Item) -> None:
        self._shop = workshop
        self._item = item
        self._client: str | None = item.extra_data.get("client_id")
        self._states = ProgressStates(item.prompt_id)
        self._messages: list[tuple[str, Json]] = []
        self._results: dict[str, Result] = {}
        self._executed: list[str] = []

    def execute(self) -> Json:
        shop = self._shop
        shop.current.client_id = self._client
        self._tell("execution_start", {})
        signed = signatures(self._item.graph, shop.catalogue)
        shop.cache.begin(set(signed.values()))
        for node, signature in signed.items():
            result = shop.cache.get(signature)
            if result is not None:
                self._results[node] = result
        cached = [node for node in self._item.graph if node in self._results]
        self._tell("execution_cached", {"nodes": cached})
        success = self._run_nodes(signed)
        shop.current.node = None
        shop.cache.end()
        shown = [
            node
            for node in self._item.graph
            if node in self._results and self._results[node].ui is not None
        ]
        return {
            "outputs": {node: self._results[node].ui for node in shown},
            "status": {
                "status_str": "success" if success else "error",
                "completed": success,
                "messages": [list(message) for message in self._messages],
            },
            "meta": {
                node: {
                    "node_id": node,
                    "display_node": node,
                    "parent_node": None,
                    "real_node_id": node,
                }
                for node in shown
            },
        }

    def _run_nodes(self, signed: Mapping[str, str]) -> bool:
        order = RunOrder(
            self._item.graph,
            self._shop.catalogue,
            self._item.outputs,
            lambda node: node in self._results,
        )
        while (node := order.next()) is not None:
            try:
                self._run_node(node, signed.get(node))
            except Interrupted:
                self._shop.log.line("Processing interrupted")
                data = {**self._failed_at(node)}
                # ComfyUI sends this one even for a prompt without a client: to everybody.
                self._tell("execution_interrupted", data, broadcast=True)
                return False
            except _NodeFailed as failed:
                data = {
                    **self._failed_at(node),
                    **failed.error,
                    "current_outputs": list(self._item.graph),
                }
                self._tell("execution_error", data)
                return False
            order.done(node)
        self._tell("execution_success", {})
        return True

    def _failed_at(self, node: str) -> Json:
        return {
            "node_id": node,
            "node_type": self._item.graph[node]["class_type"],
            "executed": list(self._executed),
        }

    def _run_node(self, node: str, signature: str | None) -> None:
        shop = self._shop
        known = self._results.get(node)
        if known is None and signature is not None:
            known = shop.cache.get(signature)  # a twin of this node may just have run
        if known is not None:
            self._results[node] = known
            self._tell_executed(node, known.ui)
            self._show(self._states.finish(node))
            return
        self._show(self._states.start(node))
        if self._client is not None:
            shop.current.node = node
            data = {"node": node, "display_node": node, "prompt_id": self._item.prompt_id}
            shop.sockets.send("executing", data, self._client)
        shop.interrupt.check()
        result = self._call(node)
        if result.ui is not None:
            self._tell_executed(node, result.ui)
        self._results[node] = result
        if signature is not None:
            shop.cache.put(signature, result)
        self._show(self._states.finish(node))
        self._executed.append(node)

    def _call(self, node: str) -> Result:
        shop = self._shop
        node_class = shop.catalogue[self._item.graph[node]["class_type"]]
        given = self._inputs(node, node_class)
        pnginfo = self._item.extra_data.get("extra_pnginfo")
        began = time.monotonic()

        def progress(value: int, maximum: int, preview: Callable[[], Image.Image]) -> None:
            shop.interrupt.check()
            self._progress(node, value, maximum, preview if shop.previews else None)
            shop.log.bar(value, maximum, began)

        run = NodeRun(
            folders=shop.folders,
            interrupt=shop.interrupt,
            faults=shop.faults,
            progress=progress,
            step_s=shop.step_s,
            temp_tag=shop.temp_tag,
            graph=self._item.graph,
            extra_pnginfo=pnginfo if isinstance(pnginfo, dict) else {},
        )
        try:
            result = node_class.run(run, given)
        except Interrupted:
            raise
        except Exception as raised:  # whatever it is, it ends this prompt
            shop.log.line(f"!!! Exception during processing !!! {raised}")
            raise _NodeFailed(_described(raised, given)) from raised
        return Result(result.outputs, result.ui)

    def _inputs(self, node: str, node_class: NodeClass) -> Json:
        given: Json = {}
        for name, value in inputs_of(self._item.graph, node).items():
            if node_class.input(name) is None:
                continue
            given[name] = (
                self._results[value[0]].outputs[int(value[1])] if is_link(value) else value
            )
        return given

    def _progress(
        self, node: str, value: int, maximum: int, preview: Callable[[], Image.Image] | None
    ) -> None:
        sockets = self._shop.sockets
        self._show(self._states.step(node, value, maximum))
        data = {"value": value, "max": maximum, "prompt_id": self._item.prompt_id, "node": node}
        if preview is None:
            sockets.send("progress", data, self._client)
        elif sockets.supports(self._client, "supports_preview_metadata"):
            ids = {"prompt_id": self._item.prompt_id, **node_ids(node)}
            sockets.send_preview(preview_frame(preview(), ids), self._client)
            sockets.send("progress", data, self._client)
        else:
            sockets.send("progress", data, self._client)
            sockets.send_preview(preview_frame(preview(), None), self._client)

    def _show(self, states: Json) -> None:
        self._shop.sockets.send("progress_state", states, self._client)

    def _tell_executed(self, node: str, ui: Mapping[str, Any] | None) -> None:
        if self._client is not None:
            data = {
                "node": node,
                "display_node": node,
                "output": ui,
                "prompt_id": self._item.prompt_id,
            }
            self._shop.sockets.send("executed", data, self._client)

    def _tell(self, event: str, data: Json, *, broadcast: bool = False) -> None:
        """Send what the history keeps as well."""
        data = {"prompt_id": self._item.prompt_id, **data, "timestamp": int(time.time() * 1000)}
        self._messages.append((event, data))
        if self._client is not None or broadcast:
            self._shop.sockets.send(event, data, self._client)


def _described(raised: Exception, given: Mapping[str, Any]) -> Json:
    kind = type(raised)
    name = kind.__qualname__
    return {
        "exception_message": f"{raised}\n{OOM_TIP if kind is OutOfMemoryError else ''}",
        "exception_type": name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}",
        "traceback": traceback.format_tb(raised.__traceback__),
        "current_inputs": {key: [_plain(value)] for key, value in given.items()},
    }


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and value and isinstance(value[0], Image.Image):
        return f"<{len(value)} of {value[0].width} x {value[0].height}>"
    return str(value)
