"""TransformerLens's folded convention, in which its published attributions are.

There a head has neither the bias of its values nor what the norm's bias becomes in them: since a
row of a pattern sums to 1, both are the same at every position, and stand in b_O instead. The
function that the model computes is the same; what a single head adds to the stream is not.

In: a GPT-2. Out: the same one, folded; and direct effects of neurons on centred logits.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

import mechwidget as mw


@torch.no_grad()
def folded(module: nn.Module) -> nn.Module:
    """A copy of a GPT-2 with the biases of norms and values in b_O."""
    other = copy.deepcopy(module)
    for block in other.transformer.h:
        attn, norm = block.attn, block.ln_1
        bias = attn.c_attn(norm.bias)
        attn.c_attn.bias.copy_(bias)
        norm.bias.zero_()
        width = bias.shape[0] // 3
        values = bias[2 * width :].clone()
        attn.c_proj.bias.add_(values @ attn.c_proj.weight)
        attn.c_attn.bias[2 * width :] = 0
    return other


@torch.no_grad()
def neurons_to_logits(model: mw.HookedModel, ids: tuple[int, ...], token: int) -> torch.Tensor:
    """What each neuron of a GPT-2 adds at the last position, `[layer, neuron]`, in logits.

    To the logit of a token less the mean over all tokens, with the final norm as it was.
    """
    layers = range(model.n_layers)
    run = model.run(ids, read=["mlp_post", "final_norm_scale"], read_positions=[-1])
    norm, unembed = model.model.transformer.ln_f, model.model.lm_head.weight
    scale = run.read["final_norm_scale"][0, 0]
    towards = norm.weight * (unembed[token] - unembed.mean(0)) / scale
    towards = towards - towards.mean()  # a norm takes the mean away first
    rows = [
        run.read["mlp_post", layer][0, 0]
        * (model.model.transformer.h[layer].mlp.c_proj.weight @ towards)
        for layer in layers
    ]
    return torch.stack(rows)
