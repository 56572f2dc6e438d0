"""Messages from a page are trusted in nothing, and what goes back is always JSON."""

from __future__ import annotations

import json
import math
from concurrent import futures

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.errors import CancelledError, ProtocolError, TokenError
from mechwidget.wire import envelope
from mechwidget.wire.envelope import Ask, Cancel, VersionMismatch, parse
from mechwidget.wire.limits import MAX_INCOMING_BYTES, MAX_INCOMING_ITEMS
from mechwidget.wire.plain_json import plain

ASK = {"v": 1, "id": "a-1", "op": "toggle", "args": {"component": {"type": "head", "layer": 1}}}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


def test_an_ask_and_a_cancel_are_read() -> None:
    ask = parse(ASK, [b"xy"])
    assert ask == Ask("a-1", "toggle", ASK["args"], (b"xy",))
    assert parse({"v": 1, "op": "cancel", "id": "a-1"}) == Cancel("a-1")
    assert parse({"v": 1, "op": "ping", "id": "a-1"}) == Ask("a-1", "ping", {})


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ({"op": "Toggle"}, "op is"),
        ({"op": "__init__"}, "op is"),
        ({"op": "x" * 65}, "op is"),
        ({"op": 3}, "op is"),
        ({"op": "toggle\n"}, "op is"),
        ({"id": ""}, "id is"),
        ({"id": 7}, "id is"),
        ({"id": "x" * 65}, "id is"),
        ({"args": []}, "args is"),
        ({"args": None}, "args is"),
        ({"extra": 1}, "no field 'extra'"),
        ({"args": {"x": float("nan")}}, "not finite"),
        ({"args": {"x": 10**400}}, "64 bits"),
        ({"args": {"x": b"bytes"}}, "not JSON"),
        ({"args": {"x": {1: 2}}}, "key"),
        ({"args": {"x": "é" * MAX_INCOMING_BYTES}}, "larger"),
        ({"args": {"x": [0] * (MAX_INCOMING_ITEMS + 1)}}, "values"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], needle: str) -> None:
    with pytest.raises(ProtocolError, match=needle):
        parse(ASK | change)


def test_nesting_is_refused_before_it_hurts() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ProtocolError, match="nested"):
        parse(ASK | {"args": {"x": deep}})


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None, [1]])
def test_another_version_is_a_mismatch(version: object) -> None:
    with pytest.raises(VersionMismatch, match="protocol"):
        parse(ASK | {"v": version})


@pytest.mark.parametrize("buffers", [[b"x" * (MAX_INCOMING_BYTES + 1)], ["text"], [None]])
def test_buffers_are_bytes_and_bounded(buffers: list[object]) -> None:
    with pytest.raises(ProtocolError):
        parse(ASK, buffers)  # type: ignore[arg-type]


@given(anything, st.dictionaries(st.sampled_from(["v", "id", "op", "args"]), anything))
def test_anything_is_read_or_refused(first: object, second: dict[str, object]) -> None:
    for content in (first, ASK | second, second):
        try:
            parse(content)
        except ProtocolError as error:
            assert error.message  # noqa: PT017 - either outcome is right, a third is not


@given(anything.filter(lambda value: not _has_bytes(value)))
def test_what_a_handler_returns_is_json_for_every_browser(value: object) -> None:
    text = json.dumps(plain(value), allow_nan=False)
    assert json.loads(text) == plain(value)


def _has_bytes(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    return isinstance(value, bytes) or (isinstance(value, list) and any(map(_has_bytes, value)))


def test_scalars_of_numpy_and_torch_are_numbers_and_nan_is_null() -> None:
    scalars = (np.float32(0.5), np.int64(3), np.bool_(True), torch.tensor(2.0), math.inf, math.nan)
    assert plain({"a": scalars}) == {"a": [0.5, 3, True, 2.0, None, None]}


@pytest.mark.parametrize("value", [object(), {1: 2}, b"x", {1, 2}, np.zeros(3)])
def test_what_has_no_json_form_is_a_fault_of_the_handler(value: object) -> None:
    with pytest.raises(TypeError):
        plain(value)


def test_an_answer_that_contains_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested"):
        plain(loop)


def test_errors_are_told_apart() -> None:
    error = TokenError("' Mary' is two tokens.", "Try 'Mary'.")
    assert envelope.describe(error, "set_metric") == {
        "type": "TokenError",
        "message": "' Mary' is two tokens.",
        "hint": "Try 'Mary'.",
    }
    unforeseen = envelope.describe(ZeroDivisionError("division by zero"), "toggle")
    assert unforeseen["type"] == "InternalError"
    assert "op toggle: ZeroDivisionError: division by zero" in unforeseen["message"]
    assert envelope.describe(futures.CancelledError(), "pattern")["type"] == "CancelledError"
    assert envelope.describe(CancelledError("stopped"), "pattern")["type"] == "CancelledError"
    assert envelope.describe(KeyboardInterrupt(), "pattern")["type"] == "Interrupted"
