"""The workbench answers a page: every op, every refusal, and a state that is always coherent."""

from __future__ import annotations

import json
import random
import threading

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.errors import MechwidgetError
from mechwidget.views import workbench as workbench_module
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, tiny_model
from tests.views.conftest import Page, Tapped

HEAD = {"type": "head", "layer": 1, "head": 2}


def test_a_click_is_answered_at_once_and_its_numbers_follow(page):
    before = page.state()
    answer, _ = page.ask("toggle", {"component": HEAD})
    assert answer == {"revision": 1}
    assert page.workbench.session.interventions == (mw.Ablate(mw.Head(1, 2)),)
    after = page.state()
    assert after["interventions"] == [
        {
            "index": 0,
            "id": after["interventions"][0]["id"],
            "type": "ablate",
            "component": HEAD,
            "mode": "zero",
            "layers": None,
            "strength": None,
            "along": None,
            "unit": None,
            "sentence": "Zero head 1.2",
            "enabled": True,
        }
    ]
    assert after["outcome"]["revision"] == 1
    assert after["outcome"]["fired"] == 1
    assert after["outcome"]["kl"] > 0 == before["outcome"]["kl"]
    assert after["outcome"]["metric"]["before"] == before["outcome"]["metric"]["before"]
    assert after["outcome"]["metric"]["after"] == page.workbench.session.metric_value


def test_the_state_is_json_and_has_every_field(page):
    state = page.state()
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {
        *("session", "revision", "model", "prompt", "tokens", "interventions", "metric"),
        *("can_undo", "can_redo", "phase", "error", "outcome", "encoder", "other", "reference"),
        *("undo", "redo", "groups", "trial", "tried", "snapshots"),
        "scores",
        "corpus",
        "directions",
        "loaded",
    }
    assert state["tokens"][0] == {"id": 1, "text": "the", "special": False}
    assert state["metric"] == {
        "label": "logit difference mat \N{MINUS SIGN} rug",
        "unit": "logits",
        "position": 9,
        "spec": {"type": "logit_diff", "a": "mat", "b": "rug", "position": -1},
    }
    model = state["model"]
    assert (model["n_layers"], model["heads"], model["mlp"]) == (3, [3, 3, 3], [True] * 3)
    assert (model["dtype"], model["device"], model["max_positions"]) == ("float32", "cpu", 32)
    assert set(state["outcome"]["top"][0]) == {
        *("id", "text", "before", "after", "logit_before", "logit_after"),
        *("rank_before", "rank_after"),
    }


def test_all_that_a_page_can_change(page):
    session = page.workbench.session
    page.ask("toggle", {"component": HEAD})
    page.ask("toggle", {"component": {"type": "mlp", "layer": 0}})
    first = page.state()["interventions"][0]["id"]
    page.ask("set_enabled", {"id": first, "enabled": False})
    assert page.state()["interventions"][0]["enabled"] is False
    page.ask("remove", {"id": first})
    assert session.interventions == (mw.Ablate(mw.MLP(0)),)
    page.ask("set_prompt", {"prompt": "the dog sat"})
    assert [token["text"] for token in page.state()["tokens"]] == ["the", "dog", "sat"]
    page.ask("set_metric", {"type": "probability", "token": "cat"})
    assert session.metric == mw.Probability("cat")
    page.ask("set_metric")
    assert page.state()["metric"] is None
    page.ask("clear")
    assert session.interventions == ()
    page.ask("undo")
    assert len(session.interventions) == 1
    page.ask("redo")
    assert session.interventions == ()
    page.ask("select", {"component": HEAD, "position": 2})
    assert (session.selection.component, session.selection.position) == (mw.Head(1, 2), 2)
    page.ask("select", {"component": None, "position": None})
    assert session.selection.component is None


def test_every_view_is_told_what_is_selected_and_by_whom(model):
    session = mw.Session(model, "Paris is the capital")
    with Tapped(session) as first, mw.AttentionView(session) as second:
        page = Page(first)
        page.ask("select", {"component": HEAD, "position": 2, "by": "page 1"})
        for view in (first, second):
            assert view._selected == {"component": HEAD, "position": 2, "by": "page 1"}
        session.select(mw.MLP(0))
        for view in (first, second):
            assert view._selected == {"component": mw.MLP(0).to_json(), "position": None, "by": ""}
        with mw.Outcome(session) as third:  # one that is made later
            assert third._selected == second._selected
    session.select()
    assert second._selected["component"] is not None  # closed: nobody is told any more


def test_what_is_selected_while_a_view_is_made_is_not_missed(model):
    session = mw.Session(model, "Paris is the capital")

    class Slow(mw.Outcome):
        @classmethod
        def page_name(cls):  # asked for once the selection was read
            session.select(mw.MLP(0))
            return super().page_name()

    with Slow(session) as view:
        assert view._selected["component"] == mw.MLP(0).to_json()


def test_a_cross_means_its_row_whatever_code_does_to_the_list_meanwhile(page):
    session = page.workbench.session
    heads = [mw.Ablate(mw.Head(0, head)) for head in range(3)]
    session.interventions = heads
    drawn = [each["id"] for each in page.state()["interventions"]]
    assert len(set(drawn)) == 3
    session.interventions = [mw.Ablate(mw.MLP(1)), heads[2], heads[0]]  # the page has not seen it
    page.ask("remove", {"id": drawn[2]})
    page.ask("set_enabled", {"id": drawn[0], "enabled": False})
    error, _ = page.ask("remove", {"id": drawn[1]})
    assert error["type"] == "InterventionError"
    assert session.interventions == (mw.Ablate(mw.MLP(1)), heads[0])
    assert session.disabled == {heads[0]}


def test_ids_are_never_used_again_and_undo_brings_them_back(page):
    session = page.workbench.session

    def ids():
        return {i["sentence"]: i["id"] for i in page.state()["interventions"]}

    session.ablate(mw.Head(0, 0))
    before = ids()
    session.undo()
    session.ablate(mw.Head(0, 1))
    assert not set(ids().values()) & set(before.values())
    session.toggle(mw.Head(0, 1))
    session.undo()
    kept = ids()
    session.ablate(mw.Head(0, 2))
    assert kept.items() <= ids().items()


def test_a_page_is_told_whose_heads_a_frozen_pattern_is_about(page):
    frozen = [mw.Freeze("pattern"), mw.Freeze("pattern", layers=[2, 0]), mw.Freeze(mw.MLP(1))]
    page.workbench.session.interventions = frozen
    told = [(each["component"], each["layers"]) for each in page.state()["interventions"]]
    assert told == [(None, "all"), (None, [0, 2]), ({"type": "mlp", "layer": 1}, None)]


def test_arrays_come_as_frames(page):
    session = page.workbench.session
    result, (pattern,) = page.ask("pattern", {"layer": 2, "head": 1, "edited": False})
    about = {"layer": 2, "head": 1, "revision": 0, "queries": None, "keys": None}
    assert result == about
    exact = session.pattern(mw.Head(2, 1), edited=False).result(SECONDS)
    np.testing.assert_allclose(pattern, exact, atol=1 / 255)


def test_effects_grow_while_the_page_waits(page, model):
    with brake(model, 0.02):
        request = page.tell("score", {"name": "effect"})
        _, (final,) = page.answer(request)
    about_it = [content for content, _ in page.messages if content["id"] == request]
    assert about_it[0] == {"v": 1, "id": request, "ack": True}
    partial = [content for content in about_it if "progress" in content]
    assert partial
    assert partial[0]["partial"]["unit"] == "logits"
    assert partial[0]["progress"]["total"] == 18
    assert not np.isnan(final).any()


def test_a_page_that_no_longer_wants_an_answer_stops_the_work(page, model):
    page.state()
    with brake(model, 0.02) as slow:
        request = page.tell("score", {"name": "effect"})
        assert slow.running.wait(SECONDS)
        page.workbench._handle_custom_msg({"v": 1, "op": "cancel", "id": request}, [])
        eventually(lambda: page.workbench.session._open().worker._current is None)
        assert slow.passes < 6


BAD = {
    "no component": ("toggle", {}, "component"),
    "a component that is text": ("toggle", {"component": "1.2"}, "object"),
    "a kind that does not exist": ("toggle", {"component": {"type": "brain"}}, "brain"),
    "a head that does not exist": (
        "toggle",
        {"component": HEAD | {"head": 9}},
        "3 heads",
    ),
    "a layer below 0": ("toggle", {"component": HEAD | {"layer": -1}}, "-1"),
    "a head of true": ("toggle", {"component": HEAD | {"head": True}}, "True"),
    "a position past the prompt": ("toggle", {"component": HEAD | {"positions": [99]}}, "99"),
    "an argument too many": ("toggle", {"component": HEAD, "mode": "mean"}, "mode"),
    "an id of nothing": ("remove", {"id": 3}, "not in the list any more"),
    "an id of text": ("remove", {"id": "0"}, "id"),
    "an id below all": ("remove", {"id": -1}, "id"),
    "a place for an id": ("remove", {"index": 0}, "index"),
    "a switch that is no switch": ("set_enabled", {"id": 0, "enabled": 1}, "enabled"),
    "a switch of nothing": ("set_enabled", {"id": 0, "enabled": True}, "not in the list any more"),
    "an empty prompt": ("set_prompt", {"prompt": ""}, "empty"),
    "no prompt": ("set_prompt", {}, "prompt"),
    "a prompt of numbers": ("set_prompt", {"prompt": [1, 2]}, "text"),
    "half a character": ("set_prompt", {"prompt": "\ud83d"}, "character"),
    "a prompt past the context": ("set_prompt", {"prompt": "cat " * 40}, "context is 32"),
    "an unknown metric": ("set_metric", {"type": "loss"}, "loss"),
    "a token of several": ("set_metric", {"type": "probability", "token": "cat dog"}, "one token"),
    "half a token": ("set_metric", {"type": "probability", "token": "\udc00"}, "character"),
    "the same token twice": (
        "set_metric",
        {"type": "logit_diff", "a": "cat", "b": "cat"},
        "two tokens",
    ),
    "an unknown score": ("score", {"name": "beauty"}, "previous_token"),
    "a pattern without a head": ("pattern", {"layer": 0}, "head"),
    "a pattern of no layer": ("pattern", {"layer": 3, "head": 0, "edited": True}, "layer"),
    "a pattern of no head": ("pattern", {"layer": 0, "head": 3, "edited": True}, "head"),
    "a pattern edited perhaps": ("pattern", {"layer": 0, "head": 0, "edited": "?"}, "edited"),
    "a position that is none": ("select", {"component": None, "position": 10}, "position"),
    "clear with arguments": ("clear", {"all": True}, "all"),
    "an unknown op": ("explode", {}, "explode"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_with_the_reason_and_loses_nothing(page, name):
    op, args, named = BAD[name]
    page.ask("toggle", {"component": {"type": "head", "layer": 0, "head": 0}})
    before = page.state()
    error, frames = page.ask(op, args)
    assert frames is None
    assert named in error["message"]
    assert error["type"] not in ("", "InternalError")
    assert page.workbench.state == before
    page.ask("toggle", {"component": HEAD})
    assert page.state()["outcome"]["revision"] == 2


def test_thirty_rapid_clicks_end_in_the_state_of_the_last(page, model):
    clicks = random.Random(3)
    with brake(model, 0.002):
        for _ in range(30):
            head = {"type": "head", "layer": clicks.randrange(3), "head": clicks.randrange(3)}
            page.tell("toggle", {"component": head})
        state = page.state()
    session = page.workbench.session
    assert state["outcome"]["revision"] == 30 == session.revision
    assert [each["sentence"] for each in state["interventions"]] == [
        each.sentence for each in session.interventions
    ]
    fresh = model.run(PROMPT, session.interventions, positions=[-1]).logits
    assert torch.equal(session.result.logits, fresh)


def test_two_workbenches_of_one_session_show_the_same(page):
    with Tapped(page.workbench.session) as other:
        second = Page(other)
        page.ask("toggle", {"component": HEAD})
        assert second.state() == page.state()
        second.ask("undo")
        assert second.state() == page.state()
        page.workbench.session.interventions = [mw.Ablate(mw.MLP(2))]
        assert second.state()["interventions"] == page.state()["interventions"] != []
    page.ask("clear")
    assert page.state()["interventions"] == []


def test_an_error_of_the_model_is_shown_and_undo_leads_out_of_it():
    overflow = mw.SetValue(mw.MLP(2), 3e38)  # its mean over a row is infinite in float32
    with mw.Session(tiny_model(seed=9), PROMPT) as session, Tapped(session) as workbench:
        page = Page(workbench)
        good = page.state()
        session.interventions = [overflow]
        bad = page.state()
        assert bad["phase"] == "error"
        assert bad["error"]["type"] == "NotFiniteError"
        assert "Undo" in bad["error"]["hint"]
        assert bad["outcome"] == good["outcome"], "the page keeps what it had"
        page.ask("undo")
        assert page.state()["phase"] == "ready"
        assert page.state()["error"] is None


def test_while_numbers_are_computed_the_page_is_told(page, model):
    page.state()
    with brake(model, 0.02):
        page.ask("toggle", {"component": HEAD})
        eventually(lambda: page.workbench.state["revision"] == 1)
        state = page.workbench.state
        assert (state["phase"], state["outcome"]["revision"]) == ("running", 0)
        assert page.state()["phase"] == "ready"


def test_marks_and_numbers_that_come_together_are_one_push(page):
    page.state()
    seen = []
    page.workbench.observe(lambda change: seen.append(change["new"]["phase"]), "state")
    page.ask("toggle", {"component": HEAD})
    eventually(lambda: page.workbench.state["outcome"]["revision"] == 1)
    assert seen in (["ready"], ["running", "ready"])  # the latter on a machine that was busy


@pytest.mark.parametrize("name", ["state", "_esm", "_carried", "_view", "_protocol", "layout"])
def test_a_page_cannot_write_a_trait(page, name):
    state = page.state()
    before = getattr(page.workbench, name)
    update = {"method": "update", "state": {name: {"evil": 1}}, "buffer_paths": []}
    page.workbench._handle_msg({"content": {"data": update}, "buffers": []})
    assert getattr(page.workbench, name) is before
    assert page.workbench.state is state


def test_clicks_from_many_threads_are_all_done(page):
    heads = [{"type": "head", "layer": i, "head": j} for i in range(3) for j in range(3)]
    threads = [
        threading.Thread(target=page.tell, args=("toggle", {"component": head})) for head in heads
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(page.state()["interventions"]) == 9


def test_a_closed_session_says_so_and_the_picture_stays(page):
    state = page.state()
    page.workbench.session.close()
    error, _ = page.ask("toggle", {"component": HEAD})
    assert "was closed" in error["message"]
    assert page.workbench.state == state
    assert "text/html" in page.workbench._repr_mimebundle_()[0]


def test_a_closed_workbench_leaves_the_session_open(model):
    with mw.Session(model, PROMPT) as session:
        workbench = Tapped(session)
        page = Page(workbench)
        workbench.close()
        workbench.close()
        session.ablate(mw.Head(0, 0))
        session.wait()
        page.tell("clear")
        assert len(session.interventions) == 1
        assert page.messages == []
        assert not session._listeners


def test_it_shows_a_session_and_nothing_else(model):
    with pytest.raises(MechwidgetError, match="shows a Session, not HookedModel"):
        mw.Workbench(model)


def test_explore_makes_both(model):
    with mw.explore(model, PROMPT, mw.Probability("cat")) as workbench:
        assert isinstance(workbench, workbench_module.Workbench)
        assert workbench.session.metric == mw.Probability("cat")
        assert repr(workbench) == f"Workbench({workbench.session!r})"
        workbench.session.close()
