"""What nnsight reads and writes on the same weights, we read and write too.

nnsight names modules, not sites: z is the input of the output projection, the stream is what a
block returns. It patches the module that it is given, so it gets a copy; that a module which it has
patched can still be wrapped is a test of its own.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import mechwidget as mw
from tests.parity.pairs import HEAD, LAYER, MODELS, module, prompts, require_same

pytest.importorskip("nnsight", reason="nnsight is not installed")

each_model = pytest.mark.parametrize("name", MODELS)


class Places:
    """Where a block's parts are in an nnsight model."""

    def __init__(self, name: str) -> None:
        from nnsight import NNsight

        model = copy.deepcopy(module(name))
        self.model = NNsight(model)
        self.llama = name == "llama"
        self.ours = mw.wrap(module(name), name=name)
        self.ids, self.other, _ = prompts(self.ours.vocab_size)

    def block(self, layer: int) -> Any:
        model = self.model
        return model.model.layers[layer] if self.llama else model.transformer.h[layer]

    def attention(self, layer: int) -> Any:
        block = self.block(layer)
        return block.self_attn if self.llama else block.attn

    def w_o(self, layer: int) -> Any:
        attention = self.attention(layer)
        return attention.o_proj if self.llama else attention.c_proj

    def down(self, layer: int) -> Any:
        mlp = self.block(layer).mlp
        return mlp.down_proj if self.llama else mlp.c_proj

    def edited(self, value: Any) -> torch.Tensor:
        """nnsight's logits with one head's z set to `value`."""
        width = self.ours.ledger.blocks[LAYER].write("attention").width // self.ours.n_heads(LAYER)
        with torch.no_grad(), self.model.trace(self.ids, use_cache=False):
            self.w_o(LAYER).input[:, :, HEAD * width : (HEAD + 1) * width] = value
            logits = self.model.output.logits.save()
        return logits  # noqa: RET504 - the block above is traced, not run


@each_model
def test_reads(name: str) -> None:
    places = Places(name)
    with torch.no_grad(), places.model.trace(places.ids, use_cache=False):
        entered = places.block(LAYER).input.save()
        z = places.w_o(LAYER).input.save()
        written = places.w_o(LAYER).output.save()
        neurons = places.down(LAYER).input.save()
        mlp = places.down(LAYER).output.save()
        left = places.block(LAYER).output.save()
        logits = places.model.output.logits.save()
    sites = ("resid_pre", "z", "attn_out", "mlp_post", "mlp_out", "resid_post")
    run = places.ours.run(places.ids, read=[(site, LAYER) for site in sites])
    theirs = (entered, z, written, neurons, mlp, left)
    for site, tensor in zip(sites, theirs, strict=True):
        require_same(run.read[site, LAYER].reshape(tensor.shape), tensor, site)
    require_same(run.logits, logits, "logits")


@each_model
def test_interventions(name: str) -> None:
    places = Places(name)
    head = mw.Head(LAYER, HEAD)
    ablated = places.ours.run(places.ids, [mw.Ablate(head)])
    require_same(ablated.logits, places.edited(0.0))
    assert ablated.fired[0].change > 0
    source = places.ours.run(places.other, read=[head.site]).read[head.site][:, :, HEAD]
    patched = places.ours.run(places.ids, [mw.Patch(head, tuple(places.other[0].tolist()))])
    require_same(patched.logits, places.edited(source))


@each_model
def test_a_module_that_nnsight_has_taken_over(name: str) -> None:
    from nnsight import NNsight

    taken = copy.deepcopy(module(name))
    model = mw.wrap(taken)
    theirs = NNsight(taken)
    ids, *_ = prompts(model.vocab_size)
    expected = mw.wrap(module(name)).run(ids, [mw.Ablate(mw.Head(LAYER, HEAD))], read=["z"])
    forwards = {key: part.__dict__.get("forward") for key, part in taken.named_modules()}
    for wrapped in (model, mw.wrap(taken)):  # before and after
        run = wrapped.run(ids, [mw.Ablate(mw.Head(LAYER, HEAD))], read=["z"])
        require_same(run.logits, expected.logits)
        require_same(run.read["z", LAYER], expected.read["z", LAYER])
        assert wrapped.sites == model.sites
    left = {key: part.__dict__.get("forward") for key, part in taken.named_modules()}
    assert left == forwards
    with torch.no_grad(), theirs.trace(ids, use_cache=False):
        logits = theirs.output.logits.save()
    require_same(model.run(ids).logits, logits)
