"""The neurons view: its numbers are those of hooks, bad input is refused, clamps slide."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import neuron_strips, neuron_tokens, rank_neurons
from tests.models.zoo.build import hooked
from tests.session.tiny import PROMPT
from tests.views.conftest import Page, Tapped


@torch.no_grad()
def by_hooks(model):
    """`[layer][pos, neuron]`, the inputs of the down projections of a GPT-2, by plain hooks."""
    held, module = [], model.model
    handles = [
        block.mlp.c_proj.register_forward_pre_hook(lambda _module, args: held.append(args[0][0]))
        for block in module.transformer.h
    ]
    module(torch.tensor([model.tokenize(PROMPT).ids]))
    for handle in handles:
        handle.remove()
    return torch.stack(held).numpy()


def test_the_answer_is_what_plain_hooks_see(page, model):
    about, [values] = page.ask("neurons", {"order": "here", "position": 3, "k": 4})
    expected = by_hooks(model)[:, 3]
    assert values.shape == (3, 4, 6)
    for layer in range(3):
        top = np.argsort(-np.abs(expected[layer]))[:4]
        np.testing.assert_array_equal(values[layer, :, 0], top)
        np.testing.assert_allclose(values[layer, :, 2], expected[layer][top], atol=1e-5)
    assert (values[:, :, 1] == 3).all()
    assert about["totals"] == [96] * 3
    assert about["layers"] == [0, 1, 2]
    assert about["gated"] is False
    assert about["without"] == []
    assert about["effect_of"] == page.workbench.session.now().state.bound.label


def test_edits_and_the_metric_are_the_sessions(page, model):
    session = page.workbench.session
    edit = mw.Scale(mw.Neuron(0, 5), 3.0)
    session.interventions = [edit]
    _, [values] = page.ask("neurons", {"order": "effect", "position": None, "k": 3})
    tokens = model.tokenize(PROMPT)
    expected = rank_neurons(model, tokens, "effect", [edit], metric=session.metric, k=3)
    np.testing.assert_array_equal(values[:, :, 0], expected.index)
    np.testing.assert_allclose(values[:, :, 5], expected.effect, rtol=1e-6)


def test_strips_come_with_and_without_edits(page, model):
    named = [[1, 7], [0, 2]]
    about, strips = page.ask("neuron_strips", {"neurons": named})
    assert not about["edited"]
    assert len(strips) == 1
    np.testing.assert_allclose(strips[0][0], by_hooks(model)[1][:, 7], atol=2e-3)
    page.workbench.session.interventions = [mw.Ablate(mw.Neuron(1, 7))]
    about, [before, after] = page.ask("neuron_strips", {"neurons": named})
    assert about["edited"]
    np.testing.assert_array_equal(before, strips[0])
    assert (after[0] == 0).all()
    neurons = [mw.Neuron(*pair) for pair in named]
    tokens = model.tokenize(PROMPT)
    _, expected = neuron_strips(model, tokens, neurons, page.workbench.session.interventions)
    np.testing.assert_allclose(after, expected, atol=2e-3)


def test_what_a_neuron_says_is_told_in_tokens(page, model):
    told, _ = page.ask("neuron_tokens", {"layer": 2, "index": 9, "position": 4})
    expected = neuron_tokens(model, PROMPT, mw.Neuron(2, 9), position=4, k=6)
    assert [one["text"] for one in told["promoted"]] == [
        model.token_text(i) for i in expected.promoted
    ]
    np.testing.assert_allclose([one["gain"] for one in told["suppressed"]], expected.losses)


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("neurons", {"order": "loudest", "k": 4}, "one of here, anywhere"),
        ("neurons", {"order": "here", "k": 0}, "'k' has to be a whole number from 1"),
        ("neurons", {"order": "here", "k": 4, "position": 99}, "'position' has to be"),
        ("neurons", {"order": "here", "k": 4, "layer": 0}, "no argument 'layer'"),
        ("neuron_strips", {"neurons": []}, "a list of 1 to 64"),
        ("neuron_strips", {"neurons": [[0, 1]] * 65}, "a list of 1 to 64"),
        ("neuron_strips", {"neurons": [[0, "1"]]}, "a layer and an index"),
        ("neuron_strips", {"neurons": [[0, 9999]]}, "layer 0 has 96 neurons"),
        ("neuron_tokens", {"layer": 9, "index": 0, "position": 0}, "9"),
        ("neuron_tokens", {"layer": 0, "index": 0, "position": -1}, "'position' has to be"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(op, args, said, page):
    error, frames = page.ask(op, args)
    assert frames is None
    assert said in error["message"]


def test_a_model_of_experts_is_refused_with_the_name_of_its_neurons():
    with mw.Session(hooked("mixtral"), [5, 6, 7]) as session, Tapped(session) as workbench:
        error, _ = Page(workbench).ask("neurons", {"order": "anywhere", "k": 4})
    assert "ExpertNeuron(0, expert, index)" in error["message"]


def test_a_clamp_has_a_slider_in_units_of_the_activation(page):
    session = page.workbench.session
    part = {"type": "neuron", "layer": 1, "index": 7}
    page.ask("apply", {"intervention": {"type": "set_value", "component": part, "value": 2.5}})
    [listed] = page.state()["interventions"]
    assert listed["strength"] == 2.5
    page.ask("replace", {"id": listed["id"], "strength": -4, "drag": 1})
    page.ask("replace", {"id": listed["id"], "strength": -5, "drag": 1})
    assert session.interventions == (mw.SetValue(mw.Neuron(1, 7), -5.0),)
    session.undo()
    assert session.interventions == (mw.SetValue(mw.Neuron(1, 7), 2.5),)
    session.interventions = [mw.SetValue(mw.Neuron(1, 7), {0: 1.0, 1: 2.0})]
    assert page.state()["interventions"][0]["strength"] is None
