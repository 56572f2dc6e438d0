"""Order, names and groups of a list: laws that hold whatever a person does, each undoable."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.errors import InterventionError
from mechwidget.session.difference import what_changed
from tests.session.tiny import PROMPT

LAWS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIX = [mw.Ablate(mw.Head(layer, head)) for layer in range(2) for head in range(3)]
PLACE = st.integers(0, 5)
WISHES = st.lists(
    st.one_of(
        st.tuples(st.just("move"), PLACE, PLACE),
        st.tuples(st.just("group"), PLACE, PLACE),
        st.tuples(st.just("move_group"), PLACE, PLACE),
        st.tuples(st.just("ungroup"), PLACE, PLACE),
        st.tuples(st.just("rename"), PLACE, PLACE),
        st.tuples(st.just("toggle"), PLACE, PLACE),
        st.tuples(st.just("disable"), PLACE, PLACE),
        st.tuples(st.just("assign"), PLACE, PLACE),
    ),
    max_size=10,
)


@pytest.fixture
def listed(session):
    session.interventions = SIX
    return session


def act(session, wish, one, other):
    n, groups = len(session.interventions), list(session.groups)
    name = groups[one % len(groups)] if groups else None
    if wish == "toggle":
        session.toggle(SIX[one])
    elif wish == "assign":
        session.interventions = [*SIX[one:], *SIX[:one]]
    elif n == 0:
        return
    elif wish == "move":
        session.move(one % n, other % n)
    elif wish == "group":
        session.group(one % n, other % n)
    elif wish == "rename":
        session.rename(one % n, f"name {other}")
    elif wish == "disable":
        session.disable(one % n)
    elif name is not None and wish == "move_group":
        session.move(name, other % (n - len(session.groups[name]) + 1))
    elif name is not None and wish == "ungroup":
        session.ungroup(name)


@LAWS
@given(wishes=WISHES)
def test_whatever_is_done_groups_stand_together_and_all_of_it_can_be_undone(model, wishes):
    with mw.Session(model, PROMPT) as session:
        session.interventions = SIX
        states = [session.now().state]
        for wish in wishes:
            act(session, *wish)
            state = session.now().state
            if state != states[-1]:
                assert what_changed(states[-1], state), wish
                states.append(state)
            members = [m for group in session.groups.values() for m in group]
            assert len(members) == len(set(members))
            for group in session.groups.values():
                first = session.interventions.index(group[0])
                assert session.interventions[first : first + len(group)] == group
                assert group
            assert set(session.names) <= set(session.interventions)
        for state in reversed(states[:-1]):
            session.undo()
            assert session.now().state == state
        for state in states[1:]:
            session.redo()
            assert session.now().state == state


@LAWS
@given(which=PLACE, to=PLACE)
def test_moving_is_taking_out_and_putting_in(model, which, to):
    with mw.Session(model, PROMPT) as session:
        session.interventions = SIX
        session.move(which, to)
        expected = [each for each in SIX if each != SIX[which]]
        expected.insert(to, SIX[which])
        assert session.interventions == tuple(expected)
        if which != to:
            session.undo()
        assert session.interventions == tuple(SIX)


def test_order_decides_where_two_edits_meet_at_one_site(session):
    """The later one sees what the earlier one left."""
    half, set_ = mw.Scale(mw.MLP(1), 0.5), mw.SetValue(mw.MLP(1), 2.0)
    session.interventions = [set_, half]
    first = session.metric_value
    session.move(half, 0)
    assert session.interventions == (half, set_)
    assert session.metric_value != first
    session.interventions = [set_]
    only = session.metric_value
    session.undo()
    assert session.metric_value == only
    session.undo()
    assert session.metric_value == first


def test_a_group_that_is_off_is_its_members_off(listed):
    listed.group(0, 2, 4, name="odd")
    rest = [each for each in listed.interventions if each not in listed.groups["odd"]]
    listed.disable("odd")
    assert listed.disabled == set(listed.groups["odd"])
    off = listed.metric_value
    listed.interventions = rest
    assert listed.metric_value == off
    listed.undo()
    listed.enable("odd")
    assert not listed.disabled
    listed.remove("odd")
    assert listed.interventions == tuple(rest)
    assert listed.groups == {}
    assert listed.metric_value == off
    listed.undo()
    assert listed.groups == {"odd": (SIX[0], SIX[2], SIX[4])}


def test_a_group_comes_together_where_its_first_member_is(listed):
    listed.group(4, 1, name="pair")
    assert listed.interventions == (SIX[0], SIX[1], SIX[4], SIX[2], SIX[3], SIX[5])
    listed.move("pair", 4)
    assert listed.interventions == (SIX[0], SIX[2], SIX[3], SIX[5], SIX[1], SIX[4])
    listed.move(SIX[0], 4)  # between the two
    assert listed.groups["pair"] == (SIX[1], SIX[0], SIX[4])
    listed.move(SIX[0], 0)
    assert listed.groups["pair"] == (SIX[1], SIX[4])
    listed.group(0, 1, 2, name="other")
    listed.move("pair", 1)  # never into another group
    assert listed.interventions[:2] == listed.groups["pair"]
    assert listed.interventions[2:5] == listed.groups["other"]


def test_a_group_is_scaled_as_one(session):
    steer = mw.Steer(mw.Residual(1), [1.0] * 24, 2.0)
    session.interventions = [mw.Scale(mw.MLP(0), 0.5), steer, mw.Ablate(mw.Head(1, 2))]
    session.group(0, 1, 2, name="all")
    whole = session.metric_value
    session.scale_group("all", 0.5)
    half = session.metric_value
    session.interventions = [
        mw.Scale(mw.MLP(0), 0.75),
        mw.Steer(mw.Residual(1), [1.0] * 24, 1.0),
        mw.Scale(mw.Head(1, 2), 0.5),
    ]
    assert session.metric_value == half
    session.undo()
    assert "0.75" in session.code()
    session.scale_group("all", 0)
    assert session.metric_value == pytest.approx(session.baseline_metric_value, abs=1e-5)
    session.scale_group("all", 1)
    assert session.metric_value == whole
    for nth in range(3):
        session.scale_group("all", nth / 10, drag=7)
    session.undo()
    assert session.metric_value == whole


def test_names_stay_with_what_they_name(listed):
    listed.rename(2, " S-inhibition ")
    assert listed.names == {SIX[2]: "S-inhibition"}
    listed.replace(2, mw.Scale(mw.Head(0, 2), 0.5))
    listed.move(2, 0)
    assert listed.names == {mw.Scale(mw.Head(0, 2), 0.5): "S-inhibition"}
    listed.rename(0, None)
    assert listed.names == {}
    listed.undo()
    listed.remove(0)
    assert listed.names == {}
    listed.group(0, 1)
    listed.rename("Group 1", "movers")
    assert list(listed.groups) == ["movers"]


def test_what_is_refused_changes_nothing(listed):
    listed.group(0, 1, name="one")
    listed.group(2, 3, name="two")
    before = listed.now().state
    refusals = [
        lambda: listed.move(0, 6),
        lambda: listed.move(0, -1),
        lambda: listed.move(9, 0),
        lambda: listed.move("three", 0),
        lambda: listed.rename(0, "x" * 200),
        lambda: listed.rename("one", "two"),
        lambda: listed.rename("one", ""),
        lambda: listed.group(),
        lambda: listed.group(4, name="one"),
        lambda: listed.group(4, name=" "),
        lambda: listed.ungroup("three"),
        lambda: listed.scale_group("one", float("nan")),
        lambda: listed.disable("three"),
    ]
    for refused in refusals:
        with pytest.raises(InterventionError):
            refused()
    listed.interventions = [mw.Freeze(mw.MLP(1))]
    listed.group(0, name="frozen")
    with pytest.raises(InterventionError, match="has a strength"):
        listed.scale_group("frozen", 0.5)
    listed.undo()
    listed.undo()
    assert listed.now().state == before
