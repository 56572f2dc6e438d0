"""Composition scores: those of TransformerLens on the same weights.

`enable_compatibility_mode()` folds norms into what reads them and centres what is written, as the
older HookedTransformer did and as our scores are defined. Without it the bridge's scores are those
of the raw weights, without gains, which no head of the model reads with.
"""

from __future__ import annotations

import numpy as np
import pytest

from mechwidget.analysis import composition_scores
from tests.parity.pairs import MODELS, bridge_of, module, pair

pytest.importorskip("transformer_lens", reason="TransformerLens is not installed")


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_theirs(name):
    ours, bridge = composition_scores(pair(name).ours), bridge_of(module(name))
    bridge.enable_compatibility_mode(disable_warnings=True)
    for kind, scores in (("Q", ours.q), ("K", ours.k), ("V", ours.v)):
        theirs = bridge.all_composition_scores(kind)
        assert [f"L{layer}H{head}" for layer, head in ours.heads] == theirs.head_labels
        flat = theirs.scores.detach().reshape(len(ours.heads), -1).numpy()
        # What they leave at 0 reads what comes later: we say that there is no such number.
        np.testing.assert_array_equal(np.isfinite(scores), flat > 0)
        np.testing.assert_allclose(np.nan_to_num(scores), flat, atol=1e-5)
        assert flat.max() > ours.chance
