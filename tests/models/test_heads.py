"""Zero-ablating a head is zeroing its rows of W_O, exactly; a slice of the output is not."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from tests.models.zoo.build import (
    edited_copy,
    example,
    hooked,
    own_logits,
    shared,
    zero_head_weights,
)
from tests.models.zoo.species import HEADS, WIDTH, ZOO

WITH_HEADS = [name for name, species in ZOO.items() if species.layers]


@pytest.mark.parametrize("name", WITH_HEADS)
def test_zeroing_a_head_is_zeroing_its_rows_of_w_o(name: str) -> None:
    ids, species, baseline = example(), ZOO[name], own_logits(shared(name), example())
    for layer in species.layers:
        for head in range(HEADS):
            copy = edited_copy(shared(name))
            zero_head_weights(copy.get_submodule(species.w_o.format(layer)), head, HEADS)
            run = hooked(name).run(ids, [mw.Ablate(mw.Head(layer, head))])
            assert torch.equal(run.logits, own_logits(copy, ids))
            assert (run.logits - baseline).abs().max() > 0.1, (
                "a head that does nothing proves nothing"
            )
            assert run.fired[0].change > 0


@pytest.mark.parametrize("name", WITH_HEADS)
def test_token_print_ablation_zeroing_a_slice_of_the_output_is_something_else(name: str) -> None:
    """The mistake of FIELD 1C.1: residual dimensions are deleted, not a head."""
    ids, species = example(), ZOO[name]
    layer, head, width = species.layers[-1], 1, WIDTH // HEADS
    copy = edited_copy(shared(name))

    def slice_of_output(_module, _args, out: torch.Tensor) -> torch.Tensor:
        wrong = out.clone()
        wrong[..., head * width : (head + 1) * width] = 0
        return wrong

    copy.get_submodule(species.w_o.format(layer)).register_forward_hook(slice_of_output)
    run = hooked(name).run(ids, [mw.Ablate(mw.Head(layer, head))])
    assert (run.logits - own_logits(copy, ids)).abs().max() > 0.01


@pytest.mark.parametrize("name", WITH_HEADS)
def test_zeroing_every_head_leaves_the_projections_bias(name: str) -> None:
    ids, species = example(), ZOO[name]
    layer = species.layers[0]
    linear = shared(name).get_submodule(species.w_o.format(layer))
    heads = [mw.Ablate(mw.Head(layer, head)) for head in range(HEADS)]
    written = hooked(name).run(ids, heads, read=[("attn_out", layer)]).read["attn_out", layer]
    if not species.post_norm:
        bias = getattr(linear, "bias", None)
        expected = torch.zeros(WIDTH) if bias is None else bias.detach()
        assert torch.equal(written, expected.expand_as(written))
    else:
        assert torch.equal(written, torch.zeros_like(written))  # RMS norms keep zero at zero


@pytest.mark.parametrize("name", WITH_HEADS)
def test_what_the_heads_write_adds_up_to_what_attention_writes(name: str) -> None:
    ids, species = example(), ZOO[name]
    layer = species.layers[-1]
    linear = shared(name).get_submodule(species.w_o.format(layer))
    read = hooked(name).run(ids, read=[("z", layer)]).read
    z = read["z", layer]
    assert z.shape[:3] == (1, 11, HEADS)
    with torch.no_grad():
        whole = linear(z.flatten(-2))
        nothing = linear(torch.zeros_like(z).flatten(-2))
        total = nothing.clone()
        for head in range(HEADS):
            alone = torch.zeros_like(z)
            alone[:, :, head] = z[:, :, head]
            total += linear(alone.flatten(-2)) - nothing
    assert torch.allclose(total, whole, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in WITH_HEADS if not ZOO[n].sinks])
def test_pattern_rows_sum_to_one_and_look_back_only(name: str) -> None:
    model = hooked(name)
    read = model.run(example(), read=["pattern"]).read.layers("pattern")
    assert tuple(read) == ZOO[name].layers
    for pattern in read.values():
        assert pattern.shape == (1, HEADS, 11, 11)
        assert torch.allclose(pattern.sum(-1), torch.ones(1, HEADS, 11), atol=1e-6)
        assert pattern.triu(1).abs().max() == 0


def test_gpt_oss_sinks_take_their_share_of_the_pattern() -> None:
    pattern = hooked("gpt_oss").run(example(), read=[("pattern", 1)]).read["pattern", 1]
    assert pattern.sum(-1).max() <= 1 + 1e-6
    assert pattern.sum(-1).min() < 0.9
    assert pattern.triu(1).abs().max() == 0


@pytest.mark.parametrize("name", WITH_HEADS)
def test_z_is_the_pattern_times_the_values_of_the_same_head(name: str) -> None:
    """Editing the pattern of one head to zero zeroes its z and no other head's."""
    from mechwidget.models import Edit

    class NoAttention:
        def edits(self, _model, _n):
            def apply(pattern: torch.Tensor) -> torch.Tensor:
                edited = pattern.clone()
                edited[:, 2] = 0
                return edited

            return (Edit(mw.Site("pattern", layer), apply),)

    layer = ZOO[name].layers[0]
    z = hooked(name).run(example(), [NoAttention()], read=[("z", layer)]).read["z", layer]
    assert z[:, :, 2].abs().max() == 0
    assert all(z[:, :, head].abs().max() > 0 for head in (0, 1, 3))


def test_grouped_heads_share_keys_and_values() -> None:
    model = hooked("llama")
    read = model.run(example(), read=["q", "k", "v"]).read
    assert read["q", 0].shape == (1, 11, 4, 8)
    assert read["k", 0].shape == read["v", 0].shape == (1, 11, 2, 8)
    assert (model.n_heads(0), model.n_key_value_heads(0)) == (4, 2)
    assert "k/v heads are shared by 2 query heads" in model.notes


@pytest.mark.parametrize("name", ZOO)
def test_only_models_with_sinks_are_said_to_have_them(name: str) -> None:
    assert any("sink" in note for note in hooked(name).notes) == ZOO[name].sinks
