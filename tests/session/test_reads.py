"""What views ask of the model through the session: done once, forgotten when the model changes."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from tests.session.tiny import PROMPT, SECONDS, tiny_module, tiny_tokenizer


@pytest.fixture
def session():
    with mw.Session(mw.wrap(tiny_module(), tiny_tokenizer()), PROMPT) as session:
        yield session


def asked(session, counted, key="resid"):
    def work(state, cancelled):
        counted.append(state.active)
        site = mw.Site("resid_post", 0)
        run = session.model.run(state.tokens, state.active, read=[site], cancelled=cancelled)
        return run.read[site]

    return session.read(key, work, lambda found: found.nbytes).result(SECONDS)


def test_the_same_question_is_answered_once(session):
    counted = []
    first = asked(session, counted)
    assert asked(session, counted) is first
    asked(session, counted, key="another")
    session.ablate(mw.Head(0, 1))
    edited = asked(session, counted)
    session.undo()
    assert asked(session, counted) is first
    assert len(counted) == 3
    assert not torch.equal(edited, first)


def test_an_answer_is_forgotten_with_the_weights(session):
    counted = []
    first = asked(session, counted)
    with torch.no_grad():
        session.model.model.transformer.h[0].mlp.c_proj.weight.mul_(2)
    assert not torch.equal(asked(session, counted), first)


def test_what_goes_wrong_is_raised_to_who_asks_and_nobody_else(session):
    def work(state, cancelled):
        raise mw.MechwidgetError("No such thing.")

    with pytest.raises(mw.MechwidgetError, match="No such thing"):
        session.read("broken", work, lambda _: 0).result(SECONDS)
    session.ablate(mw.Head(0, 1))
    assert session.wait(SECONDS)
    assert session.snapshot().standing.error is None


def test_closing_the_session_ends_what_is_asked():
    session = mw.Session(mw.wrap(tiny_module(), tiny_tokenizer()), PROMPT)
    with session.model.lock:  # so that the worker cannot be done with it before
        job = session.read("late", lambda *_: torch.zeros(1), lambda found: found.nbytes)
        session.close()
    with pytest.raises(mw.MechwidgetError, match="cancelled"):
        job.result(SECONDS)


def test_many_answers_come_one_by_one_and_are_all_of_one_model(session):
    weight = session.model.model.transformer.h[0].ln_1.weight
    counted, seen = [], []

    def question(name):
        def work(_):
            counted.append(name)
            return float(weight.detach()[0])

        return name, work

    def told(found):
        seen.append(len(found))
        if counted == ["one", "two"]:
            with torch.no_grad():
                weight[0] += 1

    asked = [question(name) for name in ("one", "two", "three")]
    answers = session.read_each(asked, lambda _: 8, told).result(SECONDS)
    assert len(set(answers)) == 1, "the weights were changed half-way: it starts over"
    assert counted == ["one", "two", "three", "one", "two"], "what is known is not asked again"
    assert seen == [1, 2, 1, 2, 3]
    assert session.read_each(asked, lambda _: 8, lambda _: None).result(SECONDS) == answers
    assert len(counted) == 5
