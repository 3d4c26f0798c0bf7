"""Is the engine's worker alive? A pure clock over what was seen of its work."""

from __future__ import annotations

from jigdesk.adapters.comfyui import messages
from jigdesk.adapters.comfyui.queue_state import QueueState

_NO_WORK = (
    # the HTTP side of the server writes these; a dead worker does not stop them
    messages.Status,
    messages.FeatureFlags,
    messages.Malformed,
    messages.Unknown,
)


class StallWatch:
    """Tells a working engine from a zombie, whose HTTP answers while nothing moves.

    WORKAROUND ComfyUI #16312, #11224: the worker thread can die alone. Silence is counted only
    while the socket is up and while no stranger's prompt runs: a stranger's frames go to the
    stranger. Times are seconds of a monotonic clock that the caller reads.
    """

    def __init__(self, client_id: str, timeout_s: float, now: float) -> None:
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._moved_at = now
        self._seen: QueueState | None = None

    def saw_frame(self, message: messages.ServerMessage, now: float) -> None:
        """Note a frame of anybody's prompt."""
        if isinstance(message, _NO_WORK):
            return
        if isinstance(message, messages.Executing) and message.prompt_id is None:
            return  # a reconnect's greeting repeats what may be long dead
        self._moved_at = now

    def saw_link(self, now: float) -> None:
        """Note that the socket came up or went down: frames may be missing."""
        self._moved_at = now

    def saw_queue(self, queue: QueueState, now: float) -> None:
        """Note the queue: one that gets shorter or runs something else is at work.

        An idle worker does nothing, so silence begins when there is something to do.
        """
        seen, self._seen = self._seen, queue
        was_idle = seen is None or not (seen.running or seen.pending)
        foreign = any(item.client_id != self._client_id for item in queue.running)
        if was_idle or foreign or (seen is not None and seen.running != queue.running):
            self._moved_at = now

    def is_stalled(self, now: float) -> bool:
        """Whether nothing moved for the timeout. Ask only when something should be moving."""
        return now - self._moved_at >= self._timeout_s
