from __future__ import annotations

import threading

import pytest

from jigdesk.demo.queue import PromptQueue, QueueFull


def put(queue: PromptQueue, prompt_id: str, number: float = 0) -> None:
    queue.put(number, prompt_id, {}, {}, ("1",))


def waiting(queue: PromptQueue) -> list[str]:
    return [item[1] for item in queue.listed()["queue_pending"]]


def finish(queue: PromptQueue) -> str:
    item = queue.take()
    assert item is not None
    queue.done(item, {"outputs": {}})
    return item.prompt_id


def test_the_lowest_number_goes_first_and_then_the_oldest() -> None:
    queue = PromptQueue(lambda: None)
    for prompt_id, number in (("b", 5), ("c", 5), ("a", -1)):
        put(queue, prompt_id, number)
    assert waiting(queue) == ["a", "b", "c"]
    assert [finish(queue) for _ in range(3)] == ["a", "b", "c"]


def test_is_bounded_and_so_is_its_history() -> None:
    queue = PromptQueue(lambda: None, max_queue=2, max_history=2)
    put(queue, "a")
    put(queue, "b")
    with pytest.raises(QueueFull):
        put(queue, "c")
    finish(queue)
    put(queue, "c")
    finish(queue)
    finish(queue)
    assert list(queue.history()) == ["b", "c"]


def test_history_pages() -> None:
    queue = PromptQueue(lambda: None)
    for prompt_id in "abcd":
        put(queue, prompt_id)
        finish(queue)
    assert list(queue.history(2)) == ["c", "d"]
    assert list(queue.history(2, 0)) == ["a", "b"]
    assert list(queue.history(None, 3)) == ["d"]
    assert list(queue.history(9)) == ["a", "b", "c", "d"]
    assert queue.history_of("x") == {}
    queue.forget("a")
    assert list(queue.history()) == ["b", "c", "d"]
    queue.forget_all()
    assert queue.history() == {}


def test_deletes_what_waits_and_tells_of_every_change() -> None:
    changes: list[int] = []
    queue = PromptQueue(lambda: changes.append(queue.remaining()))
    for prompt_id in "abc":
        put(queue, prompt_id)
    queue.take()
    queue.delete("a")  # it runs: nothing happens
    queue.delete("b")
    assert changes == [1, 2, 3, 3, 2]
    assert queue.runs("a")
    queue.clear()
    assert waiting(queue) == []


def test_a_close_and_a_wish_for_memory_wake_the_worker() -> None:
    queue = PromptQueue(lambda: None)
    taken: list[object] = []
    for wake in (queue.free_memory, queue.close):
        worker = threading.Thread(target=lambda: taken.append(queue.take()))
        worker.start()
        wake()
        worker.join(10)
        assert not worker.is_alive()
        assert queue.wants_memory_freed() is (wake == queue.free_memory)
    assert taken == [None, None]
