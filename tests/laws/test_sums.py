"""What is read adds up: heads, neurons, writes and, through the frozen final norm, the logits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from torch import nn

import mechwidget as mw
from tests.laws.three import (
    ANYTHING,
    HEADS,
    LAYERS,
    NAMES,
    PROMPTS,
    THREE,
    bias_of,
    capped,
    down,
    final_norm,
    hooked,
    random_prompt,
    rows_in,
    shared,
    through,
    uncapped,
    w_o,
)

LAW = {"atol": 1e-5, "rtol": 1e-5}


def heads_of(name: str, layer: int, z: torch.Tensor) -> torch.Tensor:
    """`[batch, pos, head, d_model]`: what each head writes, before any norm."""
    weight = rows_in(w_o(name, layer)).reshape(HEADS, -1, hooked(name).d_model)
    return torch.einsum("bphd,hdm->bphm", z, weight)


def neurons_of(name: str, layer: int, post: torch.Tensor) -> torch.Tensor:
    """`[batch, pos, neuron, d_model]`: what each neuron writes, before any norm."""
    return post.unsqueeze(-1) * rows_in(down(name, layer))


def after_post_norm(name: str, layer: int, which: int, run: mw.Run):
    """What a sandwich norm makes of a term, with the divisor of this run; else nothing."""
    if name != "gemma2":
        return lambda x: x
    block = shared(name).model.layers[layer]
    norm = block.post_attention_layernorm if which == 2 else block.post_feedforward_layernorm
    return through(norm, run.read[f"norm{which}_scale", layer])


@pytest.mark.parametrize(
    ("parts_of", "read", "into", "written", "which"),
    [(heads_of, "z", w_o, "attn_out", 2), (neurons_of, "mlp_post", down, "mlp_out", 4)],
)
@ANYTHING
@given(NAMES, PROMPTS)
def test_parts_and_bias_sum_to_what_is_written(
    parts_of: Callable[[str, int, torch.Tensor], torch.Tensor],
    read: str,
    into: Callable[[str, int], nn.Module],
    written: str,
    which: int,
    name: str,
    prompt: tuple[int, ...],
) -> None:
    reads = [read, written] + [f"norm{which}_scale"] * (name == "gemma2")
    run = hooked(name).run(prompt, read=reads)
    for layer in range(LAYERS):
        linear = after_post_norm(name, layer, which, run)
        parts = linear(parts_of(name, layer, run.read[read, layer]).sum(2))
        total = parts + linear(torch.zeros_like(parts) + bias_of(into(name, layer)))
        assert torch.allclose(total, run.read[written, layer], **LAW)


@ANYTHING
@given(NAMES, PROMPTS)
def test_writes_sum_to_the_stream(name: str, prompt: tuple[int, ...]) -> None:
    """With raw sublayer outputs in the place of what Gemma's norms make of them, it is off by 4."""
    read = hooked(name).run(prompt, read=["resid_pre", "attn_out", "resid_mid", "mlp_out",
                                          "resid_post"]).read  # fmt: skip
    for layer in range(LAYERS):
        middle = read["resid_pre", layer] + read["attn_out", layer]
        assert torch.equal(middle, read["resid_mid", layer])
        assert torch.equal(middle + read["mlp_out", layer], read["resid_post", layer])


@ANYTHING
@given(NAMES, PROMPTS)
def test_the_decomposition_sums_to_the_logits(name: str, prompt: tuple[int, ...]) -> None:
    """Embeddings + every head + every neuron + biases, through the frozen final norm."""
    model = hooked(name)
    reads = ["z", "mlp_post", "final_norm_scale", ("resid_pre", 0)]
    run = model.run(prompt, read=reads + ["norm2_scale", "norm4_scale"] * (name == "gemma2"))
    terms = [run.read["resid_pre", 0]]
    for layer in range(LAYERS):
        after = after_post_norm(name, layer, 2, run)
        terms += [after(t) for t in heads_of(name, layer, run.read["z", layer]).unbind(2)]
        terms.append(after(torch.zeros_like(terms[0]) + bias_of(w_o(name, layer))))
        after = after_post_norm(name, layer, 4, run)
        terms += [after(t) for t in neurons_of(name, layer, run.read["mlp_post", layer]).unbind(2)]
        terms.append(after(torch.zeros_like(terms[0]) + bias_of(down(name, layer))))
    assert len(terms) == 1 + LAYERS * (HEADS + model.n_neurons(0) + 2)
    frozen = through(final_norm(name), run.read["final_norm_scale"])
    unembed = rows_in(shared(name).lm_head)
    direct = [frozen(term) @ unembed for term in terms]
    bias = torch.zeros_like(terms[0]) + bias_of(final_norm(name))
    total = sum(direct, bias @ unembed)
    assert torch.allclose(capped(name, total), run.logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", THREE)
def test_a_direct_effect_is_the_ablation_with_everything_else_frozen(name: str) -> None:
    """Taking a part out of the last stream alone moves the logits by its term, no more, no less."""
    model, ids = hooked(name), random_prompt(9, 4)
    last = LAYERS - 1
    run = model.run(ids, read=["z", "final_norm_scale"] + ["norm2_scale"] * (name == "gemma2"))
    written = heads_of(name, 0, run.read["z", 0])[:, :, 2]
    term = after_post_norm(name, 0, 2, run)(written)
    edits = [mw.SetValue(mw.Residual(last, end="post"), _less(model, ids, last, term)[0]),
             mw.Freeze("final_norm")]  # fmt: skip
    moved = uncapped(name, run.logits) - uncapped(name, model.run(ids, edits).logits)
    linear = through(final_norm(name), run.read["final_norm_scale"])
    direct = linear(term) @ rows_in(shared(name).lm_head)
    assert torch.allclose(moved, direct, atol=2e-4)
    assert direct.abs().max() > 0.01


def _less(model: mw.HookedModel, ids: torch.Tensor, layer: int, term: torch.Tensor) -> torch.Tensor:
    stream: torch.Tensor = model.run(ids, read=[("resid_post", layer)]).read["resid_post", layer]
    return stream - term


@ANYTHING
@given(NAMES, PROMPTS)
def test_the_last_stream_through_norm_and_unembedding_is_the_logits(name, prompt) -> None:
    """The last layer's lens is the model, softcap included (without it, Gemma-2 is off)."""
    last = ("resid_post", LAYERS - 1)
    run = hooked(name).run(prompt, read=[last])
    with torch.no_grad():
        lens = shared(name).lm_head(final_norm(name)(run.read[last]))
    assert torch.equal(capped(name, lens), run.logits)


@ANYTHING
@given(NAMES, PROMPTS)
def test_without_any_sublayer_the_embedding_alone_decides(name, prompt) -> None:
    model = hooked(name)
    edits = [mw.Ablate(part(n)) for n in range(LAYERS) for part in (mw.Attention, mw.MLP)]
    run = model.run(prompt, edits, read=[("resid_pre", 0)])
    with torch.no_grad():
        lens = shared(name).lm_head(final_norm(name)(run.read["resid_pre", 0]))
    assert torch.equal(capped(name, lens), run.logits)


@ANYTHING
@given(NAMES, PROMPTS)
def test_pattern_times_values_is_z(name, prompt) -> None:
    read = hooked(name).run(prompt, read=["pattern", "v", "z"]).read
    for layer in range(LAYERS):
        values = read["v", layer]
        values = values.repeat_interleave(HEADS // values.shape[2], 2)
        made = torch.einsum("bhqk,bkhd->bqhd", read["pattern", layer], values)
        assert torch.allclose(made, read["z", layer], **LAW)
        assert torch.allclose(read["pattern", layer].sum(-1), torch.ones(()), atol=1e-6)
        assert read["pattern", layer].triu(1).abs().max() == 0
