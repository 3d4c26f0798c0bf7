"""The mailbox between the socket and a follower, and the watch over a worker."""

from __future__ import annotations

import asyncio

import pytest

from jigdesk.adapters.comfyui import messages
from jigdesk.adapters.comfyui.mailbox import (
    Disconnected,
    Item,
    Mailbox,
    Overflowed,
    Reconnected,
)
from jigdesk.adapters.comfyui.queue_state import QueueItem, QueueState, read_queue
from jigdesk.adapters.comfyui.stall import StallWatch
from tests.fakes import comfyui_recordings as recordings

START = messages.ExecutionStart("p")


async def drain(box: Mailbox) -> list[Item]:
    items = []
    while len(box):
        item = await box.get(1)
        assert item is not None
        items.append(item)
    return items


async def test_the_latest_progress_and_preview_win_and_states_all_stay() -> None:
    box = Mailbox("p")
    executed = [messages.Executed("p", str(node), None, None) for node in range(50)]
    for step, message in enumerate(executed):
        for part in range(100):
            box.put(messages.Progress("p", "4", step * 100 + part, 5000))
            box.put(messages.ProgressState("p", ()))
            box.put(messages.PreviewImage("image/png", bytes([step])))
        box.put(message)
    items = await drain(box)
    assert [item for item in items if isinstance(item, messages.Executed)] == executed
    steps = [item.value for item in items if isinstance(item, messages.Progress)]
    assert steps == [step * 100 + 99 for step in range(50)]
    previews = [item for item in items if isinstance(item, messages.PreviewImage)]
    assert previews == [messages.PreviewImage("image/png", bytes([49]))]
    assert len(items) == 151


async def test_progress_keeps_its_place_between_states() -> None:
    box = Mailbox("p")
    first, second = (messages.Executing("p", node, None) for node in "12")
    one, two = (messages.Progress("p", "1", step, 2) for step in (1, 2))
    for message in (first, one, second, two):
        box.put(message)
    assert await drain(box) == [first, one, second, two]


async def test_progress_of_two_nodes_is_not_mixed() -> None:
    box = Mailbox("p")
    for node in ("1", "2", "1"):
        box.put(messages.Progress("p", node, 1, 2))
    assert [getattr(item, "node", None) for item in await drain(box)] == ["2", "1"]


async def test_past_its_bound_it_says_so_and_starts_again() -> None:
    box = Mailbox("p", max_waiting=3)
    for node in range(4):
        box.put(messages.Executed("p", str(node), None, None))
    box.put(START)
    assert await drain(box) == [Overflowed(), START]


async def test_waiting_ends_with_the_first_message_or_in_time() -> None:
    box = Mailbox("p")
    assert await box.get(0.01) is None
    waiting = asyncio.create_task(box.get(10))
    await asyncio.sleep(0)
    box.put(START)
    assert await waiting == START


async def test_a_cancelled_wait_loses_nothing() -> None:
    box = Mailbox("p")
    waiting = asyncio.create_task(box.get(10))
    await asyncio.sleep(0)
    box.put(START)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await drain(box) == [START]


async def test_a_flapping_link_leaves_its_last_state() -> None:
    box = Mailbox("p")
    for _ in range(10):
        box.put(Disconnected())
        box.put(Reconnected())
    assert await drain(box) == [Disconnected(), Reconnected()]


def queue(running: str | None, *pending: str, owner: str = "desk") -> QueueState:
    first = (QueueItem(running, owner),) if running is not None else ()
    return QueueState(first, tuple(QueueItem(name, "desk") for name in pending))


def watch() -> StallWatch:
    """Watched since 0; the queue has had work since 0."""
    stall = StallWatch("desk", 10, 0)
    stall.saw_queue(queue("a"), 0)
    return stall


def test_silence_with_work_to_do_is_a_stall() -> None:
    stall = watch()
    stall.saw_queue(queue("a"), 9)
    assert not stall.is_stalled(9.9)
    assert stall.is_stalled(10)


def test_a_frame_of_work_is_a_sign_of_life() -> None:
    stall = watch()
    stall.saw_frame(messages.Progress("other", "1", 1, 2), 5)
    assert not stall.is_stalled(14)
    assert stall.is_stalled(15)


@pytest.mark.parametrize(
    "message",
    [
        messages.Status(3),
        messages.FeatureFlags({}),
        messages.Unknown("crystools.monitor"),
        messages.Malformed("x"),
        messages.Executing(None, "4", None),
    ],
)
def test_what_a_dead_worker_does_not_stop_is_none(message: messages.ServerMessage) -> None:
    stall = watch()
    stall.saw_frame(message, 9)
    assert stall.is_stalled(10)


def test_a_queue_that_moves_is_a_sign_of_life() -> None:
    stall = watch()
    stall.saw_queue(queue("b"), 9)
    assert not stall.is_stalled(18)
    assert stall.is_stalled(19)


def test_new_arrivals_behind_a_dead_worker_are_none() -> None:
    stall = watch()
    stall.saw_queue(queue("a", "b", "c"), 9)
    assert stall.is_stalled(10)


def test_an_idle_worker_is_not_dead() -> None:
    stall = StallWatch("desk", 10, 0)
    stall.saw_queue(queue(None), 1)
    stall.saw_queue(queue(None, "a"), 100)
    assert not stall.is_stalled(109)
    assert stall.is_stalled(110)


def test_a_strangers_prompt_may_take_its_time() -> None:
    stall = watch()
    stall.saw_queue(queue("x", "a", owner="somebody"), 50)
    stall.saw_queue(queue("x", "a", owner="somebody"), 99)
    assert not stall.is_stalled(100)


def test_a_new_link_starts_the_clock_again() -> None:
    stall = watch()
    stall.saw_link(9)
    assert not stall.is_stalled(18)


def test_a_recorded_queue() -> None:
    data = recordings.load("queue_delete_interrupt").data
    state = read_queue(data["queue"])
    assert state is not None
    running, waiting = data["ids"][0], data["queue"]["queue_pending"][1][1]
    assert state.is_running(running)
    assert not state.is_pending(running)
    assert state.is_pending(waiting)
    assert {item.client_id for item in state.running + state.pending} == {
        "abdc2631acfe44d7ab7791d29027d9d7"
    }


@pytest.mark.parametrize("body", [{}, {"queue_running": [], "queue_pending": {}}])
def test_what_is_no_queue(body: dict[str, object]) -> None:
    assert read_queue(body) is None


def test_rows_of_a_strange_shape_are_passed_over() -> None:
    body = {"queue_running": [[0, "a"], None, [1]], "queue_pending": [[1, "b", {}, {}, [], {}]]}
    assert read_queue(body) == QueueState((QueueItem("a", None),), (QueueItem("b", None),))
