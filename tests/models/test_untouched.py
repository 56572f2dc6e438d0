"""The module is exactly as before after any run: finished, failed, cancelled or interrupted."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.overrides import BaseTorchFunctionMode, _get_current_function_mode_stack

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.models import Edit
from tests.models.state import is_free, state_of, thread_state
from tests.models.zoo.build import build, example, hooked, own_logits, shared
from tests.models.zoo.species import ZOO

# An interrupt that lands in the finaliser of a generator cannot propagate; Python says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Break:
    """An intervention that fails in the middle of the forward pass."""

    def __init__(self, site: mw.Site, error: BaseException) -> None:
        self.site, self.error = site, error

    def edits(self, _model: Any, _n: int) -> tuple[Edit, ...]:
        def apply(_tensor: torch.Tensor) -> torch.Tensor:
            raise self.error

        return (Edit(self.site, apply),)


def everything(model: mw.HookedModel) -> Callable[[], mw.Run]:
    """A run that uses every kind of hook at once."""
    layer = model.n_layers - 1
    edits: list[Any] = [mw.Ablate(mw.MLP(0))] if model.has_mlp(0) else []
    edits += [mw.Ablate(mw.Head(layer, 0))] if model.n_heads(layer) else []
    return lambda: model.run(
        example(), edits, read=model.sites, positions=[-1], cancelled=lambda: False
    )


@pytest.mark.parametrize("name", ZOO)
def test_nothing_is_left_behind_by_wrapping_running_failing_or_cancelling(name: str) -> None:
    model, ids = build(name).train(), example()
    reference = own_logits(shared(name), ids)
    before, thread = state_of(model), thread_state()
    wrapped = mw.wrap(model)
    assert state_of(model) == before
    everything(wrapped)()
    assert state_of(model) == before
    for site in (wrapped.sites[0], wrapped.sites[len(wrapped.sites) // 2], wrapped.sites[-1]):
        for error in (RuntimeError("boom"), KeyboardInterrupt()):
            with pytest.raises(type(error)):
                wrapped.run(ids, [Break(site, error)], read=wrapped.sites)
            assert state_of(model) == before
    answers = iter([False] * 3 + [True])
    with pytest.raises(CancelledError):
        wrapped.run(ids, read=wrapped.sites, cancelled=lambda: next(answers))
    assert state_of(model) == before
    assert thread_state() == thread
    assert is_free(wrapped.lock)
    assert torch.equal(own_logits(model.eval(), ids), reference)


class Interrupter:
    """Raises at the n-th function entry after it was started, as an interrupt would."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def entries_of(action: Callable[[], Any]) -> int:
    counter = Interrupter(10**9)
    sys.settrace(counter)
    try:
        action()
    finally:
        sys.settrace(None)
    return 10**9 - counter.left


def interrupt(action: Callable[[], Any], at: int) -> None:
    """Run `action`, interrupted at its `at`-th function entry, under a mode of the user's own."""
    with BaseTorchFunctionMode() as users_own:
        sys.settrace(Interrupter(at))
        try:
            action()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert _get_current_function_mode_stack() == [users_own]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gptj", "falcon"])
def test_an_interrupt_at_every_function_entry_leaves_nothing_behind(name: str) -> None:
    """One entry in two thousand lies inside torch's own handling of modes: try them all."""
    wrapped = hooked(name)
    action = everything(wrapped)
    action()
    before, thread = state_of(wrapped.model), thread_state()
    for at in range(1, entries_of(action) + 1):
        interrupt(action, at)
        assert thread_state() == thread
    assert state_of(wrapped.model) == before
    assert is_free(wrapped.lock)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj", "falcon", "bamba"])
def test_an_interrupt_at_any_function_entry_leaves_nothing_behind(name: str) -> None:
    model = build(name)
    wrapped = mw.wrap(model)
    action = everything(wrapped)
    action()
    entries, before, thread = entries_of(action), state_of(model), thread_state()
    assert entries > 500

    @settings(max_examples=40, deadline=None)
    @given(at=st.integers(1, entries))
    def law(at: int) -> None:
        interrupt(action, at)
        assert thread_state() == thread
        assert state_of(model) == before
        assert is_free(wrapped.lock)

    law()
    ids = example()
    assert torch.equal(wrapped.run(ids).logits, own_logits(shared(name), ids))


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(["gpt2", "gptj", "gemma2"]), fraction=st.floats(0, 1.2))
def test_an_exception_from_another_thread_leaves_nothing_behind(name: str, fraction: float) -> None:
    """`PyThreadState_SetAsyncExc` is what a kernel's interrupt and a cancelled thread come to."""
    wrapped, ids = hooked(name), example()
    model, action = wrapped.model, everything(wrapped)
    started = time.perf_counter()
    action()
    duration = time.perf_counter() - started
    before, ended = state_of(model), []

    def work() -> None:
        thread = thread_state()
        try:
            for _ in range(50):
                action()
        except KeyboardInterrupt:
            pass
        ended.append(thread_state() == thread)

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(duration * (1 + fraction))
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(worker.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
    worker.join()
    assert ended == [True]
    assert state_of(model) == before
    assert is_free(wrapped.lock)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj"])
def test_another_threads_own_forward_never_sees_an_edit(name: str) -> None:
    """Half-way through our run, the user's module is untouched and gives its own answer."""
    model, ids = build(name), example()
    wrapped, before, seen = mw.wrap(model), state_of(model), []
    reference = own_logits(model, ids)

    class Meanwhile:
        def edits(self, _model: Any, _n: int) -> tuple[Edit, ...]:
            def apply(tensor: torch.Tensor) -> torch.Tensor:
                def look() -> None:
                    seen.append(torch.equal(own_logits(model, ids), reference))
                    seen.append(state_of(model) == before)

                thread = threading.Thread(target=look)
                thread.start()
                thread.join()
                look()
                return torch.zeros_like(tensor)

            return (Edit(mw.Site("pattern", 1), apply),)

    edited = wrapped.run(ids, [mw.Ablate(mw.MLP(0)), Meanwhile()])
    assert seen == [True] * 4
    assert not torch.equal(edited.logits, reference)


def test_many_threads_and_two_wrappers_share_one_module() -> None:
    model, ids = build("gpt2"), example()
    wrappers = [mw.wrap(model), mw.wrap(model)]
    assert wrappers[0].lock is wrappers[1].lock
    edits = [[mw.Ablate(mw.Head(layer, head))] for layer in range(3) for head in range(4)]
    expected = [wrappers[0].run(ids, edit).logits for edit in edits]
    wrong: list[int] = []

    def work(offset: int) -> None:
        for i in range(len(edits)):
            i = (i + offset) % len(edits)
            if not torch.equal(wrappers[i % 2].run(ids, edits[i]).logits, expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(3 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_users_forward_in_a_loop_beside_our_runs_is_never_disturbed() -> None:
    model, ids = build("llama"), example()
    wrapped, reference = mw.wrap(model), own_logits(model, ids)
    expected = everything(wrapped)().logits
    stop, wrong = threading.Event(), []

    def users_own() -> None:
        while not stop.is_set():
            if not torch.equal(own_logits(model, ids), reference):
                wrong.append("own")

    thread = threading.Thread(target=users_own)
    thread.start()
    ours = [everything(wrapped)().logits for _ in range(40)]
    stop.set()
    thread.join()
    assert wrong == []
    assert all(torch.equal(logits, expected) for logits in ours)


def test_cancelling_stops_before_the_next_block() -> None:
    model, asked = hooked("gpt2"), []
    with pytest.raises(CancelledError):
        model.run(example(), cancelled=lambda: asked.append(1) or len(asked) == 3)
    assert len(asked) == 3  # at the start, before block 0, before block 1
