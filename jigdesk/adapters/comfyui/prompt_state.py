"""One prompt, followed frame by frame: server messages in, engine events out, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from jigdesk.adapters.comfyui import messages
from jigdesk.adapters.comfyui.nodes import resolve
from jigdesk.adapters.comfyui.outputs import read_output
from jigdesk.domain.engine import (
    EngineEvent,
    Graph,
    NodeExecuted,
    NodeFinished,
    NodeProgress,
    NodesCached,
    Preview,
    PromptStarted,
)


class Phase(Enum):
    """How far the frames say that the prompt is. Only history says how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDING = "ending"
    """Success, failure or interruption was announced; history may not be written yet."""
    LEFT = "left"
    """The executor let go of it (or took another one): history has it, or it is lost."""


class PromptState:
    """What the frames told about one prompt so far. Each event is emitted once."""

    def __init__(self, prompt_id: str, graph: Graph) -> None:
        self._prompt_id = prompt_id
        self._graph = graph
        self._phase = Phase.WAITING
        self._cached: frozenset[str] = frozenset()
        self._finished: set[str] = set()
        self._reported: set[str] = set()
        self._progress: dict[str, tuple[float | None, float | None]] = {}
        self._current: str | None = None
        self._has_states = False
        self._failure: messages.ExecutionError | None = None
        self._interrupted = False

    @property
    def phase(self) -> Phase:
        """How far the prompt is."""
        return self._phase

    @property
    def failure(self) -> messages.ExecutionError | None:
        """The error that ended it, as a frame told it; None when none did."""
        return self._failure

    @property
    def interrupted(self) -> bool:
        """Whether a frame told that somebody stopped it."""
        return self._interrupted

    def feed(self, message: messages.ServerMessage) -> Sequence[EngineEvent]:
        """Take one message of the connection, whosever it is; return what is new."""
        return tuple(self._feed(message))

    def note_running(self, node: str | None = None) -> Sequence[EngineEvent]:
        """Take the queue's word that it runs; `node` is the one that a reconnect named."""
        events: list[EngineEvent] = list(self._start())
        if node is not None and self._phase is Phase.RUNNING:
            events.extend(self._begin(resolve(self._graph, node)))
        return tuple(events)

    def _feed(self, message: messages.ServerMessage) -> Iterator[EngineEvent]:
        owner = getattr(message, "prompt_id", None)
        if owner is None:
            yield from self._feed_ownerless(message)
        elif owner != self._prompt_id:
            self._feed_foreign(message)
        elif self._phase is not Phase.LEFT:
            yield from self._feed_own(message)

    def _feed_own(self, message: messages.ServerMessage) -> Iterator[EngineEvent]:
        if isinstance(message, messages.ExecutionError | messages.ExecutionInterrupted):
            self._note_end(message)
            return
        if isinstance(message, messages.Executing) and message.node is None:
            yield from self._leave()
            return
        yield from self._start()
        match message:
            case messages.ExecutionCached():
                yield from self._note_cached(message.nodes)
            case messages.Executing():
                yield from self._begin(resolve(self._graph, message.node, message.display_node))
            case messages.Progress():
                node = resolve(self._graph, message.node)
                yield from self._advance(node, message.value, message.maximum)
            case messages.ProgressState():
                yield from self._note_states(message.nodes)
            case messages.Executed():
                yield from self._note_output(message)
            case messages.PreviewImage():
                node = resolve(
                    self._graph,
                    message.node,
                    message.display_node,
                    message.real_node,
                    message.parent_node,
                )
                yield Preview(node, message.content_type, message.data)
            case messages.ExecutionSuccess():
                self._phase = Phase.ENDING

    def _feed_ownerless(self, message: messages.ServerMessage) -> Iterator[EngineEvent]:
        # only one prompt runs at a time: what carries no prompt id is about that one
        if self._phase is not Phase.RUNNING:
            return
        match message:
            case messages.PreviewImage():
                yield Preview(self._current, message.content_type, message.data)
            case messages.Executing() if message.node is not None:
                yield from self._begin(resolve(self._graph, message.node, message.display_node))
            case messages.Progress():
                node = resolve(self._graph, message.node) if message.node else self._current
                yield from self._advance(node, message.value, message.maximum)

    def _feed_foreign(self, message: messages.ServerMessage) -> None:
        is_start = isinstance(message, messages.ExecutionStart)
        if is_start and self._phase in (Phase.RUNNING, Phase.ENDING):
            self._phase = Phase.LEFT  # its own last frames were lost

    def _start(self) -> Iterator[EngineEvent]:
        if self._phase is Phase.WAITING:
            self._phase = Phase.RUNNING
            yield PromptStarted()

    def _leave(self) -> Iterator[EngineEvent]:
        if self._current is not None and self._phase is Phase.RUNNING and not self._has_states:
            yield from self._finish(self._current)
        self._phase = Phase.LEFT

    def _note_end(self, message: messages.ExecutionError | messages.ExecutionInterrupted) -> None:
        if isinstance(message, messages.ExecutionInterrupted):
            self._interrupted = True
        elif message.is_fatal:
            self._failure = message
        else:
            return  # ExecutionBlocked: a branch stops, the prompt goes on
        self._phase = Phase.ENDING

    def _note_cached(self, ids: Sequence[str]) -> Iterator[EngineEvent]:
        nodes = tuple(node for node in ids if node in self._graph and node not in self._cached)
        self._cached |= frozenset(nodes)
        if nodes:
            yield NodesCached(nodes)

    def _begin(self, node: str | None) -> Iterator[EngineEvent]:
        if node is None:
            return
        previous, self._current = self._current, node
        if previous is not None and previous != node and not self._has_states:
            yield from self._finish(previous)  # servers that send no progress_state
        if node not in self._progress:
            yield from self._advance(node, None, None)

    def _advance(
        self, node: str | None, value: float | None, maximum: float | None
    ) -> Iterator[EngineEvent]:
        if node is None or node in self._finished or node in self._cached:
            return
        self._current = node
        if value is None or maximum is None or maximum <= 0:
            value = maximum = None
        if node in self._progress and value is None:
            return  # begun already; what is known stays
        if self._progress.get(node, ()) != (value, maximum):
            self._progress[node] = (value, maximum)
            yield NodeProgress(node, value, maximum)

    def _note_states(self, states: Sequence[messages.NodeState]) -> Iterator[EngineEvent]:
        self._has_states = True
        for state in states:
            node = resolve(
                self._graph,
                state.node_id,
                state.display_node_id,
                state.real_node_id,
                state.parent_node_id,
            )
            if node is None:
                continue
            if state.state == "running":
                # 0 of 1 is what the server writes before the node says anything
                unknown = (state.value, state.maximum) == (0, 1)
                value, maximum = (None, None) if unknown else (state.value, state.maximum)
                yield from self._advance(node, value, maximum)
            elif state.state == "finished" and node == state.node_id:
                yield from self._finish(node)

    def _finish(self, node: str) -> Iterator[EngineEvent]:
        if node in self._finished or node in self._cached:
            return
        self._finished.add(node)
        if self._current == node:
            self._current = None
        yield NodeFinished(node)

    def _note_output(self, message: messages.Executed) -> Iterator[EngineEvent]:
        node = resolve(self._graph, message.node, message.display_node)
        if node is None or message.node in self._reported:
            return
        self._reported.add(message.node)
        output = read_output(node, message.output)
        if output.files or output.texts:
            yield NodeExecuted(output)
