"""The weights view: its answers are those of the analysis, and bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import HeadCircuit, composition_scores, token_neighbours, weight_norms
from mechwidget.views import weight_reads
from mechwidget.views.ops import weights as ops
from mechwidget.views.tables import finished, table_of
from tests.models.zoo.build import hooked
from tests.session.tiny import tiny_model
from tests.views.conftest import Page, Tapped

HEAD = {"layer": 1, "head": 2}
ASK = {**HEAD, "token": 3, "k": 5, "distance": 0}


def test_circuits_of_a_token_are_those_of_the_analysis(page, model):
    told, _ = page.ask("head_circuit", ASK)
    circuit = HeadCircuit(model, mw.Head(1, 2))
    expected = circuit.token(3, 5)
    for name in ("keys", "queries", "raised", "suppressed"):
        ranked = getattr(expected, name)
        assert [one["id"] for one in told[name]] == ranked.ids.tolist()
        np.testing.assert_allclose([one["value"] for one in told[name]], ranked.values)
    assert told["token"] == {"id": 3, "text": model.token_text(3)}
    assert told["copying"] == pytest.approx(circuit.copying())
    assert (told["rotates"], told["cap"], told["qk_reason"], told["ov_reason"]) == (
        False,
        0,
        "",
        "",
    )
    pairs, _ = page.ask("head_pairs", {**HEAD, "circuit": "ov", "k": 4, "distance": 0})
    found = circuit.pairs("ov", 4)
    assert [one["second"]["id"] for one in pairs["pairs"]] == found.second.tolist()
    assert pairs["looked_at"] == found.looked_at
    near, _ = page.ask("token_neighbours", {"token": 3, "k": 4})
    assert [one["id"] for one in near["nearest"]] == token_neighbours(model, 3, 4).ids.tolist()


def test_neither_the_prompt_nor_an_edit_asks_anew(page, monkeypatch):
    first, [matrix, _] = page.ask("composition", {"kind": "q"})
    circuit, _ = page.ask("head_circuit", ASK)
    page.workbench.session.prompt = "the dog ran"
    page.workbench.session.ablate(mw.Head(0, 1))
    page.workbench.session.wait()
    monkeypatch.setattr(weight_reads, "CompositionSoFar", None)
    monkeypatch.setattr(HeadCircuit, "token", None)
    again, [same, _] = page.ask("composition", {"kind": "q"})
    assert again == first
    np.testing.assert_array_equal(same, matrix)
    assert page.ask("head_circuit", ASK)[0] == circuit


def test_weights_that_were_changed_are_asked_anew():
    model = tiny_model(seed=3)
    with mw.Session(model, "the cat sat") as session, Tapped(session) as workbench:
        page = Page(workbench)
        before, _ = page.ask("head_circuit", ASK)
        with torch.no_grad():
            model.model.transformer.h[1].attn.c_proj.weight.mul_(-1)
        after, _ = page.ask("head_circuit", ASK)
        assert [one["id"] for one in after["raised"]] == [one["id"] for one in before["suppressed"]]


def test_composition_travels_whole_and_by_layers_where_there_are_many(page, model, monkeypatch):
    found = composition_scores(model)
    about, [matrix, edges] = page.ask("composition", {"kind": "k"})
    assert about["heads"] == [list(head) for head in found.heads]
    assert (about["by"], about["done"], about["total"]) == ("head", 3, 3)
    np.testing.assert_allclose(matrix, found.k, atol=1e-3)
    order = np.argsort(-np.nan_to_num(found.k), axis=None)[:5]
    np.testing.assert_allclose(edges[:5, 2], found.k.flatten()[order], atol=1e-6)
    np.testing.assert_array_equal(edges[:5, 0] * 9 + edges[:5, 1], order)
    monkeypatch.setattr(ops, "MOST_HEADS", 4)
    monkeypatch.setattr(ops, "MOST_EDGES", 6)
    about, [matrix, few] = page.ask("composition", {"kind": "k"})
    assert about["by"] == "layer"
    assert matrix.shape == (3, 3)
    assert matrix[0, 2] == pytest.approx(float(found.k[:3, 6:].max()), abs=1e-3)
    assert np.isnan(matrix[2, 0])
    np.testing.assert_array_equal(few, edges[:6])


def test_norms_are_those_of_the_analysis(page, model):
    about, [qk, ov, mlp] = page.ask("weight_norms", {})
    found = weight_norms(model)
    np.testing.assert_allclose(qk, found.qk)
    np.testing.assert_allclose(ov, found.ov)
    np.testing.assert_allclose(mlp, found.mlp)
    assert about["reasons"] == []


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("head_circuit", {**ASK, "head": 9}, "'head' has to be a whole number from 0 to 2"),
        ("head_circuit", {**ASK, "layer": -1}, "'layer' has to be"),
        ("head_circuit", {**ASK, "token": 10**6}, "'token' has to be"),
        ("head_circuit", {**ASK, "k": 0}, "'k' has to be"),
        ("head_circuit", {**ASK, "distance": 99}, "'distance' has to be"),
        ("head_circuit", {**ASK, "distance": 40}, "expected a whole number from 0 to 31"),
        ("head_circuit", {**ASK, "cross": True}, "no argument 'cross'"),
        ("head_pairs", {**HEAD, "circuit": "vo", "k": 4, "distance": 0}, "one of qk, ov"),
        ("token_neighbours", {"token": "the", "k": 4}, "'token' has to be"),
        ("composition", {"kind": "o"}, "one of q, k, v"),
        ("weight_norms", {"layer": 0}, "takes no arguments"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(op, args, said, page):
    error, frames = page.ask(op, args)
    assert frames is None
    assert said in error["message"]


def test_a_model_without_circuits_is_refused_with_the_reason():
    with mw.Session(hooked("mamba"), [5, 6, 7]) as session, Tapped(session) as workbench:
        page = Page(workbench)
        error, _ = page.ask("head_circuit", {**ASK, "head": 0})
        assert "head" in error["message"]
        error, _ = page.ask("composition", {"kind": "q"})
        assert "no attention heads" in error["message"]


@pytest.mark.parametrize("of", ["circuit", "pairs", "composition", "norms"])
def test_tables_say_what_the_view_shows(of, page, model):
    table = finished(table_of(page.workbench.session, "weights", {"of": of, "layer": 1, "head": 2}))
    assert len(table) > 0
    assert table.about
    if of == "composition":
        assert len(table) == 27  # pairs of heads of which one comes later
        found = composition_scores(model)
        np.testing.assert_allclose(table.columns["v"], found.v[np.isfinite(found.v)])
    if of == "circuit":
        last = model.tokenize(page.workbench.session.prompt).ids[-1]
        assert table.about["token"] == model.token_text(last)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"of": "biases"}, "expected circuit, pairs, composition or norms"),
        ({"of": "pairs", "circuit": "vo"}, "expected 'qk' or 'ov'"),
        ({"layer": 7}, "3 layers"),
        ({"k": 0}, "expected 1 or more"),
        ({"token": "no such word"}, "token"),
        ({"heads": 1}, "no option 'heads'"),
    ],
)
def test_a_table_that_cannot_be_is_refused(options, said, page):
    with pytest.raises(mw.MechwidgetError, match=said):
        finished(table_of(page.workbench.session, "weights", options))
