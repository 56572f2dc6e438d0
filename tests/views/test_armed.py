"""The armed tool: any intervention from a page, completed from the session, undone as one step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.session.alignment import aligned

HEAD = {"type": "head", "layer": 1, "head": 2}
OTHER = "dog ran far on"
REFERENCE = ("the dog ran on the rug", "the cat ran on the mat")


@pytest.fixture
def session(page):
    return page.workbench.session


def apply(page, **spec):
    return page.ask("apply", {"intervention": spec})[0]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"type": "ablate", "mode": "zero", "component": HEAD | {"positions": [1, 3]}},
            mw.Ablate(mw.Head(1, 2, positions=(1, 3))),
        ),
        (
            {"type": "ablate", "mode": "mean", "component": HEAD},
            mw.Ablate(mw.Head(1, 2), "mean", over=REFERENCE),
        ),
        (
            {"type": "scale", "factor": 0.5, "component": {"type": "mlp", "layer": 0}},
            mw.Scale(mw.MLP(0), 0.5),
        ),
    ],
)
def test_a_click_applies_the_tool_and_another_takes_it_away(page, session, spec, expected):
    session.reference = REFERENCE
    assert apply(page, **spec) == {"revision": session.revision}
    assert session.interventions == (expected,)
    assert page.state()["phase"] == "ready"
    page.ask("undo")
    assert session.interventions == ()
    page.ask("redo")
    apply(page, **spec)
    assert session.interventions == ()


def test_what_the_session_lacks_is_said_with_what_to_do(page, session):
    error = apply(page, type="ablate", mode="resample", component=HEAD)
    assert "no reference prompts" in error["message"]
    assert "session.reference" in error["hint"]
    error = apply(page, type="patch", component=HEAD)
    assert "no other prompt" in error["message"]
    for wrong in ({}, {"type": "patch", "component": 3}, {"type": "nonsense"}):
        assert "message" in apply(page, **wrong)
    assert "message" in page.ask("apply", {"intervention": [1]})[0]
    assert "message" in page.ask("apply", {"intervention": {}, "more": 1})[0]
    assert session.interventions == ()


def test_a_patch_comes_from_prompt_b_position_under_position(page, session):
    text = session.prompt
    page.ask("set_other_prompt", {"prompt": text.replace("cat", "dog")})
    state = page.state()
    assert len(state["other"]["tokens"]) == len(state["tokens"])
    assert all(here == there for here, there in state["other"]["pairs"])
    apply(page, type="patch", component=HEAD)
    assert session.interventions == (mw.Patch(mw.Head(1, 2), text.replace("cat", "dog")),)

    session.clear()
    page.ask("set_other_prompt", {"prompt": OTHER})
    assert len(page.state()["other"]["tokens"]) != len(state["tokens"])
    apply(page, type="patch", component=HEAD)
    (patch,) = session.interventions
    assert page.state()["phase"] == "ready"
    expected = [(a, b) for a, b in session.now().state.alignment if None not in (a, b)]
    assert list(patch.align) == expected
    page.ask("set_other_prompt", {"prompt": None})
    assert page.state()["other"] is None
    page.ask("undo")
    assert session.other_prompt == OTHER


def test_one_drag_of_a_strength_is_one_step(page, session):
    session.ablate(mw.Head(0, 0))
    apply(page, type="scale", factor=0.5, component=HEAD)
    scale = page.state()["interventions"][1]
    assert scale["strength"] == 0.5
    for step, strength in enumerate([0.6, 0.7, 0.9]):
        answer, _ = page.ask("replace", {"id": scale["id"], "strength": strength, "drag": 1})
        assert answer["revision"] == session.revision, step
    page.ask("replace", {"id": scale["id"], "strength": 2, "drag": 2})
    assert session.interventions[1] == mw.Scale(mw.Head(1, 2), 2.0)
    assert page.state()["interventions"][1]["id"] == scale["id"]
    session.undo()
    assert session.interventions[1].factor == 0.9
    session.undo()
    assert session.interventions[1].factor == 0.5
    session.redo()
    assert session.interventions[1].factor == 0.9


@pytest.mark.parametrize("strength", [None, "2", True, 1e400])
def test_a_strength_is_a_finite_number(page, session, strength):
    session.interventions = [mw.Scale(mw.Head(1, 2), 0.5)]
    (item,) = page.state()["interventions"]
    error, _ = page.ask("replace", {"id": item["id"], "strength": strength, "drag": 1})
    assert error["message"]
    assert session.interventions == (mw.Scale(mw.Head(1, 2), 0.5),)


def test_what_has_no_strength_and_what_is_listed_twice_is_refused(page, session):
    session.interventions = [mw.Ablate(mw.Head(1, 2)), *(mw.Scale(mw.MLP(0), f) for f in (1, 2))]
    ablated, first, _ = page.state()["interventions"]
    assert ablated["strength"] is None
    error, _ = page.ask("replace", {"id": ablated["id"], "strength": 1, "drag": 1})
    assert "no strength" in error["message"]
    error, _ = page.ask("replace", {"id": first["id"], "strength": 2, "drag": 1})
    assert "already" in error["message"]


def test_reference_and_prompt_b_are_traits_that_are_checked(session):
    seen = []
    session.observe(lambda change: seen.append(change["new"]), "other_prompt")
    session.other_prompt = OTHER
    assert seen == [OTHER]
    with pytest.raises(mw.MechwidgetError, match="list of prompts"):
        session.reference = "the cat"
    with pytest.raises(mw.MechwidgetError, match="expected text"):
        session.other_prompt = ""
    session.reference = [OTHER, [1, 2]]
    assert session.reference == (OTHER, (1, 2))
    session.undo()
    assert session.reference == ()


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_alignment_has_every_position_once_and_in_order(here, there):
    pairs = aligned(tuple(here), tuple(there))
    assert [a for a, _ in pairs if a is not None] == list(range(len(here)))
    assert [b for _, b in pairs if b is not None] == list(range(len(there)))
    assert (None, None) not in pairs
