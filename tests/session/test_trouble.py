"""Trouble: errors in the model, NaN, interrupts, the end of the interpreter, closed sessions."""

from __future__ import annotations

import _thread
import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.session.computation import NotFiniteError
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, tiny_model

OVERFLOW = mw.SetValue(mw.MLP(2), 3e38)  # its mean over a row is infinite in float32


def test_nan_logits_are_an_error_that_says_what_to_do():
    with mw.Session(tiny_model(seed=1), PROMPT) as session:
        good = session.result
        session.interventions = [OVERFLOW]
        with pytest.raises(NotFiniteError, match="logits at token 9") as caught:
            _ = session.result
        assert "Undo the last change" in caught.value.hint
        assert "float32" in caught.value.hint
        assert session.now().standing.computed.result is good, "old numbers stay"
        session.undo()
        assert session.result is good
        session.ablate(mw.Head(0, 0))
        assert torch.isfinite(session.result.logits).all()


def test_a_model_whose_weights_are_nan_says_so_until_they_are_mended():
    model = tiny_model(seed=1)
    with mw.Session(model, PROMPT) as session:
        good = session.result.logits
        norm = model.model.transformer.ln_f.weight
        with torch.no_grad():
            kept = norm.clone()
            norm.fill_(torch.nan)
        session.ablate(mw.Head(0, 0))
        with pytest.raises(NotFiniteError, match="logits at token 9"):
            _ = session.result
        with torch.no_grad():
            norm.copy_(kept)
        session.undo()
        assert torch.equal(session.result.logits, good)


def test_a_metric_on_a_token_that_the_model_masks_says_so():
    model = tiny_model(seed=1)
    with torch.no_grad():
        model.model.lm_head.bias = torch.nn.Parameter(torch.zeros(model.vocab_size))
        model.model.lm_head.bias[1] = -torch.inf
    with mw.Session(model, PROMPT) as session:
        assert len(session.outcome.top) == 8
        session.metric = mw.LogitDiff("the", "cat")
        with pytest.raises(NotFiniteError, match=r"logit difference the . cat is -inf"):
            _ = session.metric_value
        assert np.isnan(session.effects().result(SECONDS)).all()
        session.metric = mw.LogitDiff("dog", "cat")
        assert session.metric_value is not None


def test_a_model_that_raises_harms_neither_session_nor_worker(session, model):
    session.wait()

    def fail(*_):
        raise RuntimeError("out of memory, say")

    handle = model.model.transformer.h[1].register_forward_hook(fail)
    try:
        session.ablate(mw.Head(0, 0))
        for _ in range(2):
            with pytest.raises(RuntimeError, match="out of memory"):
                _ = session.metric_value
        with pytest.raises(RuntimeError, match="out of memory"):
            session.pattern(mw.Head(0, 0)).result(SECONDS)
        with pytest.raises(RuntimeError, match="out of memory"):
            session.effects().result(SECONDS)
    finally:
        handle.remove()
    session.ablate(mw.Head(0, 1))
    assert session.metric_value is not None
    assert session.effects().result(SECONDS).shape == (3, 6)


def interrupt_soon():
    threading.Timer(0.1, _thread.interrupt_main).start()


def test_an_interrupt_while_waiting_cancels_and_is_raised_again(session, model):
    session.wait()
    with brake(model, 0.2) as slow:
        session.ablate(mw.Head(0, 0))
        interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            _ = session.result
        assert isinstance(session.now().standing.error, CancelledError), "known at once"
        eventually(lambda: session._open().worker._current is None)
        assert slow.blocks < 3
    assert session.result is not session.baseline, "asking again computes it after all"


def test_an_interrupt_while_waiting_for_a_sweep_cancels_it(session, model):
    session.wait()
    with brake(model, 0.05) as slow:
        watch = session.effects()
        interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            watch.result()
        eventually(lambda: session._open().worker._current is None)
        passes = slow.passes
        time.sleep(0.1)
        assert slow.passes == passes < 12


CLICK_AND_LEAVE = """
import torch
import mechwidget as mw
from tests.session.tiny import PROMPT, brake, tiny_model
model = tiny_model()
with brake(model, 0.3) as slow:
    session = mw.Session(model, PROMPT)
    session.ablate(mw.Head(0, 0))
    watch = session.effects(print)
    assert slow.running.wait(20)
    {end}
"""


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [("raise SystemExit(0)", 0, ""), ("1 / 0", 1, "ZeroDivisionError")],
)
def test_the_interpreter_ends_promptly_in_the_middle_of_a_run(end, code, told):
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", CLICK_AND_LEAVE.format(end=end)],
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == code
    assert told in ended.stderr
    assert "Fatal" not in ended.stderr
    assert time.monotonic() - began < 60


def test_a_closed_session_refuses_and_wakes_who_waits(model):
    session = mw.Session(model, PROMPT)
    with brake(model, 0.1):
        session.ablate(mw.Head(0, 0))
        woken = []

        def wait():
            try:
                woken.append(session.result)
            except MechwidgetError as error:
                woken.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        fetches = [session.pattern(mw.Head(0, 0)), session.effects()]
        time.sleep(0.02)
        session.close()
        session.close()
        waiting.join(SECONDS)
        assert isinstance(woken[0], MechwidgetError)
        for fetch in fetches:
            with pytest.raises(CancelledError):
                fetch.result(SECONDS)
    for use in (
        lambda: session.model,
        lambda: session.result,
        lambda: session.toggle(mw.Head(0, 0)),
        lambda: session.now(),
        lambda: session.effects(),
    ):
        with pytest.raises(MechwidgetError, match="was closed"):
            use()


@pytest.mark.parametrize("trouble", ["none", "error", "cancelled sweep", "observer"])
def test_a_closed_session_frees_the_model(trouble):
    model = tiny_model(seed=3)
    seen = weakref.ref(model.model)
    session = mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug"))
    session.ablate(mw.Head(0, 0))
    session.pattern(mw.Head(0, 0)).result(SECONDS)
    session.scores("induction").result(SECONDS)
    result = session.result
    if trouble == "error":
        with torch.no_grad():
            model.model.transformer.ln_f.weight.fill_(torch.nan)
        session.ablate(mw.Head(0, 1))
        with pytest.raises(NotFiniteError):
            _ = session.result
    elif trouble == "cancelled sweep":
        session.effects().cancel()
    elif trouble == "observer":
        session.observe(lambda change, held=model: held, "interventions")
        session.unobserve_all()
    session.close()
    del model
    eventually(lambda: gc.collect() >= 0 and seen() is None, seconds=5)
    assert result.logits.shape[0] == 1, "what was read off it stays"


def test_a_session_that_was_only_dropped_frees_the_model_too():
    model = tiny_model(seed=4)
    seen = weakref.ref(model.model)
    session = mw.Session(model, PROMPT)
    session.wait()
    del model, session
    eventually(lambda: gc.collect() >= 0 and seen() is None, seconds=5)
