"""One neuron of one expert: equal to surgery on that expert's weights, on every routed mixture."""

from __future__ import annotations

import json

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions import component_from_json, intervention_from_json
from mechwidget.models import Edit
from tests.models.state import state_of
from tests.models.zoo.build import build, edited_copy, example, hooked, own_logits, shared
from tests.models.zoo.species import LAYERS

MIXTURES = ("mixtral", "qwen2_moe", "gpt_oss", "deepseek_v3")
LAYER, INDEX = 1, 5
EXPERTS = "model.layers.{}.mlp.experts"
LAW = {"atol": 2e-5, "rtol": 1e-5}


def chosen(name: str, layer: int = LAYER) -> torch.Tensor:
    """`[pos, slot]`: which experts each token went to."""
    return hooked(name).run(example(), read=[("experts", layer)]).read["experts", layer][0]


def without_neuron(name: str, expert: int, index: int) -> torch.nn.Module:
    """A copy in which one column of one expert's down projection is zero."""
    copy = edited_copy(shared(name))
    experts = copy.get_submodule(EXPERTS.format(LAYER))
    with torch.no_grad():
        if experts.is_transposed:
            experts.down_proj[expert, index] = 0
        else:
            experts.down_proj[expert, :, index] = 0
    return copy


@pytest.mark.parametrize("name", MIXTURES)
def test_zeroing_an_experts_neuron_is_zeroing_its_column_of_the_down_projection(name: str) -> None:
    model, ids = hooked(name), example()
    for expert in chosen(name).unique().tolist():
        run = model.run(ids, [mw.Ablate(mw.ExpertNeuron(LAYER, expert, INDEX))])
        operated = own_logits(without_neuron(name, expert, INDEX), ids)
        assert torch.allclose(run.logits, operated, **LAW)
        assert not torch.allclose(run.logits, own_logits(shared(name), ids), **LAW)
        assert run.fired[0].change > 0
        assert run.fired[0].reason == ""
        assert run.attention == "explicit"


@pytest.mark.parametrize("name", MIXTURES)
def test_which_experts_a_token_went_to_is_what_the_router_gave(name: str) -> None:
    model, ids, seen = hooked(name), example(), []
    experts = edited_copy(shared(name))
    experts.get_submodule(EXPERTS.format(LAYER)).register_forward_pre_hook(
        lambda _module, args: seen.extend(args)
    )
    own_logits(experts, ids)
    _, index, weights = seen
    read = model.run(ids, read=["experts", "expert_weights", "expert_post"]).read
    assert torch.equal(read["experts", LAYER][0], index)
    assert torch.allclose(read["expert_weights", LAYER][0], weights, **LAW)
    neurons = read["expert_post", LAYER]
    assert neurons.shape == (1, 11, model.n_experts(LAYER), model.n_expert_neurons(LAYER))
    for position in range(11):
        went = index[position].tolist()
        others = [e for e in range(model.n_experts(LAYER)) if e not in went]
        assert neurons[0, position, others].abs().max() == 0
        assert (neurons[0, position, went].abs().amax(-1) > 0).all()


@pytest.mark.parametrize("name", MIXTURES)
def test_the_weighted_sum_over_experts_and_neurons_is_what_the_experts_write(name: str) -> None:
    """Σ_slot weight · (W_down[expert] · neurons + bias) is the module's own output."""
    model, ids, out = hooked(name), example(), []
    copy = edited_copy(shared(name))
    experts = copy.get_submodule(EXPERTS.format(LAYER))
    experts.register_forward_hook(lambda _module, _args, result: out.append(result))
    own_logits(copy, ids)
    read = model.run(ids, read=["experts", "expert_weights", "expert_post"]).read
    total = torch.zeros_like(out[0])
    down = experts.down_proj if experts.is_transposed else experts.down_proj.mT
    for position, (went, weights) in enumerate(
        zip(read["experts", LAYER][0].tolist(), read["expert_weights", LAYER][0], strict=True)
    ):
        for expert, weight in zip(went, weights, strict=True):
            neurons = read["expert_post", LAYER][0, position, expert]
            written = (neurons[:, None] * down[expert]).sum(0)  # one term for each neuron
            bias = experts.down_proj_bias[expert] if experts.has_bias else 0
            total[position] += weight * (written + bias)
    assert torch.allclose(total, out[0], **LAW)


@pytest.mark.parametrize("name", MIXTURES)
def test_where_the_token_went_elsewhere_nothing_changes_and_that_is_said(name: str) -> None:
    model, ids, went = hooked(name), example(), chosen(name)
    there = [p for p in range(11) if 1 in went[p].tolist()]
    elsewhere = [p for p in range(11) if p not in there]
    assert there
    assert elsewhere
    neuron = mw.ExpertNeuron(LAYER, 1, INDEX, elsewhere)
    plain = model.run(ids, read=[("expert_post", LAYER)])
    for edit in (mw.SetValue(neuron, 9.0), mw.SetValue(mw.ExpertNeuron(LAYER, 1, INDEX),
                 dict.fromkeys(elsewhere, 2.0))):  # fmt: skip
        run = model.run(ids, [edit])
        assert torch.equal(run.logits, plain.logits)
        assert run.fired[0].change == 0
        assert run.fired[0].reason == "no token there was sent to expert 1"
    everywhere = mw.SetValue(mw.ExpertNeuron(LAYER, 1, INDEX), 9.0)
    read = model.run(ids, [everywhere], read=[("expert_post", LAYER)]).read["expert_post", LAYER]
    expected = plain.read["expert_post", LAYER].clone()
    expected[0, there, 1, INDEX] = 9.0
    assert torch.equal(read, expected)


@pytest.mark.parametrize("name", MIXTURES)
def test_what_comes_from_the_same_prompt_and_what_scales_by_one_change_no_bit(name: str) -> None:
    model, ids = hooked(name), example()
    plain = model.run(ids, read=[("experts", LAYER)])
    neuron = mw.ExpertNeuron(LAYER, 1, INDEX)
    for edit in (
        mw.Scale(neuron, 1),
        mw.Patch(neuron, ids),
        mw.Freeze(neuron),
        mw.Ablate(neuron, "resample", ids),
        mw.Ablate(neuron, "mean", ids, by_position=True),
    ):
        run = model.run(ids, [edit])
        assert torch.equal(run.logits, plain.logits), edit
        assert all(each.change == 0 and each.reason for each in run.fired)


@pytest.mark.parametrize("name", MIXTURES)
def test_replayed_in_full_and_as_a_row_it_is_the_same(name: str) -> None:
    model, ids = hooked(name), example()
    model.run(ids)
    edits = [[mw.Ablate(mw.ExpertNeuron(2, e, INDEX))] for e in range(4)]
    edits.append([mw.Ablate(mw.Head(2, 1)), mw.SetValue(mw.ExpertNeuron(2, 0, 3), 4.0)])
    rows = model.run_rows(ids, edits)
    for row, edit in zip(rows, edits, strict=True):
        model.run(ids, read=[("experts", 0)])
        replayed, full = model.run(ids, edit), model.run(ids, edit, replay=False)
        assert replayed.plan.replayed == 2
        assert torch.equal(replayed.logits, full.logits)
        assert torch.allclose(row.logits, full.logits, **LAW)


@pytest.mark.parametrize("name", MIXTURES)
def test_a_token_can_be_sent_to_other_experts(name: str) -> None:
    model, ids = hooked(name), example()

    class Elsewhere:
        def edits(self, _model, _n):
            def apply(experts: torch.Tensor) -> torch.Tensor:
                return (experts + 1) % 4

            return (Edit(mw.Site("experts", LAYER), apply),)

    run = model.run(ids, [Elsewhere()], read=[("experts", LAYER)])
    assert torch.equal(run.read["experts", LAYER][0], (chosen(name) + 1) % 4)
    assert not torch.allclose(run.logits, model.run(ids).logits, **LAW)


def test_reading_experts_leaves_the_model_as_it_was() -> None:
    model = build("mixtral")
    before, wrapped = state_of(model), mw.wrap(model)
    wrapped.run(example(), [mw.Ablate(mw.ExpertNeuron(0, 1, 2))], read=["experts", "pattern"])
    assert state_of(model) == before
    assert model.config._experts_implementation != "mechwidget"


def test_a_component_of_an_expert_is_a_value() -> None:
    neuron = mw.ExpertNeuron(1, 2, 7, [3, -1])
    assert component_from_json(json.loads(json.dumps(neuron.to_json()))) == neuron
    assert str(neuron) == "neuron 7 of expert 1.2 at -1, 3"
    ablate = mw.Ablate(neuron)
    assert intervention_from_json(ablate.to_json()) == ablate
    for wrong in ((0, -1, 0), (0, 0, -1), (0, "1", 0)):
        with pytest.raises(InterventionError):
            mw.ExpertNeuron(*wrong)
    with pytest.raises(InterventionError, match="expected a") as caught:
        mw.Steer(neuron, [1.0])
    assert "SetValue" in caught.value.hint


def test_what_is_not_there_is_refused_by_reason() -> None:
    ids = example()
    for name, component, message in (
        ("gpt2", mw.ExpertNeuron(0, 0, 0), "no experts that go through transformers' Experts"),
        ("mixtral", mw.ExpertNeuron(0, 4, 0), r"has 4 experts \(0 to 3\) with 48 neurons"),
        ("mixtral", mw.ExpertNeuron(0, 0, 48), r"has 4 experts \(0 to 3\) with 48 neurons"),
        ("mixtral", mw.ExpertNeuron(LAYERS, 0, 0), "mixtral has 3 layers"),
    ):
        with pytest.raises(ComponentError, match=message):
            hooked(name).run(ids, [mw.Ablate(component)])
    with pytest.raises(ComponentError, match="no neurons of its own") as caught:
        hooked("mixtral").run(ids, [mw.Ablate(mw.Neuron(0, 0))])
    assert "ExpertNeuron(0, expert, index)" in caught.value.hint
