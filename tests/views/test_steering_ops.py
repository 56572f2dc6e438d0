"""Steering and writing on as a page asks for them: found on the worker, refused with a sentence."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.session.direction_sources import OtherMinusThis, Unembedding
from mechwidget.views.armed import with_directions
from tests.session.encoders import BLANK, masked_model
from tests.session.tiny import PROMPT, SECONDS, brake, eventually
from tests.views.conftest import Page, Tapped

OTHER = PROMPT.replace("cat", "dog")
STREAM = {"type": "residual", "layer": 1, "end": "post"}
SETTINGS = {"new_tokens": 5, "temperature": 0, "top_p": 1, "seed": 0, "on": "both"}


@pytest.fixture
def session(page):
    return page.workbench.session


def steer(page, direction, **more):
    spec = {"type": "steer", "mode": "add", "component": STREAM, "coefficient": 0.3}
    spec |= {"unit": "share", "direction": direction, **more}
    return page.ask("apply", {"intervention": spec})[0]


def test_a_click_steers_along_b_minus_a_and_another_takes_it_away(page, session):
    session.other_prompt = OTHER
    component = STREAM | {"positions": [3]}
    answer = steer(page, {"from": "other", "position": 3}, component=component)
    found = session.find_direction(OtherMinusThis(mw.Residual(1, end="post"), 3)).result(SECONDS)
    steered = mw.Steer(mw.Residual(1, [3], "post"), found.vector, 0.3, "share")
    assert session.interventions == (steered,)
    assert answer == {"revision": session.revision}
    (item,) = page.state()["interventions"]
    assert (item["along"], item["unit"], item["strength"]) == (found.name, "share", 0.3)
    assert item["component"] == component
    page.ask("replace", {"id": item["id"], "strength": 0, "drag": 1})
    assert torch.equal(session.result.logits, session.baseline.logits)
    session.undo()
    steer(page, {"from": "other", "position": 3}, component=component)
    assert session.interventions == ()


def test_tokens_and_kept_directions(page, session):
    steer(page, {"from": "token", "token": "mat", "minus": "rug"})
    answer = session.find_direction(Unembedding("mat", "rug")).result(SECONDS)
    assert session.interventions[0].vector == answer.vector
    direction = {"from": "token", "token": session.model.token_id("mat")}
    kept = {"name": "mats", "direction": direction, "component": STREAM}
    assert page.ask("save_direction", kept)[0] == {"revision": session.revision}
    norm = session.directions["mats"].norm
    listed = {"name": "mats", "norm": pytest.approx(norm), "width": 24}
    listed["origin"] = "the unembedding of mat"
    eventually(lambda: page.workbench.state["directions"] == [listed])
    steer(page, {"from": "saved", "name": "mats"}, mode="clamp along")
    assert session.interventions[1].vector.name == "mats"
    out = {"type": "steer", "mode": "project out", "component": STREAM}
    out["direction"] = {"from": "saved", "name": "mats"}
    page.ask("apply", {"intervention": out})
    assert session.interventions[2].mode == "project out"
    assert page.state()["interventions"][2]["strength"] is None
    page.ask("delete_direction", {"name": "mats"})
    eventually(lambda: page.workbench.state["directions"] == [])
    assert "no direction" in page.ask("delete_direction", {"name": "mats"})[0]["message"]
    assert len(session.interventions) == 3


def test_numbers_of_a_direction_never_reach_the_page(page, session):
    session.directions["odd"] = [123456.75] * 24
    session.interventions = [mw.Steer(mw.Residual(0), session.directions["odd"])]
    assert "123456" not in str(page.state())


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        ({"from": "other", "position": 3}, "no prompt B"),
        ({"from": "other", "position": "3"}, "whole number"),
        ({"from": "other"}, "missing"),
        ({"from": "token", "token": "mat rug"}, "not one token"),
        ({"from": "token", "token": 10**6}, "outside the vocabulary"),
        ({"from": "token", "token": 1.5}, "whole number"),
        ({"from": "token", "token": "mat", "more": 1}, "no argument"),
        ({"from": "saved", "name": "nobody"}, "no direction 'nobody'"),
        ({"from": "elsewhere"}, "one of other, token, saved"),
        ("other", "object"),
        (None, "object"),
    ],
)
def test_what_is_no_direction_is_refused_and_changes_nothing(page, session, direction, words):
    assert words in steer(page, direction)["message"]
    kept = {"name": "x", "direction": direction, "component": STREAM}
    assert words in page.ask("save_direction", kept)[0]["message"]
    assert (session.interventions, len(session.directions)) == ((), 0)


def test_a_steer_of_what_has_no_vector_is_refused(page, session):
    direction = {"from": "token", "token": "mat"}
    for wrong in ({"type": "neuron", "layer": 0, "index": 1}, {"type": "residual", "layer": 9}, 3):
        assert "message" in steer(page, direction, component=wrong)
    assert "expected" in steer(page, direction, unit="miles")["message"]
    assert session.interventions == ()


def test_several_edits_find_each_direction_once(page, session):
    session.other_prompt = OTHER
    spec = {"type": "steer", "component": STREAM, "direction": {"from": "other", "position": 3}}
    plain = {"type": "ablate", "mode": "zero", "component": {"type": "mlp", "layer": 0}}
    found = with_directions(session, [spec, plain, spec], list).result()
    assert found[1] is plain
    assert found[0] == found[2]
    assert "direction" not in found[0]
    assert len(found[0]["vector"]) == 24
    assert with_directions(session, [plain], list) == [plain]  # at once
    missing = with_directions(
        session, [spec, spec | {"direction": {"from": "saved", "name": "nobody"}}], list
    )
    with pytest.raises(mw.MechwidgetError, match="no direction"):
        missing.result()


def test_whoever_observes_the_session_may_wait_for_its_numbers(page, session):
    """The direction is found on the worker; the change is not made there."""
    session.other_prompt = OTHER
    seen = []
    session.observe(lambda _: seen.append(session.metric_value), "interventions")
    steer(page, {"from": "other", "position": 3})
    assert seen == [session.metric_value]


def test_a_page_gets_both_rows_as_they_grow(page, session):
    session.ablate(mw.MLP(1))
    revision = page.state()["revision"]
    with brake(session.model, 0.02):
        name = page.tell("continuation", SETTINGS)
        result, _ = page.answer(name)
        written = session.continuation(5).result(SECONDS)
    assert [token[0] for token in result["edited"]] == [token.id for token in written.edited]
    assert [token[0] for token in result["baseline"]] == [token.id for token in written.baseline]
    assert result["divergence"] == written.divergence
    assert (result["revision"], result["ended"]) == (revision, written.ended)
    for token, own in zip(result["edited"], written.edited, strict=True):
        assert result["texts"][str(token[0])] == own.text
        assert token[1] == pytest.approx(own.probability, rel=1e-2)
        assert token[3][0][1] == max(share for _, share in token[3])
        assert all(str(i) in result["texts"] for i, _ in token[3])
    partial = [m["partial"] for m, _ in page.messages if m["id"] == name and "partial" in m]
    lengths = [len(each["edited"]) for each in partial]
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < 5
    assert partial[0]["edited"] == result["edited"][: lengths[0]]


def begun(page, name):
    """The first tokens have come."""
    return any(m["id"] == name and "progress" in m for m, _ in page.messages)


def answered(page, name):
    return any(m["id"] == name and "ok" in m for m, _ in page.messages)


def test_a_click_goes_first_and_a_page_that_withdraws_ends_it(page, session):
    with brake(session.model, 0.02) as slow:
        name = page.tell("continuation", SETTINGS | {"new_tokens": 20})
        eventually(lambda: begun(page, name))
        page.ask("toggle", {"component": {"type": "head", "layer": 0, "head": 0}})
        assert page.state()["outcome"]["fired"] == 1
        assert not answered(page, name)  # it was answered while the text goes on
        page.workbench._handle_custom_msg({"v": 1, "id": name, "op": "cancel"}, [])
        passes = slow.passes
        session.ablate(mw.Head(0, 1))
        session.wait(SECONDS)
        assert slow.passes <= passes + 4  # the numbers of the click, and no more text
    assert not answered(page, name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"new_tokens": 0},
        {"new_tokens": 10**6},
        {"temperature": -1},
        {"temperature": "hot"},
        {"top_p": 0},
        {"seed": -1},
        {"on": "everything"},
        {"more": 1},
    ],
)
def test_how_to_write_is_checked(page, wrong):
    assert page.ask("continuation", SETTINGS | wrong)[0]["message"]


def test_a_model_that_fills_in_says_that_it_does_not_write():
    with mw.Session(masked_model(), BLANK) as session, Tapped(session) as workbench:
        refused, _ = Page(workbench).ask("continuation", SETTINGS)
    assert "does not predict the next token" in refused["message"]
    assert refused["hint"]


def test_closing_the_view_ends_what_it_asked_for(model):
    with mw.Session(model, PROMPT) as session, brake(model, 0.02) as slow:
        workbench = Tapped(session)
        page = Page(workbench)
        name = page.tell("continuation", SETTINGS | {"new_tokens": 20})
        eventually(lambda: begun(page, name))
        workbench.close()
        passes = slow.passes
        session.ablate(mw.Head(0, 0))
        session.wait(SECONDS)
        assert slow.passes <= passes + 4  # the numbers of the click, and no more text
