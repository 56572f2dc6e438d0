"""The other components: what zero means for an MLP, an attention, a neuron, at positions."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions import component_from_json
from tests.models.zoo.build import edited_copy, example, hooked, own_logits, shared
from tests.models.zoo.species import LAYERS, NEURONS, ZOO

WITH_DOWN = [name for name, species in ZOO.items() if species.down]
ADDITIVE = [name for name, species in ZOO.items() if species.additive]


@torch.no_grad()
def silenced(name: str, path: str) -> torch.nn.Module:
    """A copy in which one linear map writes nothing at all."""
    copy = edited_copy(shared(name))
    linear = copy.get_submodule(path)
    linear.weight.zero_()
    if getattr(linear, "bias", None) is not None:
        linear.bias.zero_()
    return copy


@pytest.mark.parametrize("name", WITH_DOWN)
def test_zeroing_an_mlp_is_a_down_projection_that_writes_nothing(name: str) -> None:
    ids = example()
    for layer in range(LAYERS):
        run = hooked(name).run(ids, [mw.Ablate(mw.MLP(layer))])
        copy = silenced(name, ZOO[name].down.format(layer))
        assert torch.equal(run.logits, own_logits(copy, ids))


@pytest.mark.parametrize("name", [n for n in ZOO if ZOO[n].layers])
def test_zeroing_attention_is_an_output_projection_that_writes_nothing(name: str) -> None:
    ids = example()
    for layer in ZOO[name].layers:
        run = hooked(name).run(ids, [mw.Ablate(mw.Attention(layer))])
        copy = silenced(name, ZOO[name].w_o.format(layer))
        assert torch.equal(run.logits, own_logits(copy, ids))


@pytest.mark.parametrize("name", WITH_DOWN)
def test_zeroing_a_neuron_is_zeroing_its_row_of_the_down_projection(name: str) -> None:
    ids, layer, neuron = example(), 1, 7
    copy = edited_copy(shared(name))
    linear = copy.get_submodule(ZOO[name].down.format(layer))
    with torch.no_grad():
        rows = linear.weight if type(linear).__name__ == "Conv1D" else linear.weight.T
        rows[neuron] = 0
    run = hooked(name).run(ids, [mw.Ablate(mw.Neuron(layer, neuron))])
    assert torch.equal(run.logits, own_logits(copy, ids))


@pytest.mark.parametrize("name", ADDITIVE)
def test_the_stream_is_the_sum_of_what_was_written(name: str) -> None:
    model, species = hooked(name), ZOO[name]
    read = model.run(example(), read=model.sites).read
    for layer in species.layers:
        before, after = read["resid_pre", layer], read["resid_post", layer]
        written = read["attn_out", layer] + read["mlp_out", layer]
        assert torch.allclose(before + written, after, atol=1e-5)
        if not species.parallel:
            middle = read["resid_mid", layer]
            assert torch.equal(before + read["attn_out", layer], middle)
            assert torch.equal(middle + read["mlp_out", layer], after)


@pytest.mark.parametrize("name", ADDITIVE)
def test_the_middle_of_the_stream_exists_only_where_the_mlp_reads_it(name: str) -> None:
    layers = tuple(s.layer for s in hooked(name).sites if s.name == "resid_mid")
    assert layers == (() if ZOO[name].parallel else ZOO[name].layers)


@pytest.mark.parametrize("name", ADDITIVE)
def test_everything_zeroed_leaves_the_embedding(name: str) -> None:
    model = hooked(name)
    off = [mw.Ablate(mw.Attention(i)) for i in range(LAYERS) if model.has_attention(i)]
    off += [mw.Ablate(mw.MLP(i)) for i in range(LAYERS) if model.has_mlp(i)]
    if len(off) < 2 * LAYERS:
        pytest.skip("a recurrent layer has no control that would silence it")
    read = model.run(example(), off, read=[("resid_pre", 0), ("resid_post", LAYERS - 1)]).read
    assert torch.equal(read["resid_pre", 0], read["resid_post", LAYERS - 1])


COMPONENTS = [mw.Head(1, 2), mw.MLP(1), mw.Attention(1), mw.Neuron(1, 7)]


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("component", COMPONENTS, ids=str)
def test_an_edit_at_late_positions_leaves_earlier_logits_bit_identical(name, component) -> None:
    model, ids, species = hooked(name), example(), ZOO[name]
    try:
        component.check(model)
    except ComponentError:
        pytest.skip(f"{name} has no {component}")
    if isinstance(component, mw.Neuron):  # a ReLU neuron that is silent anyway proves nothing
        active = model.run(ids, read=[("mlp_post", 1)]).read["mlp_post", 1][0, 6].abs()
        component = mw.Neuron(1, int(active.argmax()))
    late = component_from_json({**component.to_json(), "positions": [6, -1]})
    run, baseline = model.run(ids, [mw.Ablate(late)]), model.run(ids)
    if species.kind in ("mixtral", "qwen2_moe", "gpt_oss", "deepseek_v3"):
        assert torch.allclose(
            run.logits[:, :6], baseline.logits[:, :6], atol=1e-5
        )  # batched experts
    else:
        assert torch.equal(run.logits[:, :6], baseline.logits[:, :6])
    assert not torch.equal(run.logits[:, 6:], baseline.logits[:, 6:])


def test_positions_are_the_ones_that_were_named() -> None:
    model = hooked("llama")
    head = mw.Head(1, 2, positions=(3, -1))
    z = model.run(example(), [mw.Ablate(head)], read=[("z", 1)]).read["z", 1]
    assert (z[:, [3, 10], 2] == 0).all()
    assert (z[:, [0, 1, 2, 4, 9], 2].abs().sum(-1) > 0).all()
    assert (z[:, 3, [0, 1, 3]].abs().sum(-1) > 0).all()


def test_a_position_past_the_prompt_is_refused() -> None:
    with pytest.raises(InterventionError, match="position 11; the prompt has 11 tokens"):
        hooked("gpt2").run(example(), [mw.Ablate(mw.Head(0, 0, positions=[11]))])


@pytest.mark.parametrize(
    ("name", "component", "message"),
    [
        ("gpt2", mw.Head(1, 4), r"head 1\.4 does not exist: layer 1 has 4 heads \(0 to 3\)"),
        ("gpt2", mw.Head(3, 0), r"head 3\.0 does not exist: gpt2 has 3 layers \(0 to 2\)"),
        ("gpt2", mw.Neuron(0, NEURONS), r"layer 0 has 48 neurons \(0 to 47\)"),
        ("mixtral", mw.Neuron(0, 0), "layer 0 has no neurons of its own"),
        ("mamba", mw.Head(0, 0), "layer 0 has no attention heads"),
        ("mamba", mw.Attention(0), "layer 0 has no attention"),
        ("mamba", mw.MLP(0), "layer 0 has no MLP"),
        ("bamba", mw.Head(0, 0), "layer 0 has no attention heads"),
        ("gpt2", mw.MLP(7), r"MLP 7 does not exist: gpt2 has 3 layers"),
    ],
)
def test_a_component_that_is_not_there_is_refused_by_name(name, component, message) -> None:
    with pytest.raises(ComponentError, match=message):
        hooked(name).run(example(), [mw.Ablate(component)])
    with pytest.raises(ComponentError, match=message):
        hooked(name).check(component)


def test_an_mlp_of_experts_can_be_zeroed_as_a_whole() -> None:
    model, ids = hooked("mixtral"), example()
    read = model.run(ids, [mw.Ablate(mw.MLP(1))], read=[("resid_mid", 1), ("resid_post", 1)]).read
    assert torch.equal(read["resid_mid", 1], read["resid_post", 1])


def test_granite_keeps_its_multiplier_out_of_what_an_edit_sees() -> None:
    """`attn_out` is what the stream receives: 0.22 times the projection's output."""
    from mechwidget.models import Edit

    class Add:
        def edits(self, _model, _n):
            return (Edit(mw.Site("attn_out", 1), lambda t: t + 1.0),)

    model, ids = hooked("granite"), example()
    sites = [("resid_pre", 1), ("resid_mid", 1), ("attn_out", 1)]
    plain, added = model.run(ids, read=sites).read, model.run(ids, [Add()], read=sites).read
    assert torch.allclose(added["resid_mid", 1], plain["resid_mid", 1] + 1.0, atol=1e-6)


def test_editing_the_middle_of_the_stream_moves_both_readers() -> None:
    from mechwidget.models import Edit

    class Zero:
        def edits(self, _model, _n):
            return (Edit(mw.Site("resid_mid", 1), torch.zeros_like),)

    read = (
        hooked("llama").run(example(), [Zero()], read=["mlp_out", "resid_mid", "resid_post"]).read
    )
    assert (read["resid_mid", 1] == 0).all()
    assert torch.allclose(read["resid_post", 1], read["mlp_out", 1], atol=1e-6)
