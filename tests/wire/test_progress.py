"""Progress is slow enough for the page, never older than the answer, and its last word arrives."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest

from mechwidget.wire import encode, envelope
from mechwidget.wire.envelope import Ask
from mechwidget.wire.limits import MESSAGE_SECONDS, PROGRESS_SECONDS
from mechwidget.wire.outbox import Outbox
from mechwidget.wire.request import Pace, Request


class Sent:
    """An outbox's other end, with the time of every message."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.times: list[float] = []

    def __call__(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.messages.append(content)
        self.times.append(time.monotonic())

    def done(self) -> list[float]:
        return [m["progress"]["done"] for m in self.messages if "progress" in m]


@pytest.fixture
def sent() -> Sent:
    return Sent()


def request(sent: Sent, name: str = "1", pace: Pace | None = None) -> Request:
    return Request(Ask(name, "effects", {}), Outbox(sent), pace)


def test_a_thousand_steps_are_a_few_messages_and_the_last_comes_before_the_answer(
    sent: Sent,
) -> None:
    subject = request(sent)
    start = time.monotonic()
    for step in range(1000):
        subject.progress(step + 1, 1000, "layer")
    subject.finish(envelope.answer("1", {}))
    elapsed = time.monotonic() - start
    done = sent.done()
    assert done[0] == 1
    assert done[-1] == 1000
    assert len(done) <= 2 + elapsed / PROGRESS_SECONDS
    assert sent.messages[-1]["ok"] is True


def test_the_last_word_arrives_though_nothing_follows(sent: Sent) -> None:
    subject = request(sent)
    for step in (1, 2, 3):
        subject.progress(step, 3)
    assert sent.done() == [1]
    time.sleep(3 * PROGRESS_SECONDS)
    assert sent.done() == [1, 3]
    assert sent.times[1] - sent.times[0] >= 0.9 * PROGRESS_SECONDS


def test_many_requests_share_the_pace_of_their_channel(sent: Sent) -> None:
    pace = Pace(MESSAGE_SECONDS)
    subjects = [request(sent, str(i), pace) for i in range(12)]
    for step, subject in itertools.product(range(5), subjects):
        subject.progress(step, 5)
    time.sleep(14 * MESSAGE_SECONDS)
    gaps = np.diff(sorted(sent.times))
    assert gaps.min() >= 0.9 * MESSAGE_SECONDS
    time.sleep(20 * MESSAGE_SECONDS)
    last = {m["id"]: m["progress"]["done"] for m in sent.messages}
    assert last == {str(i): 4 for i in range(12)}


def test_nothing_follows_an_answer(sent: Sent) -> None:
    subject = request(sent)
    subject.progress(1, 3)
    subject.progress(2, 3)
    subject.finish(envelope.answer("1", {}))
    n_messages = len(sent.messages)
    subject.progress(3, 3)
    subject.acknowledge()
    subject.finish(envelope.answer("1", {}))
    time.sleep(2 * PROGRESS_SECONDS)
    assert len(sent.messages) == n_messages
    assert sent.done() == [1, 2]


def test_a_withdrawn_request_says_nothing_more_not_even_what_was_held(sent: Sent) -> None:
    subject = request(sent)
    called: list[str] = []
    subject.on_cancel(lambda: called.append("before"))
    subject.progress(1, 3)
    subject.progress(2, 3)
    subject.withdraw()
    subject.on_cancel(lambda: called.append("after"))
    time.sleep(2 * PROGRESS_SECONDS)
    assert sent.done() == [1]
    assert called == ["before", "after"]


def test_a_partial_result_comes_with_its_frames(sent: Sent) -> None:
    subject = request(sent)
    frame = encode(np.full((2, 3), np.nan))
    subject.progress(1, 2, "layer 0", [frame], partial={"unit": "nats"})
    (message,) = sent.messages
    assert message["progress"] == {"done": 1, "total": 2, "label": "layer 0"}
    assert message["partial"] == {"unit": "nats"}
    assert message["frames"] == [frame.header()]
