"""The thread in which prompts run."""

from __future__ import annotations

import threading
import time

from jigdesk.demo.executor import Workshop, execute
from jigdesk.demo.queue import PromptQueue
from jigdesk.demo.run import WorkerDied


def start_worker(queue: PromptQueue, workshop: Workshop) -> threading.Thread:
    """Start the thread; it ends after `queue.close()`.

    It is a daemon, so that a node that hangs does not keep the process alive.
    """
    thread = threading.Thread(target=_work, args=(queue, workshop), name="prompts", daemon=True)
    thread.start()
    return thread


def _work(queue: PromptQueue, workshop: Workshop) -> None:
    try:
        while not queue.closed:
            _one(queue, workshop)
    except WorkerDied:
        workshop.log.line("The worker thread ended: the fault that was asked for.")


def _one(queue: PromptQueue, workshop: Workshop) -> None:
    # ComfyUI forgets a little later, and so loses an interrupt that comes right at the start.
    item = queue.take(workshop.interrupt.forget)
    if item is not None:
        began = time.perf_counter()
        queue.done(item, execute(workshop, item))
        client_id = workshop.current.client_id
        if client_id is not None:  # after the history entry is there
            data = {"node": None, "prompt_id": item.prompt_id}
            workshop.sockets.send("executing", data, client_id)
        workshop.log.line(f"Prompt executed in {time.perf_counter() - began:.2f} seconds")
    if queue.wants_memory_freed():
        workshop.cache.clear()
