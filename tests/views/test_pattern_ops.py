"""The ops that draw attention: bytes at the drawn resolution, edges as one change, bad input."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import value_weighted
from mechwidget.session.pooling import pooled
from mechwidget.views.ops.patterns import MOST_EDGES
from mechwidget.views.pattern_frame import amounts_frame
from tests.session.tiny import SECONDS

LOOK = {"layer": 1, "moment": "after"}


def test_all_heads_of_a_layer_come_in_one_small_frame(page):
    session = page.workbench.session
    about, (values,) = page.ask("patterns", LOOK | {"most": 4})
    assert (about["factor"], about["heads"]) == (3, [0, 1, 2])
    assert (about["n_queries"], about["queries"], about["sink"]) == (10, None, False)
    whole = torch.stack([session.pattern(mw.Head(1, h)).result(SECONDS) for h in range(3)])
    np.testing.assert_allclose(values, pooled(whole, 3), atol=1 / 510 + 1e-6)
    np.testing.assert_allclose(about["first"], whole[:, 1:, 0].mean(-1), atol=1e-6)
    answer = next(
        m for m, _ in reversed(page.messages) if m.get("ok") and m["result"].get("factor")
    )
    (header,) = answer["frames"]
    assert (header["dtype"], header["layout"]) == ("u8", "tril")


def test_what_edges_move_and_changes_keep_their_size_and_sign(page):
    session = page.workbench.session
    session.ablate(mw.MLP(0))
    state = session.now().state
    after, before = (
        value_weighted(session.model, state.tokens, 1, edits).values.numpy()
        for edits in (state.active, ())
    )
    _, (found,) = page.ask("patterns", LOOK | {"most": 64, "weight": "value"})
    np.testing.assert_allclose(found, after, atol=after.max() / 500)
    ask = {"layer": 1, "moment": "change", "weight": "value", "heads": [2], "most": 64}
    _, (found,) = page.ask("patterns", ask)
    apart = (after - before)[2]
    np.testing.assert_allclose(found[0], apart, atol=np.abs(apart).max() / 250)


def test_no_change_is_exactly_none():
    change = torch.tensor([[0.0, 0.0], [-0.31, 0.0]])
    seen = amounts_frame(change).values()
    assert seen[0, 0] == 0
    assert abs(seen[1, 1]) < 1e-7
    assert seen[1, 0] == pytest.approx(-0.31, rel=0.01)


def test_a_part_of_a_pattern(page):
    session = page.workbench.session
    ask = LOOK | {"head": 2, "queries": [3, 9], "keys": [0, 4], "factor": 2}
    _, (part,) = page.ask("pattern_part", ask)
    whole = session.pattern(mw.Head(1, 2)).result(SECONDS)
    np.testing.assert_allclose(part, pooled(whole[3:9, :4], 2), atol=1 / 510 + 1e-6)
    _, (rows,) = page.ask("pattern_rows", LOOK | {"head": 2})
    np.testing.assert_allclose(rows[1], np.ones(10), atol=1e-3)


def test_edges_are_cut_and_restored_as_one_change(page):
    session = page.workbench.session
    session.ablate(mw.MLP(0))
    edges = {"layer": 1, "head": 0, "edges": [[3, 1], [4, 1], [5, 1]]}
    page.ask("knock_out", edges)
    cut = [mw.KnockOut(mw.Edge(1, 0, query, 1)) for query in (3, 4, 5)]
    assert session.interventions == (mw.Ablate(mw.MLP(0)), *cut)
    session.undo()
    assert len(session.interventions) == 1
    session.redo()
    page.ask("knock_out", edges | {"edges": [[4, 1], [9, 2]]})
    assert len(session.interventions) == 5
    page.ask("knock_out", edges)
    assert session.interventions == (mw.Ablate(mw.MLP(0)), mw.KnockOut(mw.Edge(1, 0, 9, 2)))


@pytest.mark.parametrize(
    ("op", "args", "why"),
    [
        ("patterns", LOOK | {"most": 0}, "'most'"),
        ("patterns", LOOK | {"most": 8, "heads": [3]}, "heads 0 to 2"),
        ("patterns", LOOK | {"most": 8, "heads": []}, "a list of 1 to 3"),
        ("patterns", LOOK | {"most": 8, "moment": "later"}, "one of before, after, change"),
        ("patterns", LOOK | {"most": 8, "cross": True}, "no patterns to draw"),
        ("pattern_part", LOOK | {"head": 0, "queries": [4, 2], "keys": [0, 1], "factor": 1}, "ord"),
        ("pattern_part", LOOK | {"head": 0, "queries": [0, 11], "keys": [0, 1], "factor": 1}, "10"),
        ("pattern_part", LOOK | {"head": 3, "queries": [0, 1], "keys": [0, 1], "factor": 1}, "0 "),
        ("knock_out", {"layer": 0, "head": 0, "edges": [[1]]}, r"\[query, key\]"),
        ("knock_out", {"layer": 0, "head": 0, "edges": [[1, 0]] * (MOST_EDGES + 1)}, "129 edges"),
        ("knock_out", {"layer": 0, "head": 0, "edges": [[1, 99]]}, "99"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_sentence(page, op, args, why):
    error, _ = page.ask(op, args)
    assert "message" in error, error
    assert re.search(why, error["message"]), error
    assert page.workbench.session.interventions == ()
