"""Several interventions in one step: one run, one undo, and all or nothing."""

from __future__ import annotations

import pytest

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError

HEADS = [mw.Ablate(mw.Head(1, head)) for head in range(3)]


def test_they_are_one_revision_and_one_step_to_undo(session):
    session.ablate(mw.MLP(0))
    revision = session.revision
    session.apply(*HEADS)
    assert session.revision == revision + 1
    assert session.interventions == (mw.Ablate(mw.MLP(0)), *HEADS)
    session.undo()
    assert session.interventions == (mw.Ablate(mw.MLP(0)),)
    session.redo()
    assert len(session.interventions) == 4


def test_what_is_listed_already_keeps_its_place_and_is_switched_on(session):
    session.interventions = [HEADS[1], mw.Ablate(mw.MLP(2))]
    session.disable(0)
    session.apply(*HEADS)
    assert session.interventions == (HEADS[1], mw.Ablate(mw.MLP(2)), HEADS[0], HEADS[2])
    assert session.disabled == frozenset()


def test_some_can_take_the_place_of_others(session):
    session.interventions = [*HEADS, mw.Ablate(mw.MLP(2))]
    session.apply(mw.Scale(mw.Head(0, 0), 2), instead_of=[0, HEADS[2]])
    kept = (HEADS[1], mw.Ablate(mw.MLP(2)))
    assert session.interventions == (*kept, mw.Scale(mw.Head(0, 0), 2))
    session.apply(instead_of=session.interventions)
    assert session.interventions == ()
    session.undo()
    assert len(session.interventions) == 3


def test_one_that_does_not_fit_stops_all(session):
    before = session.interventions
    with pytest.raises(ComponentError, match="3 heads"):
        session.apply(HEADS[0], mw.Ablate(mw.Head(0, 9)))
    with pytest.raises(InterventionError, match="no intervention 5"):
        session.apply(HEADS[0], instead_of=[5])
    assert session.interventions == before
    assert not session.can_undo
