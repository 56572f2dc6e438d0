"""A page asks and is answered, whatever it sends, whatever a handler does, on whatever thread."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechwidget import __version__
from mechwidget.errors import CancelledError, ComponentError
from mechwidget.wire import Arguments, Channel, Request, decode, encode
from mechwidget.wire.limits import MAX_CHUNK_BYTES, MAX_IN_FLIGHT


class Page:
    """Collects what a channel sends."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self.channel = Channel(self.take, about={"session": "s-1"})

    def take(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.messages.append(content)
        self.buffers.append(buffers)

    def ask(self, op: str, name: str = "1", **args: object) -> None:
        self.channel.receive({"v": 1, "id": name, "op": op, "args": args})

    def cancel(self, name: str = "1") -> None:
        self.channel.receive({"v": 1, "id": name, "op": "cancel"})

    @property
    def last(self) -> dict[str, Any]:
        return self.messages[-1]


@pytest.fixture
def page() -> Page:
    return Page()


def test_hello_tells_versions_and_session(page: Page) -> None:
    page.ask("hello", protocol=1, version="0.0.1")
    assert page.last["result"] == {"protocol": 1, "version": __version__, "session": "s-1"}
    page.ask("ping")
    assert page.last == {"v": 1, "id": "1", "ok": True, "result": {}}


@pytest.mark.parametrize("protocol", [2, "1", None])
def test_a_page_of_another_protocol_is_told(page: Page, protocol: object) -> None:
    page.ask("hello", protocol=protocol, version="9")
    assert page.last["error"]["type"] == "VersionMismatch"
    page.channel.receive({"v": 2, "id": "x", "op": "ping", "args": {}})
    assert page.last["id"] == "x"
    assert page.last["error"]["type"] == "VersionMismatch"


@pytest.mark.parametrize(
    ("returned", "result", "n_frames"),
    [
        (None, {}, 0),
        ({"revision": 3}, {"revision": 3}, 0),
        (({"layer": 1}, encode([1.0])), {"layer": 1}, 1),
        (encode([1.0]), {}, 1),
        (({"n": 2}, encode([1.0]), encode([2.0])), {"n": 2}, 2),
    ],
)
def test_a_handler_may_return(page: Page, returned: Any, result: object, n_frames: int) -> None:
    page.channel.on("op", lambda args, request: returned)
    page.ask("op")
    assert page.last["ok"] is True
    assert page.last["result"] == result
    assert len(page.last.get("frames", [])) == len(page.buffers[-1]) == n_frames


@pytest.mark.parametrize("returned", [object(), ({"a": 1}, "no frame"), {"x": b"bytes"}])
def test_a_handler_that_returns_nonsense_is_an_internal_error(
    page: Page, returned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    page.channel.on("op", lambda args, request: returned)
    page.ask("op")
    assert page.last["error"]["type"] == "InternalError"
    assert "op op" in page.last["error"]["message"]
    assert caplog.records[-1].exc_info is not None


def test_an_error_that_a_person_can_mend_arrives_as_it_is(page: Page) -> None:
    def refuse(args: Arguments, request: Request) -> None:
        raise ComponentError("There is no head 9.9.", "Heads go from 0.0 to 3.3.")

    page.channel.on("toggle", refuse)
    page.ask("toggle")
    assert page.last["error"] == {
        "type": "ComponentError",
        "message": "There is no head 9.9.",
        "hint": "Heads go from 0.0 to 3.3.",
    }


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt(), RecursionError()])
def test_ipywidgets_2612_no_exception_leaves_the_callback(page: Page, error: Any) -> None:
    def fail(args: Arguments, request: Request) -> None:
        raise error

    page.channel.on("op", fail)
    page.ask("op")
    assert page.last["ok"] is False
    page.ask("ping", "2")
    assert page.last["ok"] is True


def test_unknown_ops_name_the_known_ones(page: Page) -> None:
    page.channel.on("toggle", lambda args, request: None)
    page.ask("togle")
    assert "hello, ping, toggle" in page.last["error"]["message"]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(
    st.dictionaries(
        st.sampled_from(["v", "id", "op", "args", "ok", "x"]),
        json_like | st.sampled_from([1, "ping", "cancel", "hello", "1"]),
    )
    | json_like
)
def test_whatever_a_page_sends_the_channel_lives(content: object) -> None:
    page = Page()
    page.channel.receive(content, None)
    page.ask("ping", "alive")
    assert page.last == {"v": 1, "id": "alive", "ok": True, "result": {}}


def test_messages_of_others_on_the_same_comm_are_left_alone(page: Page) -> None:
    page.channel.receive({"kind": "anywidget-command", "id": "1", "name": "x"}, [])
    page.channel.receive("text")
    assert page.messages == []


def test_a_deferred_answer_is_acknowledged_at_once(page: Page) -> None:
    future: Future[Any] = Future()
    page.channel.on("effects", lambda args, request: future)
    page.ask("effects")
    assert page.messages == [{"v": 1, "id": "1", "ack": True}]
    future.set_result(({"unit": "logits"}, encode([1.0])))
    assert page.last["result"] == {"unit": "logits"}
    assert len(page.buffers[-1]) == 1


def test_a_deferred_answer_that_is_there_needs_no_receipt(page: Page) -> None:
    future: Future[Any] = Future()
    future.set_result({"n": 1})
    page.channel.on("op", lambda args, request: future)
    page.ask("op")
    assert [message.get("ack") for message in page.messages] == [None]


def test_a_slow_handler_is_acknowledged_before_it_starts(page: Page) -> None:
    seen: list[int] = []
    page.channel.on("op", lambda args, request: seen.append(len(page.messages)), slow=True)
    page.ask("op")
    assert seen == [1]
    assert page.messages[0] == {"v": 1, "id": "1", "ack": True}


@pytest.mark.parametrize(
    ("error", "type_"),
    [
        (CancelledError("Something newer came."), "CancelledError"),
        (ComponentError("No."), "ComponentError"),
        (RuntimeError("boom"), "InternalError"),
        (KeyboardInterrupt(), "Interrupted"),
    ],
)
def test_a_deferred_failure_is_an_error_envelope(page: Page, error: Any, type_: str) -> None:
    future: Future[Any] = Future()
    page.channel.on("op", lambda args, request: future)
    page.ask("op")
    future.set_exception(error)
    assert page.last["error"]["type"] == type_


def test_a_job_that_something_newer_replaced_says_so(page: Page) -> None:
    future: Future[Any] = Future()
    page.channel.on("op", lambda args, request: future)
    page.ask("op")
    assert future.cancel()
    assert page.last["error"]["type"] == "CancelledError"


def test_cancel_reaches_the_job_and_nothing_is_sent_after(page: Page) -> None:
    future: Future[Any] = Future()
    requests: list[Request] = []

    def begin(args: Arguments, request: Request) -> Future[Any]:
        requests.append(request)
        future.set_running_or_notify_cancel()
        return future

    page.channel.on("op", begin)
    page.ask("op")
    assert not requests[0].cancelled()
    page.cancel()
    assert requests[0].cancelled()
    n_messages = len(page.messages)
    requests[0].progress(1, 2)
    future.set_result({"n": 1})
    assert len(page.messages) == n_messages
    page.cancel()  # once more, and of something unknown: nothing to do
    page.cancel("unknown")
    assert len(page.messages) == n_messages


def test_an_id_can_be_used_again_after_its_answer_but_not_before(page: Page) -> None:
    future: Future[Any] = Future()
    page.channel.on("op", lambda args, request: future)
    page.ask("op")
    page.ask("op")
    assert "id already" in page.last["error"]["message"]
    future.set_result(None)
    page.ask("op")
    assert page.last["ok"] is True


def test_a_flood_of_requests_is_refused(page: Page) -> None:
    futures: list[Future[Any]] = []

    def begin(args: Arguments, request: Request) -> Future[Any]:
        futures.append(Future())
        return futures[-1]

    page.channel.on("op", begin)
    for i in range(MAX_IN_FLIGHT + 1):
        page.ask("op", str(i))
    assert "unanswered" in page.last["error"]["message"]
    futures[0].set_result(None)
    page.ask("op", "again")
    assert page.last["ack"] is True


def test_lonboard_514_large_answers_come_in_pieces_of_a_megabyte(page: Page) -> None:
    arrays = [np.arange(600_000, dtype=np.float32), np.arange(10), np.arange(300_000) / 7]
    page.channel.on("op", lambda args, request: ({"n": 3}, *map(encode, arrays)))
    page.ask("op")
    pieces = [buffers[0] for buffers in page.buffers]
    assert max(map(len, pieces)) <= MAX_CHUNK_BYTES
    count = len(pieces)
    assert [message["chunk"] for message in page.messages] == [
        {"index": index, "count": count} for index in range(count)
    ]
    assert all("result" not in message for message in page.messages[1:])
    joined, start = b"".join(pieces), 0
    for header, array in zip(page.messages[0]["frames"], arrays, strict=True):
        size = 4 * header["shape"][0]
        seen = decode(header, joined[start : start + size])
        np.testing.assert_array_equal(seen, np.asarray(array, np.float32))
        start += size
    assert start == len(joined)


def test_jupyterlab_19719_answers_from_many_threads_do_not_mix() -> None:
    sent: list[tuple[str, int]] = []

    def send(content: dict[str, Any], buffers: list[bytes]) -> None:
        if "chunk" in content:
            sent.append((content["id"], content["chunk"]["index"]))
            time.sleep(0.0005)  # so that another thread could come between

    channel = Channel(send)
    big = encode(np.zeros(700_000, np.float32))
    with ThreadPoolExecutor(8) as pool:
        channel.on("big", lambda args, request: pool.submit(lambda: ({}, big)))
        for i in range(16):
            channel.receive({"v": 1, "id": str(i), "op": "big", "args": {}})
    answers = [sent[start : start + 3] for start in range(0, len(sent), 3)]
    assert len(answers) == 16
    for answer in answers:
        assert answer == [(answer[0][0], index) for index in range(3)]


def test_a_page_that_has_gone_does_not_raise_into_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def send(content: object, buffers: object) -> None:
        raise OSError("comm is closed")

    channel = Channel(send)
    future: Future[Any] = Future()
    channel.on("op", lambda args, request: future)
    with caplog.at_level(logging.WARNING):
        channel.receive({"v": 1, "id": "1", "op": "op", "args": {}})
        future.set_result({"n": 1})
    assert "did not reach" in caplog.text


def test_a_closed_channel_withdraws_everything_and_is_mute(page: Page) -> None:
    future: Future[Any] = Future()
    page.channel.on("op", lambda args, request: future)
    page.ask("op")
    n_messages = len(page.messages)
    page.channel.close()
    page.channel.close()
    assert future.cancelled()
    page.ask("ping", "2")
    assert len(page.messages) == n_messages


def test_an_answer_that_is_too_large_is_an_error_not_silence(page: Page) -> None:
    half = encode(np.zeros((12, 2**20), np.float32))
    page.channel.on("op", lambda args, request: ({}, half, half))
    page.ask("op")
    assert len(page.messages) == 1
    assert "over the limit" in page.last["error"]["message"]
