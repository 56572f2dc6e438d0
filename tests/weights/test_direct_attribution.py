"""Direct logit attribution in GPT-2 small: TransformerLens' Direct_Logit_Attribution_Demo.

Its numbers are of a bridge in compatibility mode: biases folded (see `folding`), the unembedding
centred over the vocabulary. They are computed in that convention here.
"""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import direct_attribution
from tests.weights.cached import require, with_start
from tests.weights.folding import folded, neurons_to_logits

pytestmark = pytest.mark.weights

PROMPT = "When John and Mary went to the shops, John gave the bag to"
HEADS = {
    (9, 9): 1.9583, (9, 6): 1.6281, (10, 7): -1.4267, (11, 1): -0.9117,
    (11, 10): -0.9042, (10, 0): 0.6370, (10, 10): 0.4524, (8, 10): 0.4264,
}  # fmt: skip
NEURONS = {" Mary": (11, 611, 0.3188), " John": (11, 621, -0.4359), " the": (10, 2214, 0.4369)}
PRINTED = 0.002


def test_the_heads_that_speak_for_mary_rather_than_john() -> None:
    loaded = require("gpt2", "openai-community/gpt2")
    model = mw.wrap(folded(loaded.model), loaded.tokenizer)
    ids = with_start(model, PROMPT)
    found = direct_attribution(model, ids, mw.LogitDiff(" Mary", " John")).heads
    for (layer, head), published in HEADS.items():
        assert found[layer, head] == pytest.approx(published, abs=PRINTED), (layer, head)
    largest = np.argsort(-np.abs(found).ravel())[: len(HEADS)]
    assert {divmod(int(each), found.shape[1]) for each in largest} == set(HEADS)


@pytest.mark.parametrize("token", NEURONS)
def test_the_neuron_that_speaks_loudest_about_a_token(token: str) -> None:
    model = require("gpt2", "openai-community/gpt2")
    found = neurons_to_logits(model, with_start(model, PROMPT), model.token_id(token))
    layer, neuron, published = NEURONS[token]
    assert divmod(int(found.abs().argmax()), found.shape[1]) == (layer, neuron)
    assert float(found[layer, neuron]) == pytest.approx(published, abs=PRINTED)
