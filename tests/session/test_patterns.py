"""Patterns and scores as a session fetches them: the model's own numbers, read once."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import ComponentError
from mechwidget.session import patterns as patterns_module
from mechwidget.session.looking import Looking
from tests.session.tiny import PROMPT, SECONDS, brake, tiny_module, tiny_tokenizer


@pytest.fixture
def attentions(model, session):
    """What the model itself says, under its eager attention."""
    module = tiny_module()
    module.set_attn_implementation("eager")
    with torch.no_grad():
        ids = torch.tensor([session.result.tokens.ids])
        return [layer[0] for layer in module(ids, output_attentions=True).attentions]


def test_a_pattern_is_what_the_model_attends_to(session, attentions):
    session.ablate(mw.Head(0, 0))
    for layer, head in [(0, 0), (1, 2), (2, 1)]:
        pattern = session.pattern(mw.Head(layer, head), edited=False).result(SECONDS)
        torch.testing.assert_close(pattern, attentions[layer][head])


def test_an_edited_pattern_follows_the_interventions_that_are_on(session, attentions):
    head = mw.Head(1, 0)
    session.ablate(mw.MLP(0))
    edited = session.pattern(head).result(SECONDS)
    assert not torch.allclose(edited, attentions[1][0])
    session.disable(0)
    torch.testing.assert_close(session.pattern(head).result(SECONDS), attentions[1][0])


@pytest.fixture
def runs(model, session, monkeypatch):
    """Every run of the model from now on, by what it looks at."""
    session.wait()
    seen, run = [], model.run

    def counted(*args, **options):
        looks = [each for each in args[1] if isinstance(each, Looking)]
        seen.append([site for each in looks for site in each.at])
        return run(*args, **options)

    monkeypatch.setattr(model, "run", counted)
    return seen


def test_all_heads_cost_one_pass_while_patterns_are_small(session, runs):
    for layer in range(3):
        for head in range(3):
            session.pattern(mw.Head(layer, head), edited=False).result(SECONDS)
    assert len(runs) == 1


def test_large_patterns_are_read_layer_by_layer(session, runs, monkeypatch):
    monkeypatch.setattr(patterns_module, "_BYTES_READ_AT_ONCE", 100)
    session.pattern(mw.Head(0, 0)).result(SECONDS)
    session.pattern(mw.Head(0, 1)).result(SECONDS)
    assert runs == [[("pattern", 0)]]
    session.pattern(mw.Head(1, 1)).result(SECONDS)
    assert runs == [[("pattern", 0)], [("pattern", 1)]]


def test_what_comes_after_the_last_look_is_not_computed(model, session, monkeypatch):
    monkeypatch.setattr(patterns_module, "_BYTES_READ_AT_ONCE", 100)
    session.ablate(mw.Head(0, 0))
    session.wait()
    with brake(model) as slow:
        whole = session.pattern(mw.Head(2, 0)).result(SECONDS)
        blocks = slow.blocks
        early = session.pattern(mw.Head(0, 1)).result(SECONDS)
        assert slow.blocks - blocks < blocks
    run = model.run(session.result.tokens, session.interventions, read=["pattern"])
    torch.testing.assert_close(whole, run.read["pattern", 2][0, 0])
    torch.testing.assert_close(early, run.read["pattern", 0][0, 1])


def test_with_a_hook_of_ones_own_every_look_is_a_run(model, session):
    session.wait()
    with brake(model) as slow:
        for _ in range(3):
            session.pattern(mw.Head(0, 0), edited=False).result(SECONDS)
        assert slow.passes == 3


def test_what_does_not_exist_is_refused_at_once(session):
    with pytest.raises(ComponentError, match="3 heads"):
        session.pattern(mw.Head(0, 3))


def test_a_fetch_gives_way_to_a_click(model, session):
    session.wait()
    with brake(model, 0.02) as slow:
        fetch = session.pattern(mw.Head(2, 2))
        assert slow.running.wait(SECONDS)
        session.ablate(mw.Head(0, 0))
        session.wait()
        assert not fetch.done()
        fetch.result(SECONDS)
        # The fetch cut short, the baseline again (the brake is a hook), the click, the fetch.
        assert slow.passes == 4


def test_the_state_of_the_asking_is_the_one_that_counts(session):
    before = session.pattern(mw.Head(2, 2)).result(SECONDS)
    session.wait()
    asked = session.pattern(mw.Head(2, 2))
    session.ablate(mw.MLP(0))
    assert torch.equal(asked.result(SECONDS), before)


def test_a_model_without_a_tokenizer_has_patterns_too():
    with mw.Session(tiny_module(), [1, 2, 3]) as session:
        assert session.pattern(mw.Head(0, 0)).result(SECONDS).shape == (3, 3)
    assert tiny_tokenizer()(PROMPT)["input_ids"][:2] == [1, 2]
