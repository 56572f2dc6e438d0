"""Snapshots and trials: what was kept comes back to the last bit, whatever happened in between."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.analysis import kl_nats
from mechwidget.errors import MechwidgetError
from mechwidget.session.snapshots import LIMIT, SnapshotError
from mechwidget.session.strength import share_of
from tests.session.tiny import PROMPT, brake, eventually

LAWS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PARTS = [mw.Head(layer, head) for layer in range(3) for head in range(3)] + [mw.MLP(1)]
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("toggle"), st.sampled_from(PARTS)),
        st.tuples(st.just("scale"), st.sampled_from(PARTS)),
        st.tuples(st.just("prompt"), st.sampled_from(["the dog sat", PROMPT, "a cat ran on"])),
        st.tuples(st.just("metric"), st.sampled_from([None, mw.Probability("cat")])),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("disable"), st.none()),
        st.tuples(st.just("group"), st.none()),
    ),
    max_size=6,
)


def do(session, what, about):
    if what == "toggle":
        session.toggle(about)
    elif what == "scale":
        session.toggle(mw.Scale(about, 0.25))
    elif what in ("prompt", "metric"):
        setattr(session, what, about)
    elif what == "undo":
        session.undo()
    elif session.interventions and what == "disable":
        session.disable(0)
    elif session.interventions and what == "group":
        session.group(0)


def numbers(session):
    return (
        session.now().state,
        session.metric_value,
        session.baseline_metric_value,
        session.outcome,
        session.result.logits,
        session.baseline.logits,
    )


def same(one, other):
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(one, other, strict=True)
    )


@LAWS
@given(before=CHANGES, between=CHANGES)
def test_restoring_what_was_taken_is_no_change_at_all(model, before, between):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        for change in before:
            do(session, *change)
        taken = numbers(session)
        session.take_snapshot("kept")
        for change in between:
            do(session, *change)
        elsewhere = numbers(session)
        session.restore("kept")
        assert same(numbers(session), taken)
        assert session.snapshots["kept"].figures.kl == taken[3].kl
        if not same(elsewhere[:1], taken[:1]):
            session.undo()
            assert same(numbers(session), elsewhere)


def test_restored_numbers_are_the_same_when_nothing_is_remembered_any_more(model, session):
    session.ablate(mw.Head(1, 2), mw.MLP(0))
    taken = numbers(session)
    session.take_snapshot("kept")
    session.clear()
    session.wait()
    with mw.Session(model, "the dog sat") as other:  # the model's baselines are another prompt's
        other.wait()
    session._open().numbers._computation._runs.clear()
    session.restore("kept")
    assert same(numbers(session), taken)
    assert session.result.logits is not taken[4]


def test_snapshots_have_names_and_never_change(session):
    first = session.take_snapshot()
    session.ablate(mw.Head(1, 2))
    second = session.take_snapshot("heads")
    session.take_snapshot()
    assert list(session.snapshots) == ["Snapshot 1", "heads", "Snapshot 3"]
    assert session.snapshots["Snapshot 1"] is first
    assert (first.sentences, second.sentences) == ((), ("Zero head 1.2",))
    assert second.interventions == session.interventions
    with pytest.raises(AttributeError):
        first.name = "other"
    session.rename_snapshot("heads", "name movers")
    session.delete_snapshot("Snapshot 1")
    assert list(session.snapshots) == ["name movers", "Snapshot 3"]
    assert second.name == "heads"
    session.take_snapshot()  # "Snapshot 3" is taken
    assert list(session.snapshots)[-1] == "Snapshot 4"


def test_what_is_wrong_with_a_name_is_said(session):
    session.take_snapshot("one")
    for name in ("one", " one ", "", "  ", "x" * 100, 3):
        with pytest.raises(SnapshotError):
            session.take_snapshot(name)
    with pytest.raises(SnapshotError, match="There is 'one'"):
        session.restore("two")
    session.take_snapshot("two")
    with pytest.raises(SnapshotError, match="'one' already"):
        session.rename_snapshot("two", "one")
    for n in range(LIMIT - 2):
        session.take_snapshot(f"more {n}")
    with pytest.raises(SnapshotError, match="Delete one"):
        session.take_snapshot()


def test_one_that_is_taken_while_the_model_runs_gets_its_numbers(session, model):
    session.wait()
    with brake(model, 0.02):
        session.ablate(mw.Head(0, 1))
        taken = session.take_snapshot("early", wait=False)
        assert taken.figures is None
        session.wait()
    eventually(lambda: session.snapshots["early"].figures is not None)
    assert session.snapshots["early"].figures.metric[1] == session.metric_value


def test_one_whose_numbers_were_never_computed_says_so_until_it_is_restored(session, model):
    session.take_snapshot("start")
    with brake(model, 0.02):
        session.ablate(mw.Head(0, 1))
        session.take_snapshot("early", wait=False)
        session.clear()
        session.wait()
    with pytest.raises(SnapshotError, match="Restore it once"):
        session.compare("start", "early")
    session.restore("early")
    session.wait()
    assert session.compare("start", "early").only_other == ("Zero head 0.1",)


def test_two_are_compared_by_their_own_distributions(session):
    session.ablate(mw.Head(1, 2), mw.MLP(0))
    one = session.result.logits[0, 0]
    value = session.metric_value
    session.take_snapshot("one")
    session.interventions = [mw.Ablate(mw.MLP(0)), mw.Ablate(mw.Head(0, 0))]
    session.take_snapshot("other")
    found = session.compare("one", "other")
    assert found.outcome.kl == pytest.approx(kl_nats(one, session.result.logits[0, 0]), abs=1e-12)
    assert found.metric == (value, session.metric_value)
    assert (found.only_one, found.only_other) == (("Zero head 1.2",), ("Zero head 0.0",))
    row = found.outcome.top[0]
    assert row.before == pytest.approx(float(one.double().softmax(-1)[row.id]), abs=1e-12)
    session.metric = mw.Probability("cat")
    session.take_snapshot("another question")
    assert session.compare("one", "another question").metric is None


def test_every_state_with_numbers_is_a_trial_and_undo_goes_back_to_its_own(session):
    session.wait()
    for head in range(3):
        session.toggle(mw.Head(0, head))
        session.wait()
    said = [trial.sentence for trial in session.tried]
    assert said == ["Start", "Zero head 0.0", "Zero head 0.1", "Zero head 0.2"]
    session.undo()
    session.wait()
    assert session.now().trial == session.tried[2].id
    assert len(session.tried) == 4
    value = session.metric_value
    session.go_back(session.tried[0])
    assert session.interventions == ()
    assert session.metric_value == session.baseline_metric_value
    session.undo()
    assert session.metric_value == value
    with pytest.raises(MechwidgetError, match="not remembered"):
        session.go_back(10_000)


def test_of_a_drag_the_end_is_a_trial(session):
    session.wait()
    session.toggle(mw.Scale(mw.Head(1, 2), 0.5))
    session.wait()
    for tenth in range(1, 5):
        old = session.interventions[0]
        session.replace(old, mw.Scale(mw.Head(1, 2), tenth / 10), drag="one")
        session.wait()
    said = [trial.sentence for trial in session.tried]
    assert said == ["Start", "Scale head 1.2 by 0.5", "Scale head 1.2 by 0.4"]
    session.undo()
    assert session.interventions == (mw.Scale(mw.Head(1, 2), 0.5),)


def test_trials_are_compared_only_where_the_question_is_the_same(session):
    session.wait()
    session.toggle(mw.Head(0, 0))
    session.wait()
    session.prompt = "the dog sat"
    session.wait()
    assert [trial.sentence for trial in session.now().tried] == ["Prompt “the dog sat”"]
    session.undo()
    session.wait()
    assert len(session.now().tried) == 2
    assert len(session.tried) == 3


@LAWS
@given(
    x=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    share=st.floats(-2, 2),
    factor=st.floats(-2, 2),
)
def test_a_share_of_an_edit_is_that_share_of_its_change(model, x, share, factor):
    """With edit(x) what it makes of x, the share s makes x + s · (edit(x) - x)."""
    width = model.d_model
    activation = torch.tensor([(x * width)[:width]], dtype=torch.float64)[None]
    vector = list(range(1, width + 1))
    for edit in (
        mw.Scale(mw.MLP(1), factor),
        mw.Ablate(mw.MLP(1)),
        mw.Steer(mw.MLP(1), vector, factor),
        mw.Steer(mw.MLP(1), vector, factor, unit="share"),
    ):
        (whole,) = edit.edits(model, 1)
        (part,) = share_of(edit, share).edits(model, 1)
        expected = activation + share * (whole.apply(activation) - activation)
        torch.testing.assert_close(part.apply(activation), expected, rtol=1e-9, atol=1e-9)
        assert share_of(edit, 1.0) is edit
