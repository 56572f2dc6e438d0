"""Continuations: what transformers would write, streamed, and never in the way of a click."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError, InterventionError, MechwidgetError
from mechwidget.models.generation import Generation
from tests.session.encoders import BLANK, masked_model
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, tiny_model

NEW = 12


@pytest.fixture
def own():
    """A session on a model of its own, that never ends a text early."""
    model = tiny_model(seed=3)
    model.model.generation_config.eos_token_id = None
    model.model.config.eos_token_id = None
    with mw.Session(model, PROMPT) as session:
        yield session


def ids(row):
    return [token.id for token in row]


def test_greedy_is_what_transformers_writes(own):
    given = torch.tensor([own.model.tokenize(PROMPT).ids])
    with torch.no_grad():
        whole = own.model.model.generate(
            given, max_new_tokens=NEW, do_sample=False, attention_mask=torch.ones_like(given)
        )
    written = own.continuation(NEW).result(SECONDS)
    assert ids(written.baseline) == whole[0, given.shape[1] :].tolist()
    assert written.edited is None
    assert written.divergence is None
    assert written.ended == "max_new_tokens"
    assert written.text == written.baseline_text
    assert len(written) == NEW


@pytest.mark.parametrize(("temperature", "top_p", "seed"), [(0.0, 1.0, 0), (1.5, 0.9, 7)])
def test_both_rows_are_what_the_engine_writes(own, temperature, top_p, seed):
    edit = mw.Ablate(mw.MLP(1))
    own.interventions = [edit]
    seen = []
    job = own.continuation(NEW, temperature, top_p, seed, progress=seen.append)
    written = job.result(SECONDS)
    drawn = {"temperature": temperature, "top_p": top_p, "seed": seed}
    for row, edits in ((written.baseline, []), (written.edited, [edit])):
        steps = list(own.model.generate(PROMPT, edits, NEW, **drawn))
        assert ids(row) == [step.id for step in steps]
        for token, step in zip(row, steps, strict=True):
            assert token.probability == pytest.approx(step.probability, rel=1e-4)
            best = token.likely[0]
            assert best.id == int(step.logits.argmax())
            assert best.probability == pytest.approx(float(step.logits.softmax(-1).max()), rel=1e-4)
    apart = [a != b for a, b in zip(ids(written.baseline), ids(written.edited), strict=True)]
    assert any(apart), "the edit does nothing here: choose another"
    assert written.divergence == apart.index(True)
    for place in range(NEW):
        speaks = place <= written.divergence
        assert (written.edited[place].beside is not None) == speaks
    first = written.edited[0]
    baseline = own.model.run(PROMPT, positions=[-1]).logits[0, 0].softmax(-1)
    assert first.beside == pytest.approx(float(baseline[first.id]), rel=1e-4)
    # Whatever was reported on the way is the beginning of it.
    for so_far in seen:
        assert ids(so_far.edited) == ids(written.edited)[: len(so_far.edited)]
    assert seen


def test_every_intervention_acts_where_it_is_told_to(own):
    own.interventions = [mw.Ablate(mw.MLP(1))]
    texts = {on: own.continuation(NEW, on=on).result(SECONDS) for on in ("prompt", "generated")}
    for on, written in texts.items():
        steps = own.model.generate(PROMPT, own.interventions, NEW, on=on)
        assert ids(written.edited) == [step.id for step in steps]
    assert texts["prompt"].text != texts["generated"].text
    own.interventions = [mw.Patch(mw.Head(1, 0), "the dog sat under the mat and the dog ran")]
    with pytest.raises(InterventionError, match="generated"):
        own.continuation(NEW, on="generated").result(SECONDS)


def test_a_click_is_answered_first_and_writing_goes_on(own):
    expected = ids(own.continuation(NEW).result(SECONDS).baseline)
    model = own.model
    own.prompt = PROMPT + " on"
    own.prompt = PROMPT
    order, started = [], threading.Event()
    with brake(model, 0.01):  # which also makes the remembered text a stranger's
        job = own.continuation(NEW, progress=lambda so_far: started.set())
        job.add_done_callback(lambda _: order.append("text"))
        assert started.wait(SECONDS)
        own.ablate(mw.Head(0, 0))
        assert own.result is not None
        order.append("click")
        written = job.result(SECONDS)
    eventually(lambda: len(order) == 2)
    assert order == ["click", "text"]
    assert ids(written.baseline) == expected
    assert written.edited is None  # of the state that it was asked about


def test_it_makes_way_between_two_blocks_and_loses_nothing(own):
    """Something urgent comes in the middle of nearly every step, and both rows stay the same."""
    own.interventions = [mw.Ablate(mw.MLP(1))]
    expected = own.continuation(8, 1.0, 1.0, 5).result(SECONDS)
    calls, clicks = itertools.count(), []

    def urgent(*_):
        if (call := next(calls)) % 3 == 1 and call < 30:  # the runs of these clicks come here too
            clicks.append(call)
            other.toggle(mw.Head(0, call % 3))

    with mw.Session(own.model, "the cat") as other, brake(own.model):
        handle = own.model.model.transformer.h[1].register_forward_hook(urgent)
        try:
            found = own.continuation(8, 1.0, 1.0, 5).result(SECONDS)
        finally:
            handle.remove()
    assert ids(found.edited) == ids(expected.edited)
    assert ids(found.baseline) == ids(expected.baseline)
    assert len(clicks) == 10


@pytest.mark.parametrize("writing", [False, True], ids=["before", "while it writes"])
def test_cancelling_ends_it_within_a_block_and_frees_the_cache(own, monkeypatch, writing):
    made = []
    begin = Generation._start

    def watched(self):
        begin(self)
        made.append(weakref.ref(self._decoders[-1]))

    monkeypatch.setattr(Generation, "_start", watched)
    with brake(own.model, 0.05) as slow:
        reports = []
        job = own.continuation(NEW, progress=reports.append)
        eventually(lambda: reports if writing else slow.blocks > 4)
        job.cancel()
        at = slow.blocks
        with pytest.raises(CancelledError):
            job.result(SECONDS)
        assert slow.blocks <= at + 1
        eventually(lambda: gc.collect() >= 0 and all(ref() is None for ref in made))
    assert bool(made) == writing
    own.ablate(mw.Head(0, 0))
    assert own.result is not None  # the worker lives on


def test_closing_the_session_ends_it():
    session = mw.Session(tiny_model(seed=3), PROMPT)
    with brake(session.model, 0.02):
        job = session.continuation(NEW)
        session.close()
        with pytest.raises(CancelledError):
            job.result(SECONDS)


def test_undoing_finds_the_same_text_and_other_weights_write_another(own):
    with brake(own.model):  # hooks of one's own: nobody can say what they do
        first = own.continuation(NEW).result(SECONDS)
        assert own.continuation(NEW).result(SECONDS) is not first
    first = own.continuation(NEW).result(SECONDS)
    own.ablate(mw.MLP(1))
    own.continuation(NEW).result(SECONDS)
    own.undo()
    assert own.continuation(NEW).result(SECONDS) is first
    assert own.continuation(NEW, seed=1).result(SECONDS) is not first
    with torch.no_grad():
        own.model.model.transformer.h[1].mlp.c_proj.weight.mul_(-2)
    assert ids(own.continuation(NEW).result(SECONDS).baseline) != ids(first.baseline)


def test_where_it_ends(own):
    own.prompt = " ".join(["the"] * 30)  # of 32 positions
    written = own.continuation(NEW).result(SECONDS)
    assert len(written) == 3
    assert "context of 32 tokens is full" in written.ended
    stop = int(written.baseline[0].id)
    own.model.model.generation_config.eos_token_id = stop
    ended = own.continuation(NEW, seed=1).result(SECONDS)
    assert (ended.ended, len(ended)) == ("end of text", 1)


def test_what_cannot_go_on_says_why(own):
    with (
        mw.Session(masked_model(), BLANK) as fills_in,
        pytest.raises(MechwidgetError, match="does not predict the next token"),
    ):
        fills_in.continuation().result(SECONDS)
    for wrong in ({"temperature": -1.0}, {"top_p": 0.0}, {"max_new_tokens": -1}):
        with pytest.raises(InterventionError):
            own.continuation(**wrong).result(SECONDS)


def test_an_interrupt_gives_it_up(own, monkeypatch):
    job = own.continuation(NEW)
    monkeypatch.setattr(
        type(job._future), "exception", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        job.result()
    monkeypatch.undo()
    assert job.cancelled()
    assert own.wait(SECONDS)
