"""A session: code and clicks change one state, what is refused changes nothing, undo is exact."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.errors import (
    ComponentError,
    InterventionError,
    MechwidgetError,
    PromptError,
    TokenError,
)
from mechwidget.session import Selection
from tests.session.tiny import PROMPT, WORDS, tiny_module, tiny_tokenizer

HEADS = [mw.Head(layer, head) for layer in range(3) for head in range(3)]


def logits_of_a_copy_without(model, head, ids):
    """Plain torch: the head's rows of W_O are zero in a copy of the weights."""
    module = copy.deepcopy(model.model)
    width = module.config.n_embd // module.config.n_head
    rows = slice(head.head * width, (head.head + 1) * width)
    with torch.no_grad():
        module.transformer.h[head.layer].attn.c_proj.weight[rows] = 0
        return module(torch.tensor([ids])).logits[0, -1]


@pytest.mark.parametrize("head", [mw.Head(0, 0), mw.Head(2, 1)])
def test_numbers_are_those_of_a_model_without_the_head(session, model, head):
    session.ablate(head)
    ids = session.result.tokens.ids
    a, b = (1 + WORDS.index(word) for word in ("mat", "rug"))
    with torch.no_grad():
        before = model.model(torch.tensor([ids])).logits[0, -1]
    after = logits_of_a_copy_without(model, head, ids)
    assert session.baseline_metric_value == pytest.approx(float(before[a] - before[b]), abs=1e-4)
    assert session.metric_value == pytest.approx(float(after[a] - after[b]), abs=1e-4)
    p, q = before.log_softmax(-1), after.log_softmax(-1)
    assert session.outcome.kl == pytest.approx(float((p.exp() * (p - q)).sum()), abs=1e-5)


def test_clicks_and_code_change_the_same_thing(session):
    seen = []
    session.observe(lambda change: seen.append((change.name, change.new)), "interventions")
    session.toggle(mw.Head(1, 2))
    session.interventions = [mw.Ablate(mw.MLP(0)), mw.Ablate(mw.Head(1, 2))]
    session.toggle(mw.Head(1, 2))
    session.clear()
    head, mlp = mw.Ablate(mw.Head(1, 2)), mw.Ablate(mw.MLP(0))
    assert seen == [("interventions", each) for each in ((head,), (mlp, head), (mlp,), ())]


def test_every_change_is_seen_once_with_its_revision(session):
    seen = []
    names = ["prompt", "interventions", "disabled", "metric", "revision"]
    session.observe(lambda change: seen.append(change.name), names)
    session.ablate(mw.Head(0, 0), mw.Head(0, 1))
    session.disable(1)
    session.metric = mw.Probability("dog")
    session.prompt = "the dog sat"
    session.prompt = "the dog sat"  # nothing new
    assert seen == [
        *("interventions", "revision"),
        *("disabled", "revision"),
        *("metric", "revision"),
        *("prompt", "revision"),
    ]
    assert session.revision == 4


def test_what_is_listed_can_be_named_by_itself(session):
    one, other = mw.Ablate(mw.Head(0, 0)), mw.Scale(mw.MLP(1), 0.5)
    session.interventions = [one, other]
    session.disable(other)
    assert session.disabled == {other}
    session.enable(other)
    session.remove(one)
    assert session.interventions == (other,)
    for refused in (session.remove, session.enable, session.disable):
        with pytest.raises(InterventionError, match=r"Zero head 0\.0.*not in the list"):
            refused(one)
    assert session.interventions == (other,)
    assert not session.disabled


def test_switched_off_is_listed_and_does_nothing(session):
    session.ablate(mw.Head(0, 0), mw.Head(1, 1))
    both = session.metric_value
    session.disable(0)
    assert len(session.interventions) == 2
    assert session.disabled == {mw.Ablate(mw.Head(0, 0))}
    one = session.metric_value
    session.interventions = [mw.Ablate(mw.Head(1, 1))]
    assert session.metric_value == one != both
    session.interventions = [mw.Ablate(mw.Head(0, 0)), mw.Ablate(mw.Head(1, 1))]
    session.disabled = [mw.Ablate(mw.Head(0, 0))]
    assert session.metric_value == one
    session.ablate(mw.Head(0, 0))
    assert not session.disabled
    assert session.metric_value == both
    session.disable(0)
    session.remove(0)
    assert not session.disabled


def test_without_interventions_nothing_has_changed(session):
    assert session.result is session.baseline
    assert session.outcome.kl == 0
    assert session.metric_value == session.baseline_metric_value


def test_a_result_needs_no_gradients_and_the_callers_mode_stays(session):
    with torch.enable_grad():
        session.ablate(mw.Head(0, 0))
        assert not session.result.logits.requires_grad
        assert torch.is_grad_enabled()


def test_token_ids_are_a_prompt_too(model, session):
    ids = session.result.tokens.ids
    with mw.Session(model, ids) as other:
        assert other.prompt == ids
        assert other.now().state.prompt is None
        assert torch.equal(other.result.logits, session.result.logits)
        assert other.metric_value is None


def test_what_is_selected_is_checked_and_observed(session):
    seen = []
    session.observe(lambda change: seen.append(change.new), "selection")
    session.select(mw.Head(0, 1), 2)
    session.select(mw.Head(0, 1), 2)
    with pytest.raises(ComponentError):
        session.select(mw.Head(0, 9))
    with pytest.raises(PromptError, match="10"):
        session.select(position=10)
    session.prompt = "the cat"  # that position is gone
    assert seen == [Selection(mw.Head(0, 1), 2), Selection(mw.Head(0, 1), None)]


REFUSED = {
    "a head that does not exist": (lambda s: s.ablate(mw.Head(0, 9)), ComponentError, "3 heads"),
    "a layer that does not exist": (lambda s: s.toggle(mw.MLP(7)), ComponentError, "3 layers"),
    "a position past the prompt": (
        lambda s: s.ablate(mw.Head(0, 0, positions=[10])),
        InterventionError,
        "10 tokens",
    ),
    "a component for an intervention": (
        lambda s: setattr(s, "interventions", [mw.Head(0, 0)]),
        InterventionError,
        "Ablate",
    ),
    "no list": (lambda s: setattr(s, "interventions", 3), InterventionError, "int"),
    "text for a list": (lambda s: setattr(s, "interventions", "0.1"), InterventionError, "str"),
    "a list with a good and a bad one": (
        lambda s: setattr(s, "interventions", [mw.Ablate(mw.MLP(0)), mw.Ablate(mw.MLP(3))]),
        ComponentError,
        "MLP 3",
    ),
    "an index that does not exist": (lambda s: s.remove(1), InterventionError, "there are 1"),
    "a negative index": (lambda s: s.disable(-1), InterventionError, "-1"),
    "a stranger switched off": (
        lambda s: setattr(s, "disabled", [mw.Ablate(mw.Head(2, 2))]),
        InterventionError,
        "listed",
    ),
    "an empty prompt": (lambda s: setattr(s, "prompt", ""), PromptError, "empty"),
    "half a character": (lambda s: setattr(s, "prompt", "cat \ud800"), PromptError, "character"),
    "a prompt past the context": (
        lambda s: setattr(s, "prompt", "cat " * 33),
        PromptError,
        "context is 32",
    ),
    "a prompt that is no prompt": (lambda s: setattr(s, "prompt", 3.5), PromptError, "float"),
    "ids outside the vocabulary": (lambda s: setattr(s, "prompt", [1, 999]), PromptError, "999"),
    "a metric token of several": (
        lambda s: setattr(s, "metric", mw.Probability("cat dog")),
        TokenError,
        "one token",
    ),
    "a metric past the prompt": (
        lambda s: setattr(s, "metric", mw.Probability("cat", position=10)),
        TokenError,
        "10 tokens",
    ),
    "a metric that is none": (lambda s: setattr(s, "metric", "cat"), TokenError, "LogitDiff"),
    "a component that is none": (lambda s: s.toggle((0, 1)), InterventionError, "Head"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why_and_changes_nothing(session, name):
    change, error, named = REFUSED[name]
    session.ablate(mw.Head(1, 1))
    session.undo()
    session.redo()
    numbers, before = session.result, session.now()
    seen = []
    session.observe(seen.append)
    with pytest.raises(error, match=named):
        change(session)
    assert session.now() == before
    assert session.result is numbers
    assert not seen


def test_a_prompt_too_short_for_what_is_asked_is_refused(session):
    session.metric = mw.Probability("cat", position=7)
    with pytest.raises(TokenError, match=r"position 7.*3 tokens"):
        session.prompt = "the cat sat"
    session.metric = None
    session.ablate(mw.Head(0, 0, positions=[5]))
    with pytest.raises(PromptError, match=r"Zero head 0\.0 at 5"):
        session.prompt = "the cat sat"
    assert session.prompt == PROMPT


def test_undo_restores_state_and_numbers_bit_for_bit(session):
    trail = []
    for change in (
        lambda: session.ablate(mw.Head(1, 0)),
        lambda: setattr(session, "prompt", "the dog and the cat ran"),
        lambda: setattr(session, "metric", mw.Probability("cat")),
        lambda: session.disable(0),
        lambda: session.clear(),
    ):
        trail.append((session.now().state, session.result.logits.clone(), session.outcome))
        change()
    last = session.now().state, session.result.logits.clone()
    for state, logits, outcome in reversed(trail):
        session.undo()
        assert session.now().state == state
        assert torch.equal(session.result.logits, logits)
        assert session.outcome == outcome
    assert not session.can_undo
    session.undo()  # nothing to undo, and no harm
    while session.can_redo:
        session.redo()
    assert session.now().state == last[0]
    assert torch.equal(session.result.logits, last[1])


def test_numbers_that_were_forgotten_come_out_the_same(model, session):
    session.ablate(mw.Head(1, 0), mw.MLP(2))
    logits = session.result.logits
    with mw.Session(model, PROMPT) as fresh:
        fresh.interventions = session.interventions
        assert fresh.result is not session.result
        assert torch.equal(fresh.result.logits, logits)


changes = st.lists(
    st.one_of(
        st.tuples(st.just("toggle"), st.sampled_from(HEADS)),
        st.tuples(st.just("prompt"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=6)),
        st.tuples(st.just("switch"), st.integers(0, 3)),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("redo"), st.none()),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=12,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes)
def test_undoing_everything_leads_back_and_redoing_everything_returns(model, steps):
    with mw.Session(model, PROMPT) as session:
        first = session.now().state
        for name, value in steps:
            before = session.now()
            match name:
                case "toggle":
                    session.toggle(value)
                case "prompt":
                    session.prompt = " ".join(value)
                case "switch" if value < len(session.interventions):
                    session.disable(value)
                case "undo" | "redo" | "clear":
                    getattr(session, name)()
            after = session.now()
            assert (after.revision > before.revision) == (after.state != before.state)
        while session.can_redo:
            session.redo()
        last = session.now().state
        while session.can_undo:
            session.undo()
        assert session.now().state == first
        while session.can_redo:
            session.redo()
        assert session.now().state == last


def test_a_model_may_be_hooked_in_memory_or_on_disk(model, tmp_path):
    with mw.Session(model, PROMPT) as hooked:
        assert hooked.model is model
    module = tiny_module()
    with mw.Session(module, [1, 2, 3]) as wrapped:
        assert wrapped.model.model is module
        with pytest.raises(PromptError, match="tokenizer"):
            wrapped.prompt = "the cat"
    module.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    for path in (tmp_path, str(tmp_path)):
        with mw.Session(path, PROMPT) as loaded:
            assert loaded.model.n_layers == 3
    with pytest.raises(MechwidgetError, match="needs a model, not int"):
        mw.Session(3, PROMPT)


def test_a_bad_start_is_refused(model):
    with pytest.raises(PromptError):
        mw.Session(model, "")
    with pytest.raises(TokenError):
        mw.Session(model, PROMPT, mw.Probability("nope nope"))


def test_it_says_what_it_is(session):
    session.ablate(mw.Head(1, 2))
    assert repr(session) == f"Session('tiny', {PROMPT!r}, Zero head 1.2)"
    session.prompt = "the cat sat " * 10
    session.interventions = [mw.Ablate(head) for head in HEADS]
    assert len(repr(session)) < 300
    session.close()
    assert repr(session) == "Session(closed)"
