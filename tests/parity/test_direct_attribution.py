"""Direct logit attribution is TransformerLens' own, where both mean the same.

The bridge's `ActivationCache` has it of folded weights (`enable_compatibility_mode`), where the
gain of the norm is in the unembedding: `decompose_resid` without `apply_ln`, which `logit_attrs`
does itself (4.3: with both, all is divided by the scale twice). A head there lacks its value bias,
which is in the attention's b_O, so that heads are compared where there are none.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import attribution
from tests.parity.pairs import MODELS, TOLERANCE, bridge_of, module, pair

pytest.importorskip("transformer_lens", reason="TransformerLens is not installed")

A, B = 5, 17


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_each_term_is_the_bridges(name: str) -> None:
    two, bridge = pair(name), bridge_of(module(name))
    bridge.enable_compatibility_mode(disable_warnings=True)
    cache = bridge.run_with_cache(two.ids)[1]

    def said(stack: torch.Tensor) -> np.ndarray:
        terms = cache.logit_attrs(stack, tokens=A, incorrect_tokens=B, pos_slice=-1)
        return terms[:, 0].numpy()

    ours = attribution(two.ours, two.ids, mw.LogitDiff(A, B)).baseline
    stack, labels = cache.decompose_resid(return_labels=True, pos_slice=-1, apply_ln=False)
    theirs = dict(zip(labels, said(stack), strict=True))
    room = (
        10 * TOLERANCE * float(np.abs(list(theirs.values())).max())
    )  # of folded weights, rounded again
    assert ours.token == pytest.approx(theirs["embed"], abs=room)
    assert ours.position == pytest.approx(theirs.get("pos_embed", 0), abs=room)
    for layer in range(two.ours.n_layers):
        assert ours.attention[layer] == pytest.approx(theirs[f"{layer}_attn_out"], abs=room)
        assert ours.mlp[layer] == pytest.approx(theirs[f"{layer}_mlp_out"], abs=room)
    if name == "llama":
        heads = said(cache.stack_head_results(pos_slice=-1, apply_ln=False))
        n = ours.heads.size
        np.testing.assert_allclose(ours.heads.ravel(), heads[:n], atol=room)
