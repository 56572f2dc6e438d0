"""What a page gets of models that are no decoders: whole patterns, both stacks, the blank."""

from __future__ import annotations

import numpy as np

import mechwidget as mw
from tests.session.encoders import BLANK, masked_model, two_stack_model
from tests.session.tiny import SECONDS
from tests.views.conftest import Page, Tapped


def test_a_page_sees_a_model_that_looks_both_ways():
    model = masked_model()
    with mw.Session(model, BLANK) as session, Tapped(session) as workbench:
        page = Page(workbench)
        state = page.state()
        assert "layers 0 to 2: encoder, attends both ways" in state["model"]["notes"]
        assert state["encoder"] is None
        assert state["outcome"]["position"] == 2
        assert state["model"]["predicts"] == "here"
        html = workbench._repr_mimebundle_()[0]["text/html"]
        assert "token at 2" in html
        result, (pattern,) = page.ask("pattern", {"layer": 1, "head": 0, "edited": False})
        exact = session.pattern(mw.Head(1, 0), edited=False).result(SECONDS)
        np.testing.assert_allclose(pattern, exact, atol=1 / 500)
        assert np.triu(pattern, 1).max() > 0.01
        assert (result["queries"], result["keys"]) == (None, None)
        page.ask("set_metric", {"type": "probability", "token": "sat"})
        assert page.state()["metric"]["position"] == 2, "measured at the blank"
        session.interventions = [mw.ReplacePattern(mw.Head(1, 0), "previous")]
        page.ask("pattern", {"layer": 1, "head": 0, "edited": True})
        layouts = [m["frames"][0]["layout"] for m, _ in page.messages if "frames" in m]
        assert layouts == ["dense", "dense"], "also where this very pattern looks back only"


def test_a_page_sees_both_stacks_and_what_is_between_them():
    model = two_stack_model()
    prompt = mw.Inputs(encoder="the cat sat on", decoder="a dog")
    with mw.Session(model, prompt) as session, Tapped(session) as workbench:
        page = Page(workbench)
        state = page.state()
        assert state["prompt"] is None
        assert [token["text"] for token in state["tokens"]] == ["a", "dog"]
        assert [token["text"] for token in state["encoder"]] == ["the", "cat", "sat", "on"]
        assert state["model"]["cross_heads"] == [0, 0, 3, 3]
        assert state["model"]["notes"][:2] == [
            "layers 0 to 1: encoder, attends both ways",
            "layers 2 to 3: decoder",
        ]
        about, (pattern,) = page.ask("pattern", {"layer": 0, "head": 1, "edited": False})
        assert pattern.shape == (4, 4)
        assert [token["text"] for token in about["queries"]] == ["the", "cat", "sat", "on"]
        about, (pattern,) = page.ask("pattern", {"layer": 2, "head": 1, "edited": False})
        assert pattern[0, 1] == 0
        assert (about["queries"], about["keys"]) == (None, None)
        asked = {"layer": 2, "head": 1, "edited": False, "cross": True}
        about, (pattern,) = page.ask("pattern", asked)
        assert pattern.shape == (2, 4)
        assert about["queries"] is None
        assert [token["text"] for token in about["keys"]] == ["the", "cat", "sat", "on"]
        error, _ = page.ask("pattern", asked | {"layer": 0})
        assert error["type"] == "ProtocolError"


def test_edges_between_the_stacks_are_cut_and_restored():
    prompt = mw.Inputs(encoder="the cat sat on", decoder="a dog")
    with mw.Session(two_stack_model(), prompt) as session, Tapped(session) as workbench:
        page = Page(workbench)
        head = {"layer": 2, "head": 1, "cross": True}
        page.ask("knock_out", head | {"edges": [[0, 3], [1, 3]]})
        edges = [mw.Edge(2, 1, query, 3, cross=True) for query in (0, 1)]
        assert session.interventions == tuple(map(mw.KnockOut, edges))
        after = session.pattern(mw.Head(2, 1, cross=True)).result(SECONDS)
        assert (after[:, 3] == 0).all()
        page.ask("apply", {"intervention": {"type": "knock_out", "component": edges[0].to_json()}})
        assert session.interventions == (mw.KnockOut(edges[1]),)
        shown = page.state()["interventions"][0]["component"]
        assert shown == {"type": "edge", "layer": 2, "head": 1, "query": 1, "key": 3, "cross": True}
