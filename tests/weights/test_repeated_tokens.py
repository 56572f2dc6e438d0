"""The kinds of heads that GPT-2 small shows on a repeated string of random tokens.

Published by TransformerLens' Exploratory_Analysis_Demo for two strings of 100 random tokens, each
repeated once. Ours are other random tokens: hence 0.05.
"""

from __future__ import annotations

import pytest
import torch

from mechwidget.analysis import head_scores
from tests.weights.cached import require

pytestmark = pytest.mark.weights

PUBLISHED = {
    "previous_token": {(4, 11): 0.992, (3, 7): 0.529, (6, 8): 0.499, (2, 2): 0.482},
    "duplicate_token": {(0, 5): 0.703, (3, 0): 0.678, (0, 1): 0.132},
    "induction": {(5, 1): 0.931, (6, 9): 0.926, (5, 5): 0.926, (7, 10): 0.904, (7, 2): 0.851},
}
TOLERANCE = 0.05


@pytest.mark.parametrize("score", PUBLISHED)
def test_heads_of_a_kind(score: str) -> None:
    model = require("gpt2", "openai-community/gpt2")
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(12, 12)
    for _ in range(2):
        string = (1000 + torch.randperm(9000, generator=generator)[:100]).tolist()
        ids = (*string, *string)
        patterns = model.run(ids, read=["pattern"], positions=[-1]).read.layers("pattern")
        for layer, pattern in patterns.items():
            total[layer] += head_scores(score, pattern[0], ids).values / 2
    for (layer, head), value in PUBLISHED[score].items():
        assert float(total[layer, head]) == pytest.approx(value, abs=TOLERANCE), (layer, head)
    layer, head = divmod(int(total.argmax()), 12)
    best = max(PUBLISHED[score].values())
    assert PUBLISHED[score].get((layer, head), 0) >= best - TOLERANCE
