"""Causal tracing in GPT-2 XL (Meng et al. 2022): where a fact about a subject is.

The numbers are a recollection of the paper, not read from it: over a thousand facts a total effect
of 18.6 %, of which the state after layer 15 at the subject's last token brings back 8.7 %, and the
attention's writes around it 1.6 %, far less than the MLPs'. Our facts are a dozen others: what is
asked is the order of magnitude, and the order of the parts.
"""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from tests.weights.cached import require, without_start
from tests.weights.causal_tracing import state, trace, window

pytestmark = pytest.mark.weights

FACTS = (
    ("The Space Needle", " is in downtown", " Seattle"),
    ("The Eiffel Tower", " is in the city of", " Paris"),
    ("The Colosseum", " is in the city of", " Rome"),
    ("Big Ben", " is in the city of", " London"),
    ("Microsoft", " was founded by Bill", " Gates"),
    ("Miles Davis", " plays the", " trumpet"),
    ("Toko Yasuda", " plays the", " guitar"),
    ("Wayne Gretzky", " plays the sport of", " hockey"),
    ("Tiger Woods", " plays the sport of", " golf"),
    ("The mother tongue of Marie Curie", " is", " Polish"),
    ("The capital of Japan", " is", " Tokyo"),
    ("The iPhone", " is made by", " Apple"),
)
AROUND = range(10, 21)  # a window of ten layers, as in the paper


def test_a_fact_is_in_the_mlps_at_the_subjects_last_token() -> None:
    model = require("gpt2-xl", "openai-community/gpt2-xl")
    spread = float(model.model.transformer.wte.weight.std())
    restores = [state(15), window(mw.MLP, AROUND), window(mw.Attention, AROUND)]
    totals = torch.zeros(4)
    for subject, rest, answer in FACTS:
        ids = without_start(model, subject + rest)
        last = len(without_start(model, subject)) - 1
        found = trace(
            model, ids, range(last + 1), model.token_id(answer), restores, noise=3 * spread, draws=3
        )
        totals += torch.tensor([found.total_effect, *found.indirect_effects]) / len(FACTS)
    total, of_state, of_mlps, of_attentions = totals.tolist()
    assert 0.186 / 3 < total < 0.186 * 4
    assert 0.087 / 3 < of_state < total
    assert of_mlps > of_attentions
    assert of_attentions < total / 3
